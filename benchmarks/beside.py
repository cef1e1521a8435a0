"""What a worker's decoder and engines do with a recording, with no server between them: to hold jobs against.

Chunks go to the engine that has least to do, as soon as they are cut and the language is known.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tasks.child import Decoder, EngineChild
from tasks.protocol import ChildConfig, ChunkCut, Cut, Hear, LanguageHeard, SegmentFound
from tasks.shape import shape
from webapp.core.options import JobOptions, WantedOptions, settle
from webapp.core.settings import Settings, get_settings


class Heard(NamedTuple):
    """Seconds until there were words, and until all was done."""

    words: float
    done: float


class Engines:
    def __init__(self, decoder: Decoder, engines: Sequence[EngineChild]) -> None:
        self._decoder = decoder
        self._engines = Counter(dict.fromkeys(engines, 0))

    async def hear(self, path: Path, *, first_only: bool = False) -> Heard:
        hearing = _Hearing(settle(WantedOptions(), get_settings()))
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.TaskGroup() as group:
                request = Cut(path=path, folder=Path(folder))
                async with aclosing(self._decoder.cut(request)) as replies:
                    async for reply in replies:
                        if isinstance(reply, ChunkCut):
                            group.create_task(self._chunk(hearing, reply))
                            if first_only:
                                break
        return Heard(hearing.words - began, time.monotonic() - began)

    async def _chunk(self, hearing: "_Hearing", cut: ChunkCut) -> None:
        if cut.index:
            await hearing.language_known.wait()
        engine = min(self._engines, key=lambda each: self._engines[each])
        self._engines[engine] += 1
        await hearing.hear(engine, cut)
        self._engines[engine] -= 1


class _Hearing:
    def __init__(self, options: JobOptions) -> None:
        self._options = options
        self._language: str | None = None
        self.language_known = asyncio.Event()
        self.words = float("inf")

    async def hear(self, engine: EngineChild, cut: ChunkCut) -> None:
        request = Hear(
            path=cut.path, options=self._options, start=cut.start, language=self._language, spans=cut.spans
        )
        async with aclosing(engine.hear(request)) as replies:
            async for reply in replies:
                if isinstance(reply, LanguageHeard):
                    self._language = max(reply.weights, key=lambda each: reply.weights[each])
                    self.language_known.set()
                elif isinstance(reply, SegmentFound):
                    self.words = min(self.words, time.monotonic())


@asynccontextmanager
async def engines() -> AsyncIterator[Engines]:
    """Warm, and of this machine's shape, as a worker has them."""
    settings = get_settings()
    config = _config(settings)
    async with AsyncExitStack() as stack:
        decoder = await stack.enter_async_context(Decoder(config))
        found = [await stack.enter_async_context(EngineChild(config)) for _ in range(shape(settings).engines)]
        for engine in found:
            await engine.load(settings.default_model)
        await decoder.start()
        yield Engines(decoder, found)


def _config(settings: Settings) -> ChildConfig:
    return ChildConfig(
        models=settings.models,
        models_dir=settings.models_dir,
        cpu_threads=shape(settings).threads,
        vad_threshold=settings.vad_threshold,
        vad_min_silence_ms=settings.vad_min_silence_ms,
        max_duration_s=settings.max_duration_h * 3600,
    )
