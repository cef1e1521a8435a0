"""What a worker writes while it hears a chunk. The lease fences every write: who lost it writes nothing."""

from webapp.core import endings, language, removals, transcripts, turns
from webapp.core.house import House
from webapp.core.language import Votes
from webapp.core.leases import ChunkClaim, holding
from webapp.core.tables import Chunk, SegmentRow, Status
from webapp.core.transcript import Segment


async def settle_language(house: House, claim: ChunkClaim, found: str, probability: float) -> None:
    """Now the other chunks of the job may run."""
    async with holding(claim):
        await language.settle(claim.job.id, found, probability)
        await turns.line_up(house, claim.job.id)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)


async def leave_language_open(house: House, claim: ChunkClaim, votes: Votes) -> None:
    """Puts the chunk back until others were asked which language it is. That costs no attempt."""
    async with holding(claim):
        await Chunk.update(
            {
                Chunk.status: Status.PENDING.value,
                Chunk.lease_token: None,
                Chunk.lease_until: None,
                Chunk.queued_at: None,
                Chunk.attempt_limit: claim.chunk.attempt_limit + 1,
            }
        ).where(Chunk.id == claim.chunk.id)
        await language.add(claim.job.id, votes.plus(Votes(heard=[claim.chunk.index])))
        await turns.line_up(house, claim.job.id)
        await endings.rest(claim.job.id)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)


async def save_segment(house: House, claim: ChunkClaim, index: int, segment: Segment) -> None:
    row = transcripts.row(claim.job.id, claim.chunk.index, index, segment)
    async with holding(claim):
        await SegmentRow.insert(row).on_conflict(
            target=(SegmentRow.job, SegmentRow.chunk, SegmentRow.index), action="DO NOTHING"
        )
        await _advance(claim, segment.end)
    await house.events.publish(claim.job.owner, claim.job.id)


async def advance(house: House, claim: ChunkClaim, position: float) -> None:
    """Progress where nobody speaks."""
    async with holding(claim):
        await _advance(claim, position)
    await house.events.publish(claim.job.owner, claim.job.id)


async def finish_chunk(house: House, claim: ChunkClaim) -> None:
    """The last one completes the job."""
    chunk = claim.chunk
    async with holding(claim):
        await Chunk.raw(
            "UPDATE chunks SET status = 'completed', finished_at = now(), lease_token = NULL,"
            ' lease_until = NULL, queued_at = NULL, audio_key = NULL, position = "end" WHERE id = {}',
            chunk.id,
        )
        if chunk.audio_key:
            await removals.note(chunk.audio_key)
        await turns.note_position(claim.job.id)
        await turns.line_up(house, claim.job.id)
        if not await endings.complete_if_done(claim.job.id):
            await endings.rest(claim.job.id)
    await turns.ring(house, claim.job.id)
    await house.events.publish(claim.job.owner, claim.job.id)


async def _advance(claim: ChunkClaim, position: float) -> None:
    await Chunk.raw(
        'UPDATE chunks SET position = least("end", greatest(position, {})) WHERE id = {}',
        position,
        claim.chunk.id,
    )
    await turns.note_position(claim.job.id)
