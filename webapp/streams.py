"""What the live streams of pages and API share: hearing hints in calm batches, never silent for long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from time import monotonic
from typing import TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
import structlog

from webapp.core.errors import NotSignedIn
from webapp.core.events import CLOSING, JOINED, RESYNC, Inbox
from webapp.errors import AWAY

log = structlog.get_logger(__name__)
T = TypeVar("T")

# Routers cut connections on which nothing moves for about a minute.
QUIET_S = 15.0
ASK_AGAIN_S = 15.0
CALM_S = 0.25


class Batch(msgspec.Struct, frozen=True):
    """Jobs that changed since the last batch; `resync`: hints were missed, so anything may have changed;
    `joined`: somebody came who has seen nothing yet."""

    jobs: frozenset[UUID]
    resync: bool = False
    joined: bool = False

    @property
    def silent(self) -> bool:
        return not (self.jobs or self.resync or self.joined)


class Admission:
    """Whose stream it is, and whether it still may be: tokens are revoked while streams are open."""

    def __init__(self, owner: UUID, ask: Callable[[], Awaitable[UUID | None]]) -> None:
        self.owner = owner
        self._ask = ask
        self._asked = monotonic()
        self._refused = False

    async def renew(self) -> None:
        """To be called whenever the stream wakes up; looks again only from time to time.

        Of the streams that share it one asks, and the others go on with the last answer meanwhile.
        """
        if not self._refused and monotonic() - self._asked >= ASK_AGAIN_S:
            self._asked = monotonic()
            self._refused = await self._ask() != self.owner
        if self._refused:
            raise NotSignedIn("What opened this stream is not accepted any more.")


class Admissions:
    """One for all streams that the same secret opened, as long as there are any."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[UUID, str], Admission] = WeakValueDictionary()

    def of(self, owner: UUID, secret: str, ask: Callable[[], Awaitable[UUID | None]]) -> Admission:
        return self._known.setdefault((owner, secret), Admission(owner, ask))


async def ending_well(stream: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The answer has begun, so an error cannot become one: the stream ends, and who listens comes again."""
    async with aclosing(stream):
        try:
            async for each in stream:
                yield each
        except NotSignedIn:
            return
        except AWAY as problem:
            log.warning("stream ended", problem=repr(problem))


async def follow(
    inbox: Inbox, concerns: Callable[[Batch], bool], *, quiet: float = QUIET_S
) -> AsyncIterator[Batch]:
    """Batches that concern who listens, and silent ones, until the process stops."""
    ear = Ear(inbox)
    while (batch := await ear.concerning(concerns, quiet=quiet)) is not None:
        yield batch


class Ear:
    """Hears at once what comes after a silence, and what comes in quick succession in batches."""

    def __init__(self, inbox: Inbox, calm: float | None = None) -> None:
        self._inbox = inbox
        self._calm = CALM_S if calm is None else calm
        self._heard = monotonic()  # who begins to listen has just looked

    async def concerning(self, concerns: Callable[[Batch], bool], *, quiet: float) -> Batch | None:
        """A silent batch is due after `quiet` seconds, however many hints about other things were heard."""
        due = monotonic() + quiet
        while (batch := await self.batch(quiet=max(0.0, due - monotonic()))) is not None:
            if batch.silent or batch.joined or concerns(batch):
                return batch
            if monotonic() >= due:
                return Batch(frozenset())
        return None

    async def batch(self, *, quiet: float = QUIET_S) -> Batch | None:
        """The next one, or None when the process stops."""
        try:
            async with asyncio.timeout(quiet):
                hints = await self._inbox.take()
        except TimeoutError:
            return Batch(frozenset())
        if CLOSING not in hints:
            await asyncio.sleep(max(0.0, self._heard + self._calm - monotonic()))
        self._heard = monotonic()
        hints |= self._inbox.take_nowait()
        if CLOSING in hints:
            return None
        jobs = frozenset(hint for hint in hints if isinstance(hint, UUID))
        return Batch(jobs, RESYNC in hints, JOINED in hints)
