"""A worker whose engine sleeps for as long as hearing would take, so that many fit on one machine.

Everything else is real: queue, leases, planning, storage, database. Run by `benchmarks.scale`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from saq.__main__ import main

import tasks.worker
from tasks import flac
from tasks.child import Decoder, EngineChild
from tasks.protocol import Cut, CutOut, Hear, Heard, Loaded, Reply, SegmentFound
from tasks.samples import RATE
from webapp.core.transcript import Segment

SPEED = float(os.environ.get("SLEEPER_SPEED", "15"))
SEGMENT_S = 8.0


class Sleeper(EngineChild):
    async def load(self, model: str) -> Loaded:
        return Loaded(model, "none", "none")

    async def hear(self, request: Hear, *, alone: bool = False) -> AsyncGenerator[Reply, None]:
        start, end = request.start, request.start + len(flac.read(request.path)) / RATE
        while start < end:
            stop = min(start + SEGMENT_S, end)
            await asyncio.sleep((stop - start) / SPEED)
            yield SegmentFound(Segment(start, stop, " and so on"))
            start = stop
        yield Heard(done=True)


class LateDecoder(Decoder):
    """Most of many workers never need theirs."""

    _wanted = False

    async def start(self) -> None:
        if self._wanted:
            await super().start()

    async def cut(self, request: Cut | CutOut) -> AsyncGenerator[Reply, None]:
        self._wanted = True
        async with aclosing(super().cut(request)) as replies:
            async for reply in replies:
                yield reply


if __name__ == "__main__":
    tasks.worker.EngineChild = Sleeper  # type: ignore[attr-defined]
    tasks.worker.Decoder = LateDecoder  # type: ignore[attr-defined]
    sys.argv = ["saq", "tasks.settings"]
    main()
