"""Being on duty for a piece of work: the lease is kept, a failure gets a reason, and who stops gives back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from socket import gaierror
from typing import Any, TypeVar
from uuid import UUID, uuid4

import structlog
from saq.job import Job as Bell

from tasks.answers import ChildCrashed
from tasks.lease import kept
from tasks.problems import DISK_ERRORS, NO_ROOM
from webapp.core import endings
from webapp.core.background import end
from webapp.core.database import CONNECTION_LOST, patiently
from webapp.core.errors import JobFailed, LeaseLost, Unavailable
from webapp.core.house import House
from webapp.core.leases import Claim

log = structlog.get_logger(__name__)

C = TypeVar("C", bound=Claim)
# A worker that stops has little time, and a database that restarts is often back by then.
_PATIENCE_S = 4.0


@asynccontextmanager
async def on_duty(house: House, claim: Claim, bell: Bell | None) -> AsyncIterator[None]:
    """Swallows what ends the work: a lost lease, and a failure once it is written down."""
    try:
        async with kept(house, claim, bell):
            try:
                with explained():
                    yield
            except JobFailed as reason:
                log.warning("attempt failed", code=reason.code, permanent=reason.permanent)
                await patiently(endings.fail, house, claim, reason)
    except LeaseLost:
        log.info("work is no longer ours")
    except asyncio.CancelledError:
        # The worker stops. Shielded, since whoever cancels may do so again.
        await asyncio.shield(_give_back(house, claim))
        raise


async def claimed(verb: Callable[[UUID], Coroutine[Any, Any, C | None]], house: House) -> C | None:
    """What `verb` takes under the token that it is given. A worker that is stopped amid this may hold it
    already without knowing: it waits for the answer, to give back what it got."""
    taking = asyncio.create_task(patiently(verb, uuid4()))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        await asyncio.shield(_give_back_when_taken(house, taking))
        raise


async def _give_back_when_taken(house: House, taking: "asyncio.Task[C | None]") -> None:
    await asyncio.wait({taking}, timeout=_PATIENCE_S)
    if not taking.done():  # the database does not answer
        await end(taking)
    elif taking.exception() is None and (claim := taking.result()) is not None:
        await _give_back(house, claim)


async def _give_back(house: House, claim: Claim) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await patiently(endings.release, house, claim)
    except LeaseLost:
        pass
    except Exception as problem:
        # The lease runs out by itself.
        log.warning("work not given back", problem=repr(problem))


@contextmanager
def explained() -> Iterator[None]:
    """Turns what may go wrong around a child into a reason that a person can do something with."""
    try:
        yield
    except ChildCrashed as problem:
        log.warning("child crashed", kind=problem.kind, returncode=problem.returncode)
        raise JobFailed(f"{problem.kind}_crashed", _CRASHED[problem.kind], permanent=False) from problem
    except Unavailable as problem:
        raise JobFailed(problem.code, problem.message, permanent=False) from problem
    except (JobFailed, LeaseLost, *NOT_OURS):
        raise
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno in DISK_ERRORS:
            raise JobFailed("worker_disk", NO_ROOM, permanent=False) from problem
        # Not left to the lease: it would be tried as often, but nobody would be told what was wrong.
        log.exception("attempt stumbled")
        raise JobFailed("worker_failed", _STUMBLED, permanent=False) from problem


# The database was away for longer than anybody waits: the lease runs out by itself.
NOT_OURS = (*(kind for kind in CONNECTION_LOST if kind is not OSError), ConnectionError, gaierror)
_CRASHED = {
    "decoder": "The recording could not be opened: reading it made the decoder crash. Save it in another"
    " format and upload that.",
    "engine": "The engine stopped unexpectedly. If this happens again, try a smaller model or a shorter"
    " piece.",
}
_STUMBLED = "The worker stumbled. Try again; if that fails, tell whoever runs this server: its log says why."
