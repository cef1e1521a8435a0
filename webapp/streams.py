"""What the live streams of pages and API share: hearing hints in calm batches, never silent for long."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from webapp.core.events import CLOSING, RESYNC, Hint

# Routers cut connections on which nothing moves for about a minute.
QUIET_S = 15.0
CALM_S = 0.25


class Batch(msgspec.Struct, frozen=True):
    """Jobs that changed since the last batch; `resync`: hints were missed, so anything may have changed."""

    jobs: frozenset[UUID]
    resync: bool = False

    @property
    def silent(self) -> bool:
        return not (self.jobs or self.resync)


async def follow(
    queue: "asyncio.Queue[Hint]", *, quiet: float = QUIET_S, calm: float = CALM_S
) -> AsyncIterator[Batch]:
    """Batches at least `calm` seconds apart, a silent one after `quiet` seconds, until the process stops."""
    while (batch := await heard(queue, quiet=quiet, calm=calm)) is not None:
        yield batch


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
