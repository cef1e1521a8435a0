"""What the live streams of pages and API share: hearing hints in calm batches, never silent for long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from time import monotonic
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from webapp.core.errors import NotSignedIn
from webapp.core.events import CLOSING, RESYNC, Hint
from webapp.errors import AWAY

log = structlog.get_logger(__name__)
T = TypeVar("T")

# Routers cut connections on which nothing moves for about a minute.
QUIET_S = 15.0
ASK_AGAIN_S = 15.0
CALM_S = 0.25


class Batch(msgspec.Struct, frozen=True):
    """Jobs that changed since the last batch; `resync`: hints were missed, so anything may have changed."""

    jobs: frozenset[UUID]
    resync: bool = False

    @property
    def silent(self) -> bool:
        return not (self.jobs or self.resync)


class Admission:
    """Whose stream it is, and whether it still may be: tokens are revoked while streams are open."""

    def __init__(self, owner: UUID, ask: Callable[[], Awaitable[UUID | None]]) -> None:
        self.owner = owner
        self._ask = ask
        self._asked = monotonic()

    async def renew(self) -> None:
        """To be called whenever the stream wakes up; looks again only from time to time."""
        if monotonic() - self._asked < ASK_AGAIN_S:
            return
        self._asked = monotonic()
        if await self._ask() != self.owner:
            raise NotSignedIn("What opened this stream is not accepted any more.")


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
    queue: "asyncio.Queue[Hint]", concerns: Callable[[Batch], bool], *, quiet: float = QUIET_S
) -> AsyncIterator[Batch]:
    """Batches that concern who listens, and silent ones, until the process stops."""
    while (batch := await concerning(queue, concerns, quiet=quiet)) is not None:
        yield batch


async def concerning(
    queue: "asyncio.Queue[Hint]", concerns: Callable[[Batch], bool], *, quiet: float
) -> Batch | None:
    """A silent batch is due after `quiet` seconds, however many hints about other things were heard."""
    due = monotonic() + quiet
    while (batch := await heard(queue, quiet=max(0.0, due - monotonic()))) is not None:
        if batch.silent or concerns(batch):
            return batch
        if monotonic() >= due:
            return Batch(frozenset())
    return None


async def heard(
    queue: "asyncio.Queue[Hint]", *, quiet: float = QUIET_S, calm: float = CALM_S
) -> Batch | None:
    """The next batch, or None when the process stops."""
    try:
        async with asyncio.timeout(quiet):
            hints = [await queue.get()]
    except TimeoutError:
        return Batch(frozenset())
    if hints[0] is not CLOSING:
        await asyncio.sleep(calm)
    while not queue.empty():
        hints.append(queue.get_nowait())
    if CLOSING in hints:
        return None
    return Batch(frozenset(hint for hint in hints if isinstance(hint, UUID)), RESYNC in hints)
