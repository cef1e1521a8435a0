"""What must be looked after from time to time, by any worker, as often as wanted."""

from typing import Any
from uuid import UUID

import msgspec

from webapp.core.bucket_rules import KEPT
from webapp.core.clock import later, now
from webapp.core.house import House
from webapp.core.tables import Job, LoginSession, Upload, User

# A bell that was rung this long ago was lost, or every worker is busy; ringing again is harmless either way.
_PATIENCE_S = 20
_BATCH = 1000


async def reconcile(house: House) -> None:
    """Frees jobs whose worker fell silent, and rings for those that nobody holds."""
    for owner, changed in [*await _fail_spent(), *await _free_expired()]:
        await house.events.publish(owner, changed)
    for job in await _unanswered():
        if not await house.doorbell.ring(job):
            return


async def purge(house: House) -> None:
    """Sessions nobody can use any more, uploads that never became a job, spaces with nothing in them."""
    await LoginSession.delete().where(LoginSession.expires_at < now())
    long_ago = later(days=-house.settings.abandoned_upload_days)
    abandoned = await Upload.raw(
        "SELECT id, owner, key FROM uploads WHERE created_at < {}"
        " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.upload = uploads.id) LIMIT {}",
        long_ago,
        _BATCH,
    )
    for row in abandoned:
        # The row first, and only if it is still without a job: one may be made at this moment.
        if await Upload.raw(
            "DELETE FROM uploads WHERE id = {}"
            " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.upload = uploads.id) RETURNING id",
            row["id"],
        ):
            await house.storage.delete(row["key"], f"{KEPT}{row['owner']}/{row['id']}")
    await User.raw(
        "DELETE FROM users WHERE created_at < {}"
        " AND NOT EXISTS (SELECT FROM login_sessions WHERE owner = users.id)"
        " AND NOT EXISTS (SELECT FROM api_tokens WHERE owner = users.id)"
        " AND NOT EXISTS (SELECT FROM uploads WHERE owner = users.id)",
        long_ago,
    )


class Unanswered(msgspec.Struct, frozen=True):
    id: UUID
    attempt: int
    attempt_limit: int


async def _unanswered() -> list[Unanswered]:
    """Pending jobs that a worker should have taken up by now."""
    rows = await Job.raw(
        "SELECT id, attempt, attempt_limit FROM jobs WHERE status = 'pending'"
        " AND next_attempt_at < now() - make_interval(secs => {}) ORDER BY id LIMIT {}",
        float(_PATIENCE_S),
        _BATCH,
    )
    return [Unanswered(UUID(str(row["id"])), row["attempt"], row["attempt_limit"]) for row in rows]


async def _fail_spent() -> list[tuple[UUID, UUID]]:
    """Pending ones too: should a lease of a last attempt ever be freed, nobody could take the job again."""
    failed = await Job.raw(
        "UPDATE jobs SET status = 'failed', finished_at = now(), updated_at = now(), lease_token = NULL,"
        " lease_until = NULL, error_code = 'worker_lost', error_message = {}"
        " WHERE attempt >= attempt_limit"
        " AND (status = 'pending' OR (status = 'processing' AND lease_until < now()))"
        " RETURNING id, owner",
        "The worker was lost each time it worked on this recording. The file may be more than the machine"
        " can bear: try a smaller model or a shorter piece.",
    )
    return _names(failed)


async def _free_expired() -> list[tuple[UUID, UUID]]:
    """Due so long ago that their bells are rung in the same round."""
    freed = await Job.raw(
        "UPDATE jobs SET status = 'pending', next_attempt_at = now() - make_interval(secs => {}),"
        " updated_at = now(), lease_token = NULL, lease_until = NULL"
        " WHERE status = 'processing' AND lease_until < now() AND attempt < attempt_limit"
        " RETURNING id, owner",
        _PATIENCE_S + 1.0,
    )
    return _names(freed)


def _names(rows: list[dict[str, Any]]) -> list[tuple[UUID, UUID]]:
    return [(UUID(str(row["owner"])), UUID(str(row["id"]))) for row in rows]
