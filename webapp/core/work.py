"""What a worker does to a job. Every write is fenced by the lease: who lost it writes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec
from piccolo.columns import Column

from webapp.core import transcripts
from webapp.core.clock import later, now
from webapp.core.database import database
from webapp.core.errors import JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.tables import Chunk, Job, SegmentRow, Status
from webapp.core.transcript import Segment


class Claim(msgspec.Struct, frozen=True):
    """A job that is ours until its lease runs out, and where to take it up."""

    job: Job
    token: UUID
    start: float  # seconds of audio that finished chunks cover already
    next_chunk: int


async def claim(house: House, job: UUID) -> Claim | None:
    """None if there is nothing to do: done, cancelled, deleted, held by somebody, or not due yet."""
    token = uuid4()
    taken = await Job.raw(
        "UPDATE jobs SET status = 'processing', attempt = attempt + 1, lease_token = {},"
        " lease_until = now() + make_interval(secs => {}), started_at = coalesce(started_at, now()),"
        " attempt_started_at = now(), updated_at = now()"
        " WHERE id = {} AND attempt < attempt_limit AND next_attempt_at <= now() + interval '1 second'"
        " AND (status = 'pending' OR (status = 'processing' AND lease_until < now())) RETURNING owner",
        token,
        float(house.settings.lease_s),
        job,
    )
    if not taken:
        return None
    claimed = await _take_up(job, token)
    await house.events.publish(claimed.job.owner, job)
    return claimed


async def renew(house: House, claim: Claim) -> None:
    renewed = await Job.raw(
        "UPDATE jobs SET lease_until = now() + make_interval(secs => {})"
        " WHERE id = {} AND lease_token = {} RETURNING id",
        float(house.settings.lease_s),
        claim.job.id,
        claim.token,
    )
    if not renewed:
        raise LeaseLost
    await Chunk.raw(
        "UPDATE chunks SET lease_until = now() + make_interval(secs => {})"
        " WHERE job = {} AND lease_token = {} AND status = 'processing'",
        float(house.settings.lease_s),
        claim.job.id,
        claim.token,
    )


async def learn(house: House, claim: Claim, **facts: Any) -> None:
    """Notes what was found out about the recording, under the names of the job's columns."""
    async with _holding(claim):
        await _update(claim, **facts, updated_at=now())
    await house.events.publish(claim.job.owner, claim.job.id)


async def begin_chunk(house: House, claim: Claim, index: int, start: float, end: float) -> None:
    async with _holding(claim):
        # On conflict: the connection broke after the first try was carried out.
        await Chunk.insert(
            Chunk(
                id=new_id(),
                job=claim.job.id,
                index=index,
                start=start,
                end=end,
                status=Status.PROCESSING.value,
                attempt=claim.job.attempt,
                lease_token=claim.token,
                lease_until=later(seconds=house.settings.lease_s),
                created_at=now(),
            )
        ).on_conflict(target=(Chunk.job, Chunk.index), action="DO NOTHING")


async def save_segment(house: House, claim: Claim, chunk: int, index: int, segment: Segment) -> None:
    row = transcripts.row(claim.job.id, chunk, index, segment)
    async with _holding(claim):
        await SegmentRow.insert(row).on_conflict(
            target=(SegmentRow.job, SegmentRow.chunk, SegmentRow.index), action="DO NOTHING"
        )
        await _advance(claim, segment.end)
    await house.events.publish(claim.job.owner, claim.job.id)


async def finish_chunk(house: House, claim: Claim, index: int) -> None:
    async with _holding(claim):
        rows = await Chunk.raw(
            "UPDATE chunks SET status = 'completed', finished_at = now(), lease_token = NULL,"
            ' lease_until = NULL WHERE job = {} AND index = {} RETURNING "end"',
            claim.job.id,
            index,
        )
        await _advance(claim, rows[0]["end"])
    await house.events.publish(claim.job.owner, claim.job.id)


async def advance(house: House, claim: Claim, position: float) -> None:
    """Progress where nobody speaks."""
    async with _holding(claim):
        await _advance(claim, position)
    await house.events.publish(claim.job.owner, claim.job.id)


async def check(claim: Claim) -> None:
    """Raises LeaseLost once the job was cancelled, deleted or given to somebody else."""
    if not await Job.exists().where(Job.id == claim.job.id, Job.lease_token == claim.token):
        raise LeaseLost


async def complete(house: House, claim: Claim) -> None:
    await _end(house, claim, Status.COMPLETED)


async def fail(house: House, claim: Claim, reason: JobFailed) -> None:
    """For good, or until the next attempt if there is one left and the reason may pass."""
    if reason.permanent or claim.job.attempt >= claim.job.attempt_limit:
        await _end(house, claim, Status.FAILED, error_code=reason.code, error_message=reason.message)
        return
    await _put_back(house, claim, delay_before(claim.job.attempt, house))


async def release(house: House, claim: Claim) -> None:
    """Gives the job back because this worker stops. That is not the job's fault, so it costs no attempt."""
    await _put_back(house, claim, 0, forgiven=1)


def delay_before(attempt: int, house: House) -> float:
    doubled = house.settings.retry_delay_s * 2.0 ** (attempt - 1)
    return min(doubled, house.settings.retry_max_delay_s)


async def _take_up(job: UUID, token: UUID) -> Claim:
    """Keeps finished chunks; one that was begun is begun again, and takes its text with it."""
    async with database().transaction():
        await Chunk.delete().where(Chunk.job == job, Chunk.status != Status.COMPLETED.value)
        rows = await Chunk.raw(
            'SELECT coalesce(max("end"), 0) AS start, count(*) AS chunks FROM chunks WHERE job = {}',
            job,
        )
        start, chunks = rows[0]["start"], rows[0]["chunks"]
        await Job.update({"position": start, "attempt_position": start}).where(
            Job.id == job, Job.lease_token == token
        )
    found = await Job.objects().where(Job.id == job, Job.lease_token == token).first()
    if found is None:
        raise LeaseLost
    return Claim(found, token, start, chunks)


async def _advance(claim: Claim, position: float) -> None:
    await Job.raw(
        "UPDATE jobs SET position = greatest(position, {}), updated_at = now() WHERE id = {}",
        position,
        claim.job.id,
    )


async def _end(house: House, claim: Claim, status: Status, **facts: Any) -> None:
    async with _holding(claim):
        await _stop_the_clock(claim)
        await _update(claim, **facts, **_NO_LEASE, status=status.value, finished_at=now())
        if status is Status.COMPLETED:
            await Job.raw(
                "UPDATE jobs SET position = coalesce(duration, position) WHERE id = {}",
                claim.job.id,
            )
    await house.events.publish(claim.job.owner, claim.job.id)


async def _put_back(house: House, claim: Claim, delay: float, forgiven: int = 0) -> None:
    due, job = later(seconds=delay), claim.job
    job.attempt_limit += forgiven
    async with _holding(claim):
        await _stop_the_clock(claim)
        await _update(
            claim,
            **_NO_LEASE,
            status=Status.PENDING.value,
            next_attempt_at=due,
            attempt_limit=job.attempt_limit,
        )
    await house.doorbell.ring(job, due if delay else None)
    await house.events.publish(job.owner, job.id)


_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_until": None}


async def _update(claim: Claim, **columns: Any) -> None:
    values: dict[Column | str, Any] = dict(columns.items())
    await Job.update(values).where(Job.id == claim.job.id)


async def _stop_the_clock(claim: Claim) -> None:
    await Job.raw(
        "UPDATE jobs SET updated_at = now(), processing_seconds = processing_seconds"
        " + extract(epoch FROM now() - attempt_started_at) WHERE id = {}",
        claim.job.id,
    )


@asynccontextmanager
async def _holding(claim: Claim) -> AsyncIterator[None]:
    """A transaction in which nobody can take the job from us: its row is locked as ours first."""
    async with database().transaction():
        held = await Job.raw(
            "SELECT id FROM jobs WHERE id = {} AND lease_token = {} AND status = 'processing' FOR UPDATE",
            claim.job.id,
            claim.token,
        )
        if not held:
            raise LeaseLost
        yield
