"""How work on a job ends: for good, or for another attempt. All but the verbs want the job's row locked."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from piccolo.columns import Column

from webapp.core import turns
from webapp.core.errors import JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.leases import Claim, PlanClaim, holding, in_seconds, let_go
from webapp.core.tables import Chunk, Job, Status

# Reasons that lie with a server of ours. Waiting them out costs a job none of its attempts.
OUTAGES = frozenset({"storage_unavailable"})


async def fail(house: House, claim: Claim, reason: JobFailed) -> None:
    """For good, or until the next attempt if there is one left and the reason may pass."""
    await set_back(house, claim, reason, delay_before(claim.row.attempt, house))


async def release(house: House, claim: Claim) -> None:
    """Gives the work back because this worker stops. That is not the job's fault, so it costs no attempt."""
    async with holding(claim):
        await put_back(claim, forgiven=1)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)


async def set_back(
    house: House, claim: Claim, reason: JobFailed, delay: float, *, expired: bool = False
) -> None:
    """With `expired`, only if the lease ran out: it may have been renewed since somebody looked."""
    forgiven = int(reason.code in OUTAGES)
    async with holding(claim, expired=expired):
        if reason.permanent or claim.row.attempt >= claim.row.attempt_limit + forgiven:
            await end(claim.job.id, Status.FAILED, error_code=reason.code, error_message=reason.message)
        else:
            await put_back(claim, delay=delay, forgiven=forgiven, reason=reason)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)


def delay_before(attempt: int, house: House) -> float:
    doubled = house.settings.retry_delay_s * 2.0 ** min(attempt - 1, 20)
    return min(doubled, house.settings.retry_max_delay_s)


async def put_back(
    claim: Claim, *, delay: float = 0.0, forgiven: int = 0, reason: JobFailed | None = None
) -> None:
    table, due = type(claim.row), in_seconds(delay)
    limit = claim.row.attempt_limit + forgiven
    changes: dict[Column | str, Any] = {"next_attempt_at": due, "attempt_limit": limit}
    changes.update(let_go())
    if table is Chunk:
        changes["status"] = Status.PENDING.value
    await table.update(changes).where(table.id == claim.row.id)
    if reason is not None:
        await _update(claim.job.id, error_code=reason.code, error_message=reason.message)
    if await wait(claim.job.id):
        # For people to see. While the job is still to be planned it says when, which is another matter.
        planned = Job.planned_at.is_not_null()
        await Job.update({"next_attempt_at": due}).where(Job.id == claim.job.id, planned)


async def rest(job: UUID) -> bool:
    """Stops the job's clock if nobody works on any part of it now."""
    rested = await Job.raw(
        "UPDATE jobs SET updated_at = now(), working_since = NULL, processing_seconds = processing_seconds"
        " + coalesce(extract(epoch FROM now() - working_since), 0)"
        " WHERE id = {} AND lease_token IS NULL AND status = 'processing'"
        " AND NOT EXISTS (SELECT FROM chunks WHERE chunks.job = jobs.id AND chunks.status = 'processing')"
        " RETURNING id",
        job,
    )
    return bool(rested)


async def wait(job: UUID) -> bool:
    """Back into the line, if nobody works on any part of it now."""
    rested = await rest(job)
    if rested:
        await _update(job, status=Status.PENDING.value)
    return rested


async def complete_if_done(job: UUID) -> bool:
    ready = await Job.raw(
        "SELECT id FROM jobs WHERE id = {} AND planned_at IS NOT NULL AND status = 'processing'"
        " AND NOT EXISTS (SELECT FROM chunks WHERE chunks.job = jobs.id AND chunks.status <> 'completed')",
        job,
    )
    if ready:
        await end(job, Status.COMPLETED)
        await Job.raw("UPDATE jobs SET position = coalesce(duration, position) WHERE id = {}", job)
    return bool(ready)


async def end(job: UUID, status: Status, **facts: Any) -> None:
    """Takes all leases away: whoever works on a part of it can write nothing more, and stops."""
    await Chunk.raw(
        "UPDATE chunks SET status = 'cancelled', lease_token = NULL, lease_until = NULL, queued_at = NULL"
        " WHERE job = {} AND status IN ('pending', 'processing')",
        job,
    )
    await _update(job, **let_go())
    await rest(job)
    await Job.raw(
        "UPDATE jobs SET status = {}, finished_at = now(), updated_at = now(), working_since = NULL,"
        " error_code = {}, error_message = {} WHERE id = {}",
        status.value,
        facts.get("error_code"),
        facts.get("error_message"),
        job,
    )


async def lost(house: House, claim: Claim) -> None:
    """For a lease that ran out: the first time the work is anybody's at once, then with a growing pause."""
    delay = delay_before(claim.row.attempt - 1, house) if claim.row.attempt > 1 else 0.0
    with suppress(LeaseLost):  # it came back in time, or another round of upkeep was faster
        await set_back(house, claim, _worker_lost(claim), delay, expired=True)


def _worker_lost(claim: Claim) -> JobFailed:
    planning, last = isinstance(claim, PlanClaim), claim.row.attempt >= claim.row.attempt_limit
    when = "each time" if last else "while"
    what = "it opened this recording" if planning else "it worked on one part of this recording"
    advice = "save it in another format and upload that" if planning else "try a smaller model"
    hint = f"That may be more than the machine can bear: {advice}." if last else "It is tried again."
    return JobFailed("worker_lost", f"The worker was lost {when} {what}. {hint}", permanent=False)


async def _update(job: UUID, **columns: Any) -> None:
    values: dict[Column | str, Any] = dict(columns.items())
    await Job.update(values).where(Job.id == job)
