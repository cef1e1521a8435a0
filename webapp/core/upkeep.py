"""What must be looked after from time to time, by any worker, as often as wanted."""

from typing import Any
from uuid import UUID

from webapp.core import endings, idempotency, removals, turns
from webapp.core.bucket_rules import KEPT
from webapp.core.clock import later, now
from webapp.core.database import database
from webapp.core.house import House
from webapp.core.leases import NOW, ChunkClaim, Claim, PlanClaim, locked
from webapp.core.tables import Chunk, Job, LoginSession, Status, Upload, User

# A bell that was rung this long ago was lost, or every worker is busy; ringing again is harmless either way.
_PATIENCE_S = 20
_BATCH = 1000


async def reconcile(house: House) -> None:
    """Frees what a worker that fell silent held, and rings for what nobody took up."""
    for claim in [*await _expired_plans(), *await _expired_chunks()]:
        await endings.lost(house, claim)
    for job in await _left_out():
        async with locked(job):
            await turns.line_up(house, job)
    for job in await _unanswered():
        if not await turns.ring(house, job):
            return


async def purge(house: House) -> None:
    """Sessions nobody can use any more, uploads that never became a job, spaces with nothing in them."""
    await LoginSession.delete().where(LoginSession.expires_at < now())
    await idempotency.purge()
    long_ago = later(days=-house.settings.abandoned_upload_days)
    abandoned = await Upload.raw(
        "SELECT id, owner, key FROM uploads WHERE created_at < {}"
        " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.upload = uploads.id) LIMIT {}",
        long_ago,
        _BATCH,
    )
    for row in abandoned:
        await _forget_upload(row)
    await User.raw(
        "DELETE FROM users WHERE created_at < {}"
        " AND NOT EXISTS (SELECT FROM login_sessions WHERE owner = users.id)"
        " AND NOT EXISTS (SELECT FROM api_tokens WHERE owner = users.id)"
        " AND NOT EXISTS (SELECT FROM uploads WHERE owner = users.id)",
        long_ago,
    )


async def _forget_upload(row: dict[str, Any]) -> None:
    """Only if it is still without a job: one may be made at this moment."""
    async with database().transaction():
        if await Upload.raw(
            "DELETE FROM uploads WHERE id = {}"
            " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.upload = uploads.id) RETURNING id",
            row["id"],
        ):
            await removals.note(row["key"])
            await removals.note(f"{KEPT}{row['owner']}/{row['id']}")


async def _unanswered() -> list[UUID]:
    """Jobs of which something waits that a worker should have taken up by now."""
    rows = await Job.raw(
        "WITH long_ago AS (SELECT now() - make_interval(secs => {}) AS moment)"
        " SELECT id FROM jobs, long_ago WHERE planned_at IS NULL AND status IN ('pending', 'processing')"
        " AND lease_token IS NULL AND next_attempt_at < moment UNION"
        " SELECT job FROM chunks, long_ago WHERE status = 'pending' AND queued_at < moment"
        " AND next_attempt_at < moment ORDER BY id LIMIT {}",
        float(_PATIENCE_S),
        _BATCH,
    )
    return [UUID(str(row["id"])) for row in rows]


async def _left_out() -> list[UUID]:
    """Planned jobs with chunks left, none of which is in the queue. No verb leaves one like that; should one
    ever do so, nobody would come back to it."""
    rows = await Chunk.raw(
        "SELECT jobs.id FROM jobs JOIN chunks ON chunks.job = jobs.id"
        " AND chunks.status IN ('pending', 'processing')"
        " WHERE jobs.status IN ('pending', 'processing') AND jobs.planned_at IS NOT NULL GROUP BY jobs.id"
        " HAVING bool_and(chunks.status = 'pending' AND chunks.queued_at IS NULL) LIMIT {}",
        _BATCH,
    )
    return [UUID(str(row["id"])) for row in rows]


async def _expired_plans() -> list[Claim]:
    found = await Job.objects().where(Job.lease_token.is_not_null(), Job.lease_until < NOW).limit(_BATCH)
    return [PlanClaim(job, job.lease_token, 0.0, 0) for job in found]


async def _expired_chunks() -> list[Claim]:
    found = (
        await Chunk.objects(Chunk.job)
        .where(Chunk.status == Status.PROCESSING.value, Chunk.lease_until < NOW)
        .limit(_BATCH)
    )
    return [ChunkClaim(each.job, each.lease_token, each) for each in found]
