"""Objects that nobody needs any more, and their removal, however long the storage is away.

They are noted in the transaction that makes them useless. Removing comes later, as often as it takes.
"""

import asyncio
from uuid import UUID

import msgspec
import structlog

from webapp.core.bucket_rules import CHUNKS, INCOMING
from webapp.core.erasing import Erased
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.tables import Job, Removal

log = structlog.get_logger(__name__)

_BATCH = 200
# A worker that was stopped amid an upload may finish it when it wakes up: we look again after a deleted job.
AGAIN_AFTER_S = 300
# Who removes something has it for so long to himself.
_HELD_S = 60
# For so long somebody is kept waiting to be told what was removed.
PROMPT_S = 10


class Noted(msgspec.Struct, frozen=True):
    id: UUID
    prefix: str


async def note(prefix: str, *, delay: float = 0.0) -> Noted:
    noted = Noted(new_id(), prefix)
    await Removal.raw(
        "INSERT INTO removals (id, prefix, due_at) VALUES ({}, {}, now() + make_interval(secs => {}))",
        noted.id,
        prefix,
        float(delay),
    )
    return noted


async def note_job(job: Job) -> list[Noted]:
    """All that the bucket holds of a job. Whoever notes it is expected to remove it at once."""
    chunks = chunk_prefix(job.owner, job.id)
    await note(chunks, delay=AGAIN_AFTER_S)
    prefixes = (job.object_key, f"{INCOMING}{job.owner}/{job.upload}", chunks)
    return [await note(prefix, delay=_HELD_S) for prefix in prefixes]


async def carry_out(house: House) -> None:
    """Raises Unavailable if the storage is away: what is noted stays noted."""
    for _ in range(_BATCH):
        taken = await _take()
        if taken is None:
            return
        await _remove(house, taken)


async def carry_out_now(house: House, noted: list[Noted]) -> tuple[Erased, int]:
    """What was removed, and how many of these could not be at once and follow later."""
    erased, left = Erased(), list(noted)
    try:
        async with asyncio.timeout(PROMPT_S):
            while left:
                erased = erased.plus(await _remove(house, left[0]))
                left.pop(0)
    except Exception as problem:
        log.warning("removed later", left=len(left), problem=repr(problem))
        await _let_go([each.id for each in left])
    return erased, len(left)


async def _take() -> Noted | None:
    """What is due for longest. No other process takes it meanwhile."""
    taken = await Removal.raw(
        "UPDATE removals SET due_at = now() + make_interval(secs => {}) WHERE id = (SELECT id FROM removals"
        " WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, prefix",
        float(_HELD_S),
    )
    return Noted(taken[0]["id"], taken[0]["prefix"]) if taken else None


async def _remove(house: House, noted: Noted) -> Erased:
    try:
        erased = await house.storage.remove(noted.prefix)
    except Exception:
        await _let_go([noted.id])
        raise
    await Removal.delete().where(Removal.id == noted.id)
    return erased


async def _let_go(noted: list[UUID]) -> None:
    """To the end of the line: what cannot be removed for long stands in nobody's way."""
    ids = [str(each) for each in noted]
    await Removal.raw("UPDATE removals SET due_at = now() WHERE id = ANY({}::uuid[])", ids)


def chunk_prefix(owner: UUID, job: UUID) -> str:
    return f"{CHUNKS}{owner}/{job}/"


def chunk_key(owner: UUID, job: UUID, attempt: int, index: int) -> str:
    """Of its own for each attempt at planning: what is removed late cannot be what was stored anew."""
    return f"{chunk_prefix(owner, job)}{attempt}-{index}"
