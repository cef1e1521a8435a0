"""Whose turn it is. The queue only wakes workers; what they take up is decided here, by the database.

The job whose last turn is longest ago is next, so a long recording and a short one alternate. A new job is
counted as waiting for `HEAD_START_S` already: its first words come soon, and yet nobody starves.
"""

from typing import Any
from uuid import UUID

import msgspec
import structlog

from webapp.core import language
from webapp.core.database import CONNECTION_LOST
from webapp.core.errors import LeaseLost
from webapp.core.house import House
from webapp.core.leases import ChunkClaim, PlanClaim, holding
from webapp.core.tables import Chunk, Job, SegmentRow, Status

log = structlog.get_logger(__name__)

HEAD_START_S = 60
PLANNED_AHEAD = 3
# Of jobs. Our own words: they may be put into a statement as they are.
_TO_PLAN = (
    "planned_at IS NULL AND status IN ('pending', 'processing') AND lease_token IS NULL"
    " AND attempt < attempt_limit AND next_attempt_at <= now()"
)


class Bell(msgspec.Struct, frozen=True):
    """Something that a worker may take up in `delay` seconds. The key tells one attempt from the next."""

    job: UUID
    key: str
    delay: float = 0.0


async def plan_first(house: House) -> bool:
    """Whether the next turn belongs to a job that is still to be planned."""
    rows = await Job.raw(
        f"SELECT (SELECT min(served_at) FROM jobs WHERE {_TO_PLAN})"  # noqa: S608
        " < coalesce((SELECT min(jobs.served_at) FROM chunks"
        " JOIN jobs ON jobs.id = chunks.job WHERE chunks.status = 'pending' AND chunks.queued_at IS NOT NULL"
        " AND chunks.next_attempt_at <= now()), 'infinity') AS first"
    )
    return bool(rows[0]["first"])


async def plan_ahead(house: House) -> bool:
    """Whether a job waits to be planned, and not so many to be heard that planning one more would help
    nobody."""
    rows = await Chunk.raw(
        f"SELECT EXISTS (SELECT FROM jobs WHERE {_TO_PLAN}) AND"  # noqa: S608
        " (SELECT count(*) FROM (SELECT DISTINCT job FROM chunks WHERE status = 'pending'"
        " AND queued_at IS NOT NULL LIMIT {}) AS planned) < {} AS wanted",
        PLANNED_AHEAD,
        PLANNED_AHEAD,
    )
    return bool(rows[0]["wanted"])


async def take_plan(house: House, token: UUID) -> PlanClaim | None:
    """None if no job waits to be planned, or those that do are not due yet. Repeated with the same token,
    after an answer that was lost, it gives what was taken the first time."""
    if (
        held := await Job.objects()
        .where(Job.lease_token == token, Job.status == Status.PROCESSING.value)
        .first()
    ):
        return await _plan_of(held.id, token)
    taken = await Job.raw(
        "UPDATE jobs SET status = 'processing', attempt = attempt + 1, lease_token = {},"  # noqa: S608
        " lease_until = now() + make_interval(secs => {}), started_at = coalesce(started_at, now()),"
        " working_from = CASE WHEN working_since IS NULL THEN position ELSE working_from END,"
        " working_since = coalesce(working_since, now()), updated_at = now(),"
        " error_code = NULL, error_message = NULL"
        f" WHERE id = (SELECT id FROM jobs WHERE {_TO_PLAN}"
        " ORDER BY served_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, owner",
        token,
        float(house.settings.lease_s),
    )
    if not taken:
        return None
    job = UUID(str(taken[0]["id"]))
    await house.events.publish(UUID(str(taken[0]["owner"])), job)
    return await _plan_of(job, token)


async def take_chunk(house: House, token: UUID) -> ChunkClaim | None:
    """None if no chunk waits in the queue, or those that do are not due yet. May be repeated, too.

    Only rows of chunks are locked by the statement, and only those that wait: it can stand in nobody's way.
    """
    if held := await held_chunk(token):
        return await begun(house, held, token)
    taken = await Chunk.raw(
        "UPDATE chunks SET status = 'processing', attempt = attempt + 1, lease_token = {},"
        " lease_until = now() + make_interval(secs => {}), position = start"
        " WHERE id = (SELECT chunks.id FROM chunks JOIN jobs ON jobs.id = chunks.job"
        " WHERE chunks.status = 'pending' AND chunks.queued_at IS NOT NULL"
        " AND chunks.attempt < chunks.attempt_limit AND chunks.next_attempt_at <= now()"
        " AND jobs.status IN ('pending', 'processing')"
        " ORDER BY jobs.served_at, chunks.index LIMIT 1 FOR UPDATE OF chunks SKIP LOCKED)"
        " RETURNING id, job",
        token,
        float(house.settings.lease_s),
    )
    return await begun(house, taken[0], token) if taken else None


async def _plan_of(job: UUID, token: UUID) -> PlanClaim | None:
    """From where an earlier attempt stopped: what it had cut is cut the same way again."""
    found = await Job.objects().where(Job.id == job, Job.lease_token == token).first()
    if found is None:
        return None
    rows = await Chunk.raw(
        'SELECT coalesce(max("end"), 0) AS start, count(*) AS chunks FROM chunks WHERE job = {}', job
    )
    return PlanClaim(found, token, rows[0]["start"], rows[0]["chunks"])


async def held_chunk(token: UUID) -> dict[str, Any] | None:
    """The condition on the status lets an index find it among the few that are worked on."""
    return (
        await Chunk.select(Chunk.id, Chunk.job)
        .where(Chunk.lease_token == token, Chunk.status == Status.PROCESSING.value)
        .first()
    )


async def begun(house: House, taken: dict[str, Any], token: UUID) -> ChunkClaim | None:
    """What an earlier attempt had found of the chunk's text goes. None if the job ended at that moment."""
    job = await Job.objects().get(Job.id == taken["job"])
    chunk = await Chunk.objects().get(Chunk.id == taken["id"])
    if job is None or chunk is None:
        return None
    claim = ChunkClaim(job, token, chunk)
    try:
        async with holding(claim):
            await SegmentRow.delete().where(SegmentRow.job == job.id, SegmentRow.chunk == chunk.index)
            await take_turn(job.id)
            await note_position(job.id)
            await line_up(house, job.id)
    except LeaseLost:
        return None
    await ring(house, job.id)
    await house.events.publish(job.owner, job.id)
    return claim


async def take_turn(job: UUID) -> None:
    await Job.raw(
        "UPDATE jobs SET status = 'processing', served_at = now(), updated_at = now(),"
        " working_from = CASE WHEN working_since IS NULL THEN position ELSE working_from END,"
        " working_since = coalesce(working_since, now()), error_code = NULL, error_message = NULL"
        " WHERE id = {}",
        job,
    )


async def note_position(job: UUID) -> None:
    """Chunks are worked on side by side: how far a job has come is the sum of them."""
    await Job.raw(
        "UPDATE jobs SET updated_at = now(), position ="
        " (SELECT coalesce(sum(position - start), 0) FROM chunks WHERE chunks.job = jobs.id) WHERE id = {}",
        job,
    )


async def line_up(house: House, job: UUID) -> None:
    """Lets the next chunks of a job into the queue. Wants the job's row locked.

    Only those that wait count: however many workers there are, each finds one. But before they run apart the
    language is settled, so as long as it is open they are tried one at a time.
    """
    open_language = await language.open_votes(job)
    await Chunk.raw(
        "UPDATE chunks SET queued_at = now() WHERE id IN (SELECT id FROM chunks WHERE job = {}"
        " AND status = 'pending' AND queued_at IS NULL AND index <> ALL({}::int[]) ORDER BY index LIMIT"
        " greatest(0, {} - (SELECT count(*) FROM chunks WHERE job = {} AND ((status = 'processing' AND {})"
        " OR (status = 'pending' AND queued_at IS NOT NULL)))))",
        job,
        open_language.heard if open_language else [],
        1 if open_language else house.settings.job_parallelism,
        job,
        open_language is not None,
    )


async def bells(job: UUID) -> list[Bell]:
    """One for each thing that waits to be taken up. One that is due has another key than the one that was to
    ring later: that may be due by the clock of another machine only, and a key that waits takes no second."""
    rows = await Job.raw(
        "SELECT id::text || ':plan:' || attempt || ':' || attempt_limit"
        " || CASE WHEN next_attempt_at > now() THEN ':later' ELSE '' END AS key,"
        " extract(epoch FROM next_attempt_at - now()) AS delay FROM jobs WHERE id = {} AND planned_at IS NULL"
        " AND status IN ('pending', 'processing') AND lease_token IS NULL"
        " UNION ALL SELECT job::text || ':' || index || ':' || attempt || ':' || attempt_limit"
        " || CASE WHEN next_attempt_at > now() THEN ':later' ELSE '' END,"
        " extract(epoch FROM next_attempt_at - now()) FROM chunks WHERE job = {}"
        " AND status = 'pending' AND queued_at IS NOT NULL",
        job,
        job,
    )
    return [Bell(job, row["key"], max(0.0, float(row["delay"]))) for row in rows]


async def ring(house: House, job: UUID) -> bool:
    """Ringing twice is harmless: a bell with the same key waits already. Never fails: what waits is rung for
    again, and who rings has done its work by now."""
    try:
        waiting = await bells(job)
    except CONNECTION_LOST as problem:
        log.warning("bell not rung", job=str(job), problem=repr(problem))
        return False
    for bell in waiting:
        if not await house.doorbell.ring(bell.job, bell.key, bell.delay):
            return False
    return True
