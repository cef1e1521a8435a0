"""Holding on to a piece of work, and letting go the moment it is somebody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.exceptions import RedisError
from saq.job import Job as Bell

from webapp.core.background import beside
from webapp.core.database import patiently
from webapp.core.errors import LeaseLost
from webapp.core.events import RESYNC, Hint, Inbox
from webapp.core.house import House
from webapp.core.leases import Claim, check, renew
from webapp.core.queue import HEARTBEAT_S

# Own progress is announced like everything else, so hints come often: look this many times a second at most.
_CALM_S = 0.3
_BELL_S = 1
# A hint makes a cancellation felt at once, but Redis may be away or hang. Looking costs next to nothing.
_LOOK_S = 1.0


@asynccontextmanager
async def kept(house: House, claim: Claim, bell: Bell | None) -> AsyncIterator[None]:
    """Renews the lease while the body runs. Should it be lost, or the job be cancelled or deleted, the body
    is cancelled and LeaseLost raised in its place."""
    body = asyncio.current_task()
    assert body is not None
    watching = True

    def lost(keeper: "asyncio.Task[None]") -> None:
        if watching and not keeper.cancelled():
            body.cancel()

    async with beside(_keep(house, claim, bell)) as keeper:
        keeper.add_done_callback(lost)
        try:
            yield
        except asyncio.CancelledError:
            if keeper.done() and not keeper.cancelled() and body.uncancel() == 0:
                raise keeper.exception() or LeaseLost from None
            raise
        finally:
            watching = False  # else the body could be cancelled when it has left


async def _keep(house: House, claim: Claim, bell: Bell | None) -> None:
    """Ends by raising LeaseLost, or by being cancelled."""
    every = min(house.settings.lease_s, HEARTBEAT_S) / 4
    loop = asyncio.get_running_loop()
    async with house.events.subscribe(claim.job.owner) as hints:
        due = loop.time() + every
        while True:
            heard = await _heard(hints, min(_LOOK_S, due - loop.time()))
            if loop.time() >= due:
                await patiently(renew, house, claim)
                await _keep_bell(bell)
                due = loop.time() + every
            elif not heard or claim.job.id in heard or RESYNC in heard:
                await patiently(check, claim)


async def _heard(hints: Inbox, wait: float) -> set[Hint]:
    """Nothing if it was quiet for so long."""
    try:
        async with asyncio.timeout(max(wait, 0)):
            heard = await hints.take()
    except TimeoutError:
        return set()
    await asyncio.sleep(_CALM_S)
    return heard | hints.take_nowait()


async def _keep_bell(bell: Bell | None) -> None:
    """SAQ counts a job without a sign of life as dead. What counts for us is the lease: Redis may be away,
    and waiting long for it would cost us the lease."""
    if bell is None:
        return
    with suppress(RedisError, OSError):
        async with asyncio.timeout(_BELL_S):
            await bell.update()
