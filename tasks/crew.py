"""Who works in this process: one decoder, some engines, and whether they have worked enough."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from tasks.child import PAGE, Decoder, EngineChild
from tasks.stopping import Restart
from webapp.core.settings import Settings

log = structlog.get_logger(__name__)
C = TypeVar("C")


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
        self._engines = list(engines)
        self._restart = restart
        self._pieces = 0
        self.tired = False

    @contextmanager
    def decoder(self) -> Iterator[Decoder | None]:
        """None if it is busy."""
        with self._one_of(self._decoders) as found:
            yield found

    @asynccontextmanager
    async def any_decoder(self) -> AsyncIterator[Decoder]:
        """One for a single task where ours is busy: it may be so for minutes."""
        with self.decoder() as idle:
            if idle:
                yield idle
                return
        async with Decoder(self._config) as another:
            yield another

    @property
    def leaving(self) -> bool:
        """Nothing more is taken up."""
        return self.tired or self._restart.stopping

    @property
    def has_idle_engine(self) -> bool:
        return bool(self._engines)

    @contextmanager
    def engine(self) -> Iterator[EngineChild | None]:
        """None if all are busy."""
        with self._one_of(self._engines) as found:
            yield found

    @contextmanager
    def _one_of(self, idle: list[C]) -> Iterator[C | None]:
        found = idle.pop() if idle else None
        try:
            yield found
        finally:
            if found is not None:
                idle.append(found)

    def note_piece(self) -> None:
        """After each piece of work: a crew that did many, or holds much memory, takes up no more."""
        self._pieces += 1
        most, line = self._settings.worker_max_jobs, self._settings.worker_memory_mb
        memory = self._memory_mb() if line else 0
        if not self.tired and ((most and self._pieces >= most) or memory > line):
            self.tired = True
            log.info("worker will start afresh", pieces=self._pieces, memory_mb=memory or None)

    def leave_if_tired(self) -> None:
        if self.tired and len(self._decoders) + len(self._engines) == len(self._everyone):
            self._restart.ask()

    def _memory_mb(self) -> int:
        own = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE >> 20
        return own + sum(child.memory_mb for child in self._everyone)
