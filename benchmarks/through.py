"""A recording's way through a decoder and an engine, as a worker sends it, but without any servers."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.child import Decoder, EngineChild
from tasks.media import opened
from tasks.protocol import ChildConfig, ChunkCut, Cut, Failed, Hear, Position, Reply
from tasks.samples import Samples, joined
from webapp.core.options import JobOptions


class Children(NamedTuple):
    decoder: Decoder
    engine: EngineChild


@asynccontextmanager
async def children(config: ChildConfig) -> AsyncIterator[Children]:
    """Warm, as a worker has them."""
    async with Decoder(config) as decoder, EngineChild(config) as engine:
        await engine.load(config.models[0])
        await decoder.start()
        yield Children(decoder, engine)


async def through(ours: Children, path: Path, options: JobOptions) -> AsyncIterator[Reply]:
    """What the engine says, chunk by chunk; meanwhile the decoder cuts on."""
    with tempfile.TemporaryDirectory() as folder:
        async with aclosing(ours.decoder.cut(Cut(path=path, folder=Path(folder)))) as replies:
            async for reply in replies:
                _stop_at_failure(reply, path)
                if isinstance(reply, ChunkCut):
                    async for answer in _heard(ours.engine, reply, options):
                        _stop_at_failure(answer, path)
                        yield answer
                    reply.path.unlink()


def options(model: str, *, word_timestamps: bool, mode: str = "balanced") -> JobOptions:
    return JobOptions(
        model=model,
        language="en",
        task="transcribe",
        mode=mode,  # type: ignore[arg-type]  # one of those that there are
        mixed_languages=False,
        initial_prompt=None,
        hotwords=None,
        vad_filter=True,
        word_timestamps=word_timestamps,
        beam_size=None,
    )


def samples_of(path: Path, config: ChildConfig) -> Samples:
    """Mixed, also where its channels would be heard apart."""
    with opened(path, config) as recording:
        sound = joined(list(recording.windows()))
    return sound if sound.ndim == 1 else sound.mean(axis=0, dtype=np.float32)


async def _heard(engine: EngineChild, cut: ChunkCut, options: JobOptions) -> AsyncIterator[Reply]:
    if options.vad_filter and not cut.speech:  # such a chunk is finished as it is found
        yield Position(cut.end)
        return
    request = Hear(path=cut.path, options=options, start=cut.start, language=options.language)
    async with aclosing(engine.hear(request)) as replies:
        async for reply in replies:
            yield reply


def _stop_at_failure(reply: Reply, path: Path) -> None:
    if isinstance(reply, Failed):
        raise SystemExit(f"{path}: {reply.message}")
