"""Work on a job that failed or was cancelled, taken up again. Wants the job's row locked."""

from uuid import UUID

from webapp.core import removals, turns
from webapp.core.house import House
from webapp.core.tables import Chunk, Job


async def where_it_stopped(house: House, job: UUID) -> None:
    """Finished chunks stay as they are, and so does the sound of the others."""
    await Chunk.raw(
        "UPDATE chunks SET status = 'pending', attempt_limit = attempt_limit + {}, next_attempt_at = now(),"
        " queued_at = NULL, finished_at = NULL WHERE job = {} AND status <> 'completed'",
        house.settings.job_attempts,
        job,
    )


async def from_the_start(job: UUID) -> None:
    """Only the recording stays, and what its owner wanted."""
    gone = await Chunk.delete().where(Chunk.job == job).returning(Chunk.audio_key)
    for chunk in gone:
        if chunk["audio_key"]:
            await removals.note(chunk["audio_key"])
    await Job.raw(
        "UPDATE jobs SET planned_at = NULL, detected_language = NULL, language_probability = NULL,"
        " language_votes = NULL, position = 0, processing_seconds = 0, damaged_packets = 0,"
        " missing_seconds = 0 WHERE id = {}",
        job,
    )


async def back_in_line(house: House, job: UUID) -> None:
    """The limit grows, so that no bell of an earlier attempt is taken for one of the next."""
    await Job.raw(
        "UPDATE jobs SET status = 'pending', attempt_limit = attempt_limit + {}, next_attempt_at = now(),"
        " served_at = now(), finished_at = NULL, updated_at = now(), error_code = NULL, error_message = NULL"
        " WHERE id = {}",
        house.settings.job_attempts,
        job,
    )
    await turns.line_up(house, job)
