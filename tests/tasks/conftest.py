"""The engine's configuration for tests: the real models, in the settings that ship."""

from pathlib import Path

import numpy as np
import pytest

from tasks.protocol import EngineConfig
from tasks.samples import RATE
from tests.support.recordings import decoded, encode
from tests.support.speech import Speech
from webapp.core.options import JobOptions
from webapp.core.settings import Settings


@pytest.fixture(scope="session")
def config(settings: Settings) -> EngineConfig:
    return EngineConfig(models=("base", "tiny.en"), models_dir=settings.models_dir, cpu_threads=2)


@pytest.fixture(scope="session")
def options() -> JobOptions:
    return JobOptions(
        model="tiny.en",
        language=None,
        task="transcribe",
        initial_prompt=None,
        hotwords=None,
        vad_filter=True,
        word_timestamps=False,
        beam_size=5,
    )


@pytest.fixture(scope="session")
def long_speech(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little more than one chunk holds, made of the short readings."""
    readings = [decoded(speech[f"lj_LJ001-000{n}.flac"]) for n in (1, 2, 3, 4)]
    whole = np.concatenate([*readings * 8])[: 200 * RATE]
    return encode(tmp_path_factory.mktemp("long") / "long.flac", "flac", whole)
