"""Deleting: all that was made of a recording goes, at once or as soon as it can, and is accounted for."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID, uuid4

import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import begun, heard, planned, stretch, taken
from webapp.core import jobs, planning, removals, turns, work
from webapp.core.clock import now
from webapp.core.errors import LeaseLost, NotFound
from webapp.core.house import House
from webapp.core.tables import Chunk, Job, Removal, SegmentRow, Upload


async def _after(pause: float, verb: Awaitable[object]) -> None:
    await asyncio.sleep(pause)
    await verb


async def _stored(house: House) -> list[str]:
    found = []
    for prefix in ("recordings/", "uploads/", "chunks/"):
        async for page in house.storage.listed(prefix):
            found += [each.key for each in page]
    return found


async def _cut_and_stored(house: House, job: Job) -> list[str]:
    """Three chunks that wait, each with its sound in the storage."""
    claim = await planned(house, job)
    await planning.learn(house, claim, duration=30.0, detected_language="en", language_probability=0.97)
    keys = [removals.chunk_key(job.owner, job.id, 1, index) for index in range(3)]
    for index, key in enumerate(keys):
        await asyncio.to_thread(
            house.storage._inside.put_object, Bucket=house.storage.bucket, Key=key, Body=b"fLaC"
        )
        await planning.add_chunk(house, claim, stretch(index, index * 10.0, index * 10.0 + 10.0, key=key))
    await planning.finish(house, claim)
    return keys


async def test_deleting_removes_everything_even_while_running_and_says_what(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await _cut_and_stored(house, job)
    claim = await taken(house)
    await heard(house, claim, 0, "and so")
    done = await jobs.delete(house, owner, job.id)
    assert (done.id, done.recording_bytes, done.chunks, done.segments) == (job.id, job.object_size, 3, 1)
    assert (done.objects, done.versions, done.bytes) == (4, 4, job.object_size + 3 * 4)
    assert (done.pending_removals, done.queue_entries > 0) == (0, True)
    for table in (Upload, Job, Chunk, SegmentRow):
        assert await table.count() == 0
    assert not {key for key in await _stored(house) if str(owner) in key}
    for verb in (work.advance(house, claim, 5.0), work.finish_chunk(house, claim)):
        with pytest.raises(LeaseLost):
            await verb
    assert await turns.take_chunk(house, uuid4()) is None


async def test_deleting_twice_finds_nothing_the_second_time(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    twins = await asyncio.gather(
        *(jobs.delete(house, owner, job.id) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(twin).__name__ for twin in twins) == ["Deletion", "NotFound", "NotFound"]
    with pytest.raises(NotFound):
        await jobs.delete(house, owner, job.id)


async def test_storage_that_is_away_keeps_nobody_from_deleting(
    house: House, owner: UUID, submit: Submit, servers: Servers
) -> None:
    job = await submit()
    await _cut_and_stored(house, job)
    await taken(house)
    servers.s3.stop()
    done = await jobs.delete(house, owner, job.id)
    assert (done.objects, done.pending_removals) == (0, 3)
    assert await Job.count() == 0
    servers.s3.start()
    assert job.object_key in await _stored(house)
    await removals.carry_out(house)
    assert not {key for key in await _stored(house) if str(owner) in key}


async def test_what_a_sleeping_worker_stores_after_the_deletion_is_found_later(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    (key, *_) = await _cut_and_stored(house, job)
    await jobs.delete(house, owner, job.id)
    await asyncio.to_thread(
        house.storage._inside.put_object, Bucket=house.storage.bucket, Key=key, Body=b"fLaC"
    )
    await removals.carry_out(house)
    assert key in await _stored(house), "it is not due yet"
    await Removal.update({Removal.due_at: now()}, force=True)
    await removals.carry_out(house)
    assert key not in await _stored(house)
    assert await Removal.count() == 0


async def test_bells_of_a_deleted_job_are_taken_out_of_the_queue(
    house: House, owner: UUID, submit: Submit
) -> None:
    other, job = await submit(), await submit()
    queue = house.doorbell.queue
    await queue.dequeue(timeout=1)  # a worker was woken by the first, whichever job it takes up
    await house.doorbell.ring(job.id, f"{job.id}:plan:1:3", 60.0)
    await house.doorbell.ring(other.id, f"{other.id}:plan:1:3", 60.0)
    assert [await queue.count(kind) for kind in ("queued", "active", "incomplete")] == [1, 1, 4]
    assert (await jobs.delete(house, owner, job.id)).queue_entries == 2
    assert [await queue.count(kind) for kind in ("queued", "active", "incomplete")] == [0, 1, 2]
    assert await queue.job(f"{job.id}:plan:1:3") is None
    assert (await jobs.delete(house, owner, other.id)).queue_entries == 1, "the one in a worker's hands stays"
    assert [await queue.count(kind) for kind in ("queued", "active", "incomplete")] == [0, 1, 1]


async def test_queue_that_is_away_keeps_nobody_from_deleting(
    house: House, owner: UUID, submit: Submit, servers: Servers
) -> None:
    job = await submit()
    servers.valkey.stop()
    assert (await jobs.delete(house, owner, job.id)).queue_entries == 0
    assert await Job.count() == 0


async def test_deleting_and_finishing_at_once_leaves_nothing(
    house: House, owner: UUID, submit: Submit
) -> None:
    for pause in (0.0, 0.002, 0.004, 0.008):
        job = await submit()
        claim = await begun(house, job)
        _, finished = await asyncio.gather(
            jobs.delete(house, owner, job.id),
            _after(pause, work.finish_chunk(house, claim)),
            return_exceptions=True,
        )
        assert finished is None or isinstance(finished, LeaseLost)
    assert [await table.count() for table in (Job, Chunk, SegmentRow)] == [0, 0, 0]


async def test_job_of_somebody_else_is_not_deleted(house: House, stranger: UUID, submit: Submit) -> None:
    job = await submit()
    with pytest.raises(NotFound):
        await jobs.delete(house, stranger, job.id)
    assert await Removal.count() == 0
    assert await house.storage.head(job.object_key) is not None
