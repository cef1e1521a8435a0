"""What the planner writes down: facts about the recording, and the chunks that it is cut into."""

from typing import Any
from uuid import UUID

import msgspec
from piccolo.columns import Column

from webapp.core import endings, turns
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.leases import NOW, ChunkClaim, PlanClaim, holding, let_go
from webapp.core.tables import Chunk, Job, Status


class NewChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds on the recording's timeline. `silent`: there is nothing in it to be heard. `spans` are where
    somebody speaks, in milliseconds from its start."""

    index: int
    start: float
    end: float
    speech: float
    silent: bool
    audio_key: str | None
    spans: list[tuple[int, int]] | None = None


async def learn(house: House, claim: PlanClaim, **facts: Any) -> None:
    """Notes what was found out about the recording, under the names of the job's columns."""
    async with holding(claim):
        await _update(claim.job.id, **facts)
    await house.events.publish(claim.job.owner, claim.job.id)


async def add_chunk(
    house: House, claim: PlanClaim, found: NewChunk, *, wait: bool = False, token: UUID | None = None
) -> ChunkClaim | None:
    """With `wait` nobody takes it before the planning is finished. With a `token` for its lease it is ours at
    once: its sound is here, and stored nowhere."""
    if token and (held := await turns.held_chunk(token)):
        return await turns.begun(house, held, token)
    async with holding(claim):
        # On conflict: the connection broke after the first try was carried out.
        await Chunk.insert(_chunk(house, claim, found)).on_conflict(
            target=(Chunk.job, Chunk.index), action="DO NOTHING"
        )
        taken = await _take_from_here(house, claim, token) if token else None
        await turns.note_position(claim.job.id)
        if not wait:
            await turns.line_up(house, claim.job.id)
    return await _taken_or_told(house, claim, taken, token)


async def finish(
    house: House, claim: PlanClaim, *, token: UUID | None = None, **facts: Any
) -> ChunkClaim | None:
    """All chunks are known: the job is no longer ours. With a `token` for its lease, its only chunk is, if
    there is just one: whoever has its sound already need not fetch it again. May be repeated."""
    if token and (held := await turns.held_chunk(token)):
        return await turns.begun(house, held, token)
    async with holding(claim):
        await _update(claim.job.id, **facts, **let_go(), planned_at=NOW)
        taken = await _take_from_here(house, claim, token) if token else None
        await turns.line_up(house, claim.job.id)
        if taken is None and not await endings.complete_if_done(claim.job.id):
            await endings.wait(claim.job.id)
    return await _taken_or_told(house, claim, taken, token)


async def _taken_or_told(
    house: House, claim: PlanClaim, taken: dict[str, Any] | None, token: UUID | None
) -> ChunkClaim | None:
    """What is not ours is anybody's: they are told."""
    if taken and token:
        return await turns.begun(house, taken, token)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)
    return None


async def _take_from_here(house: House, claim: PlanClaim, token: UUID) -> dict[str, Any] | None:
    """The chunk whose sound only its planner has."""
    taken = await Chunk.raw(
        "UPDATE chunks SET status = 'processing', attempt = attempt + 1, lease_token = {},"
        " lease_until = now() + make_interval(secs => {}), position = start, queued_at = now()"
        " WHERE job = {} AND status = 'pending' AND audio_key IS NULL RETURNING id, job",
        token,
        float(house.settings.lease_s),
        claim.job.id,
    )
    return taken[0] if taken else None


def _chunk(house: House, claim: PlanClaim, found: NewChunk) -> Chunk:
    status = Status.COMPLETED if found.silent else Status.PENDING
    return Chunk(
        id=new_id(),
        job=claim.job.id,
        index=found.index,
        start=found.start,
        end=found.end,
        speech=found.speech,
        position=found.end if found.silent else found.start,
        audio_key=found.audio_key,
        spans=None if found.spans is None else msgspec.json.encode(found.spans).decode(),
        status=status.value,
        attempt=0,
        attempt_limit=house.settings.job_attempts,
        next_attempt_at=NOW,
        created_at=NOW,
        finished_at=NOW if found.silent else None,
    )


async def _update(job: UUID, **columns: Any) -> None:
    values: dict[Column | str, Any] = dict(columns.items())
    values["updated_at"] = NOW
    await Job.update(values).where(Job.id == job)
