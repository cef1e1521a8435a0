"""Who works in this process: one decoder, some engines, and whether they have worked enough."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from tasks.child import PAGE, Decoder, EngineChild
from tasks.stopping import Restart
from webapp.core.settings import Settings

log = structlog.get_logger(__name__)
# For each chunk that an engine hears already.
COURTESY_S = 0.1


class Crew:
    """`restart` is asked for once nobody works any more in a crew that is to be replaced."""

    def __init__(
        self,
        settings: Settings,
        decoder: Decoder,
        engines: Sequence[EngineChild],
        restart: Restart,
    ) -> None:
        self._settings = settings
        self._config = decoder.config
        self._everyone = [decoder, *engines]
        self._decoders = [decoder]
        self._engines = Counter(dict.fromkeys(engines, 0))
        self._further = asyncio.Semaphore(1)
        self._restart = restart
        self._pieces = 0
        self.tired = False

    @contextmanager
    def decoder(self) -> Iterator[Decoder | None]:
        """None if it is busy."""
        found = self._decoders.pop() if self._decoders else None
        try:
            yield found
        finally:
            if found is not None:
                self._decoders.append(found)

    @asynccontextmanager
    async def any_decoder(self) -> AsyncIterator[Decoder]:
        """One for a single task where ours is busy: it may be so for minutes."""
        with self.decoder() as idle:
            if idle:
                yield idle
                return
        # One at a time: each brings a process of its own, and many may be wanted at once after a restart.
        async with self._further, Decoder(self._config) as another:
            yield another

    @property
    def leaving(self) -> bool:
        """Nothing more is taken up."""
        return self.tired or self._restart.stopping

    @property
    def has_idle_engine(self) -> bool:
        """Room in one, rather: each hears several chunks."""
        return min(self._engines.values()) < self._settings.engine_batch

    @property
    def has_idle_decoder(self) -> bool:
        return bool(self._decoders)

    @contextmanager
    def engine(self) -> Iterator[EngineChild | None]:
        """The least busy one. None if all have as much as they can hear together."""
        found = min(self._engines, key=lambda engine: self._engines[engine])
        if self._engines[found] >= self._settings.engine_batch:
            yield None
            return
        self._engines[found] += 1
        try:
            yield found
        finally:
            self._engines[found] -= 1

    async def courtesy(self, engine: EngineChild) -> None:
        """Who is busy lets others go first: an idle engine, of this worker or another, is always better."""
        await asyncio.sleep(COURTESY_S * (self._engines[engine] - 1))

    def note_piece(self) -> None:
        """After each piece of work: a crew that did many, or holds much memory, takes up no more."""
        self._pieces += 1
        most, line = self._settings.worker_max_jobs, self._settings.worker_memory_mb
        memory = self._memory_mb() if line else 0
        if not self.tired and ((most and self._pieces >= most) or memory > line):
            self.tired = True
            log.info("worker will start afresh", pieces=self._pieces, memory_mb=memory or None)

    def leave_if_tired(self) -> None:
        if self.tired and self._decoders and not self._engines.total():
            self._restart.ask()

    def _memory_mb(self) -> int:
        own = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE >> 20
        return own + sum(child.memory_mb for child in self._everyone)
