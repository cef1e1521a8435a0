"""What must be looked after from time to time, by any worker, as often as wanted."""

from typing import Any
from uuid import UUID

from webapp.core.clock import later, now
from webapp.core.house import House
from webapp.core.storage import KEPT
from webapp.core.tables import Job, LoginSession, Upload

# A bell that was rung this long ago was lost, or every worker is busy; ringing again is harmless either way.
_PATIENCE_S = 20
_BATCH = 1000


async def reconcile(house: House) -> None:
    """Frees jobs whose worker fell silent, and rings for those that nobody holds."""
    await _tell(house, await _fail_spent())
    await _tell(house, await _free_expired())
    due = await Job.raw(
        "SELECT id, attempt FROM jobs WHERE status = 'pending'"
        " AND next_attempt_at < now() - make_interval(secs => {}) ORDER BY id LIMIT {}",
        float(_PATIENCE_S),
        _BATCH,
    )
    for row in due:
        if not await house.doorbell.ring(row["id"], row["attempt"]):
            return


async def purge(house: House) -> None:
    """Sessions nobody can use any more, and uploads that never became a job."""
    await LoginSession.delete().where(LoginSession.expires_at < now())
    long_ago = later(days=-house.settings.abandoned_upload_days)
    abandoned = await Upload.raw(
        "SELECT id, owner, key FROM uploads WHERE created_at < {}"
        " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.upload = uploads.id) LIMIT {}",
        long_ago,
        _BATCH,
    )
    for row in abandoned:
        await house.storage.delete(row["key"], f"{KEPT}{row['owner']}/{row['id']}")
        await Upload.delete().where(Upload.id == row["id"])


async def _fail_spent() -> list[dict[str, Any]]:
    failed: list[dict[str, Any]] = await Job.raw(
        "UPDATE jobs SET status = 'failed', finished_at = now(), updated_at = now(), lease_token = NULL,"
        " lease_until = NULL, error_code = 'worker_lost', error_message = {}"
        " WHERE status = 'processing' AND lease_until < now() AND attempt >= attempt_limit"
        " RETURNING id, owner, attempt",
        "The worker was lost each time it worked on this recording. The file may be more than the machine"
        " can bear: try a smaller model or a shorter piece.",
    )
    return failed


async def _free_expired() -> list[dict[str, Any]]:
    freed: list[dict[str, Any]] = await Job.raw(
        "UPDATE jobs SET status = 'pending', next_attempt_at = now(), updated_at = now(),"
        " lease_token = NULL, lease_until = NULL"
        " WHERE status = 'processing' AND lease_until < now() RETURNING id, owner, attempt"
    )
    return freed


async def _tell(house: House, changed: list[dict[str, Any]]) -> None:
    for row in changed:
        job = UUID(str(row["id"]))
        await house.doorbell.ring(job, row["attempt"])
        await house.events.publish(UUID(str(row["owner"])), job)
