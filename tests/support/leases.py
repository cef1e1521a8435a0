"""Making leases run out, and moments come, without waiting for them."""

from datetime import timedelta

from webapp.core.clock import now
from webapp.core.leases import Claim
from webapp.core.tables import Chunk, Job


async def expire(claim: Claim) -> None:
    table = type(claim.row)
    await table.update({"lease_until": now() - timedelta(seconds=1)}).where(table.id == claim.row.id)


async def due(job: Job) -> None:
    """Nothing of this job waits for its time any more."""
    moment = now() - timedelta(minutes=1)
    await Job.update({Job.next_attempt_at: moment}).where(Job.id == job.id)
    await Chunk.update({Chunk.next_attempt_at: moment, Chunk.queued_at: moment}).where(
        Chunk.job == job.id, Chunk.queued_at.is_not_null()
    )
