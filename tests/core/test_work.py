"""What workers do to a job, and that the lease keeps them out of each other's way."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from tests.support.domain import Submit
from webapp.core import jobs, transcripts, upkeep, work
from webapp.core.clock import now
from webapp.core.errors import JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.tables import Chunk, Job, SegmentRow, Status
from webapp.core.transcript import Segment, Word

AND_SO = Segment(0.0, 1.5, " And so", [Word(0.0, 1.5, " And so", 0.9)], -0.2, 1.1, 0.01, 0.0)


async def claimed(house: House, job: Job) -> work.Claim:
    claim = await work.claim(house, job.id)
    assert claim is not None
    return claim


async def expire(job: Job) -> None:
    await Job.update({Job.lease_until: now() - timedelta(seconds=1)}).where(Job.id == job.id)


async def test_of_many_workers_one_gets_the_job(house: House, submit: Submit) -> None:
    job = await submit()
    claims = await asyncio.gather(*(work.claim(house, job.id) for _ in range(6)))
    assert sum(claim is not None for claim in claims) == 1


async def test_expired_lease_is_anyones_and_the_late_worker_writes_nothing(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    late = await claimed(house, job)
    await expire(job)
    current = await claimed(house, job)
    await work.begin_chunk(house, current, 0, 0.0, 11.0)
    for write in (
        work.renew(house, late),
        work.begin_chunk(house, late, 0, 0.0, 11.0),
        work.save_segment(house, late, 0, 0, AND_SO),
        work.advance(house, late, 5.0),
        work.finish_chunk(house, late, 0),
        work.learn(house, late, duration=1.0),
        work.complete(house, late),
        work.fail(house, late, JobFailed("x", "X.", permanent=True)),
        work.release(house, late),
        work.check(late),
    ):
        with pytest.raises(LeaseLost):
            await write
    found = await jobs.find(owner, job.id)
    assert found.status == Status.PROCESSING
    assert found.position == 0.0
    assert found.duration is None
    assert await SegmentRow.count() == 0


async def test_renewed_lease_is_kept(house: House, submit: Submit) -> None:
    job = await submit()
    claim = await claimed(house, job)
    await expire(job)
    await work.renew(house, claim)
    assert await work.claim(house, job.id) is None


async def test_text_is_read_back_as_it_was_found(house: House, owner: UUID, submit: Submit) -> None:
    claim = await claimed(house, await submit())
    await work.learn(house, claim, duration=11.0, detected_language="en", language_probability=0.98)
    await work.begin_chunk(house, claim, 0, 0.0, 11.0)
    await work.save_segment(house, claim, 0, 0, AND_SO)
    running = await transcripts.read(await jobs.find(owner, claim.job.id))
    assert (running.segments, running.partial) == ([AND_SO], True)
    await work.finish_chunk(house, claim, 0)
    await work.complete(house, claim)
    whole = await transcripts.read(await jobs.find(owner, claim.job.id))
    assert (whole.partial, whole.language, whole.duration) == (False, "en", 11.0)
    [chunk] = await transcripts.chunks(claim.job.id)
    assert (chunk.done, chunk.segments) == (True, [AND_SO])


async def test_segment_written_twice_stands_once(house: House, submit: Submit) -> None:
    """A connection that breaks after the commit makes the worker write it again."""
    claim = await claimed(house, await submit())
    await work.begin_chunk(house, claim, 0, 0.0, 11.0)
    await work.begin_chunk(house, claim, 0, 0.0, 11.0)
    await work.save_segment(house, claim, 0, 0, AND_SO)
    await work.save_segment(house, claim, 0, 0, AND_SO)
    assert await SegmentRow.count() == 1


async def test_text_that_the_database_cannot_hold_is_stored_without_what_it_cannot(
    house: House, owner: UUID, submit: Submit
) -> None:
    claim = await claimed(house, await submit())
    await work.begin_chunk(house, claim, 0, 0.0, 11.0)
    await work.save_segment(
        house, claim, 0, 0, Segment(0.0, 1.0, " a\0b", [Word(0.0, 1.0, " a\0b\\u0000", 0.5)])
    )
    [segment] = (await transcripts.read(claim.job)).segments
    assert segment.text == " ab"
    assert segment.words == [Word(0.0, 1.0, " ab\\u0000", 0.5)]


async def test_next_worker_keeps_finished_chunks_and_begins_the_others_again(
    house: House, submit: Submit
) -> None:
    job = await submit()
    first = await claimed(house, job)
    await work.begin_chunk(house, first, 0, 0.0, 30.0)
    await work.save_segment(house, first, 0, 0, AND_SO)
    await work.finish_chunk(house, first, 0)
    await work.begin_chunk(house, first, 1, 30.0, 60.0)
    await work.save_segment(house, first, 1, 0, Segment(31.0, 32.0, " half"))
    await expire(job)
    second = await claimed(house, job)
    assert (second.start, second.next_chunk) == (30.0, 1)
    assert second.job.position == 30.0
    assert await Chunk.count() == 1
    assert [row["text"] for row in await SegmentRow.select()] == [" And so"]


async def test_passing_failure_waits_longer_each_time_and_ends_in_failed(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    passing = JobFailed("storage_unavailable", "Away.", permanent=False)
    assert [work.delay_before(attempt, house) for attempt in (1, 2, 10)] == [30, 60, 300]
    for attempt in range(1, house.settings.job_attempts + 1):
        await Job.update({Job.next_attempt_at: now()}).where(Job.id == job.id)
        await work.fail(house, await claimed(house, job), passing)
        found = await jobs.find(owner, job.id)
        assert found.attempt == attempt
        if attempt < house.settings.job_attempts:
            assert found.status == Status.PENDING
            assert found.next_attempt_at > now()
            assert await work.claim(house, job.id) is None
    assert (found.status, found.error_code) == (Status.FAILED, "storage_unavailable")


async def test_lasting_failure_is_not_tried_again(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await work.fail(house, await claimed(house, job), JobFailed("no_audio", "No sound.", permanent=True))
    found = await jobs.find(owner, job.id)
    assert (found.status, found.attempt, found.error_message) == (Status.FAILED, 1, "No sound.")


async def test_stopping_worker_costs_no_attempt(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    for _ in range(house.settings.job_attempts + 2):
        await work.release(house, await claimed(house, job))
    assert (await jobs.find(owner, job.id)).status == Status.PENDING


async def test_reconciler_frees_what_a_dead_worker_held(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await claimed(house, job)
    await house.redis.flushall()
    await expire(job)
    await upkeep.reconcile(house)
    assert (await jobs.find(owner, job.id)).status == Status.PENDING
    assert await house.doorbell.queue.count("queued") == 1


async def test_reconciler_fails_what_kills_every_worker(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    for _ in range(house.settings.job_attempts):
        await claimed(house, job)
        await expire(job)
        await upkeep.reconcile(house)
    found = await jobs.find(owner, job.id)
    assert (found.status, found.error_code) == (Status.FAILED, "worker_lost")


async def test_job_without_attempts_left_is_never_put_back_to_wait(
    house: House, owner: UUID, submit: Submit
) -> None:
    """A lease can run out between the two steps of a round, or while another worker does its own."""
    job = await submit()
    for _ in range(house.settings.job_attempts):
        await Job.update({Job.next_attempt_at: now()}).where(Job.id == job.id)
        await claimed(house, job)
        await expire(job)
    await upkeep._free_expired()
    assert (await jobs.find(owner, job.id)).status == Status.PROCESSING
    await upkeep.reconcile(house)
    assert (await jobs.find(owner, job.id)).status == Status.FAILED


async def test_reconciler_rings_again_for_bells_that_were_lost(house: House, submit: Submit) -> None:
    job = await submit()
    await house.redis.flushall()
    await upkeep.reconcile(house)
    assert await house.doorbell.queue.count("queued") == 0, "a fresh job is given time"
    await Job.update({Job.next_attempt_at: now() - timedelta(minutes=1)}).where(Job.id == job.id)
    await upkeep.reconcile(house)
    await upkeep.reconcile(house)
    assert await house.doorbell.queue.count("queued") == 1
