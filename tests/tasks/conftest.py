"""Children for tests, with the real models and the settings that ship, and what they are asked."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tasks.child import Child, EngineChild
from tasks.models import Models
from tasks.protocol import ChildConfig, Cut, Hear, Request
from tasks.samples import RATE, Samples
from tests.support.children import KINDS, Ears, samples_of, stored
from tests.support.recordings import decoded, encode
from tests.support.speech import Speech
from webapp.core.options import JobOptions
from webapp.core.settings import Settings


@pytest.fixture(scope="session")
def config(settings: Settings) -> ChildConfig:
    return ChildConfig(models=("base", "tiny.en"), models_dir=settings.models_dir, cpu_threads=2)


@pytest.fixture(scope="session")
def options() -> JobOptions:
    return JobOptions(
        model="tiny.en",
        language=None,
        task="transcribe",
        mode="balanced",
        mixed_languages=False,
        initial_prompt=None,
        hotwords=None,
        vad_filter=True,
        word_timestamps=False,
        beam_size=5,
    )


@pytest.fixture(scope="session")
def models(config: ChildConfig, base_model: Path, tiny_model: Path) -> Models:
    return Models(config)


@pytest.fixture
def ears(models: Models) -> Ears:
    return Ears(models)


@pytest.fixture
def store(tmp_path: Path) -> Callable[[Samples], Path]:
    """As the decoder leaves a chunk for the engine, each in a file of its own."""

    def kept(samples: Samples) -> Path:
        return stored(tmp_path / f"{len(list(tmp_path.iterdir()))}.flac", samples)

    return kept


@pytest.fixture(scope="session")
def long_speech(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little more than one chunk holds, made of the short readings."""
    readings = [decoded(speech[f"lj_LJ001-000{n}.flac"]) for n in (1, 2, 3, 4)]
    whole = np.concatenate([*readings * 8])[: 200 * RATE]
    return encode(tmp_path_factory.mktemp("long") / "long.flac", "flac", whole)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=KINDS)
async def child(request: pytest.FixtureRequest, config: ChildConfig) -> AsyncIterator[Child]:
    async with KINDS[request.param](config) as child:
        yield child


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(config: ChildConfig) -> AsyncIterator[EngineChild]:
    async with EngineChild(config) as child:
        yield child


@pytest.fixture
def hear(speech: Speech, config: ChildConfig, options: JobOptions, tmp_path: Path) -> Hear:
    sound = stored(tmp_path / "jfk.flac", samples_of(speech["jfk.flac"], config))
    return Hear(path=sound, options=options, start=0.0)


@pytest.fixture(scope="module")
def minute(long_speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("minute") / "recording", decoded(long_speech)[: 60 * RATE])


@pytest.fixture
def work(child: Child, hear: Hear, minute: Path, tmp_path: Path) -> Request:
    """After the first answer there is enough left to do to be disturbed."""
    return hear if isinstance(child, EngineChild) else Cut(path=minute, folder=tmp_path)
