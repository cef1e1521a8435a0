"""Streams that show the same are fed from one place, which looks and renders once per process.

What streams share is named by their owner first of all, so no two owners ever share a rendering.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import Context
from time import monotonic
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from webapp.core.events import JOINED, Events, Inbox
from webapp.errors import AWAY
from webapp.streams import QUIET_S, Admission, Admissions, Batch, Ear

log = structlog.get_logger(__name__)


class Shown(msgspec.Struct, frozen=True):
    """`whole`: for who has just come, empty if nobody has. `news`: for who has seen what was shown before."""

    whole: bytes = b""
    news: bytes = b""
    last: bool = False


STILL_HERE = b": still here\r\n\r\n"


class Source(Protocol):
    """Asked by one task, one thing after another."""

    @property
    def again_s(self) -> float:
        """After so long it is to look again, though no hint was heard."""

    def concerns(self, batch: Batch) -> bool: ...

    async def look(self, batch: Batch) -> Shown: ...


class _Turn:
    """What is shown once, and then what comes after it. Readers hold on to the one that they wait for."""

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self.next: _Turn | None = None
        # Plain futures: an Event has a deque, which weighs more than all else here.
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> Shown | None:
        """What is shown, None at the end."""
        if self.next is None:
            self._waiting.append(waiting := asyncio.get_running_loop().create_future())
            await waiting
        return self.shown

    def take(self, shown: Shown | None) -> "_Turn":
        self.shown, self.next = shown, _Turn()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return self.next


class Feed:
    def __init__(self, events: Events, owner: UUID, source: Source) -> None:
        self._events, self._owner, self._source = events, owner, source
        self._turn = _Turn()
        self._inbox: Inbox | None = None
        self._looked = self._spoke = 0.0
        self._task: asyncio.Task[None] | None = None
        self.readers = 0

    @property
    def over(self) -> bool:
        return self._task is not None and self._task.done()

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def read(self, admission: Admission) -> AsyncGenerator[bytes, None]:
        """All of it, then news. Who is too slow to hear every piece of news is shown all of it again."""
        turn, joining = self._join(), True
        while (shown := await turn.wait()) is not None:
            await admission.renew()
            last, piece = shown.last, shown.whole if joining else shown.news
            del shown  # what waits in thousands of streams should hold no text
            if piece:
                joining = False
                yield piece
            del piece
            if last:
                return
            turn, joining = self._after(turn, joining)

    def _after(self, turn: _Turn, joining: bool) -> tuple[_Turn, bool]:
        following = turn.next
        assert following
        if following is self._turn or following.next is self._turn:
            return following, joining
        return self._join(), True

    def _join(self) -> _Turn:
        if self._task is None:
            # In a context of its own: it outlives the request that came first.
            self._task = asyncio.create_task(self._run(), context=Context())
        if self._inbox is not None:
            self._inbox.put(JOINED)
        return self._turn

    async def _run(self) -> None:
        try:
            async with self._events.subscribe(self._owner) as self._inbox:
                await self._follow(Ear(self._inbox))
        except AWAY as problem:
            log.warning("stream ended", problem=repr(problem))
        except Exception as problem:
            log.error("unexpected error in a stream", exc_info=problem)
        finally:
            self._turn = self._turn.take(None)
            self._turn.take(None)

    async def _follow(self, ear: Ear) -> None:
        batch: Batch | None = Batch(frozenset(), joined=True)
        while batch is not None:
            shown = await self._look(batch)
            self._turn = self._turn.take(shown)
            if shown.last:
                return
            del shown
            quiet = min(QUIET_S, self._source.again_s)
            batch = await ear.concerning(self._source.concerns, quiet=quiet)

    async def _look(self, batch: Batch) -> Shown:
        shown = Shown()
        if not batch.silent or monotonic() - self._looked >= self._source.again_s:
            self._looked = monotonic()
            shown = await self._source.look(batch)
        # Hints that change nothing to be seen must not put off the sign of life.
        if not shown.news and monotonic() - self._spoke >= QUIET_S:
            shown = Shown(shown.whole, STILL_HERE)
        if shown.news:
            self._spoke = monotonic()
        return shown


class Feeds:
    """Those of this process that somebody reads."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._open: dict[Hashable, Feed] = {}
        self.admissions = Admissions()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def open(self, owner: UUID, what: tuple[Hashable, ...], make: Callable[[UUID], Source]) -> Iterator[Feed]:
        """`what` names all that decides how it looks, but for the owner."""
        key = (owner, *what)
        feed = self._open.get(key)
        if feed is None or feed.over:
            feed = self._open[key] = Feed(self._events, owner, make(owner))
        feed.readers += 1
        try:
            yield feed
        finally:
            feed.readers -= 1
            if not feed.readers:
                feed.close()
                if self._open.get(key) is feed:
                    del self._open[key]
