"""Stopping a job, and taking it up again: where it stopped, or from its beginning."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID, uuid4

import pytest

from tests.support.domain import Submit
from tests.support.work import begun, cut, finished, heard, planned, taken
from webapp.core import arrival, endings, jobs, planning, removals, transcripts, turns, uploads, work
from webapp.core.errors import Conflict, JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.leases import ChunkClaim
from webapp.core.options import WantedOptions, settle
from webapp.core.planning import NewChunk
from webapp.core.storage import StoredObject
from webapp.core.tables import Chunk, Job, Removal, Status


async def _outcome(verb: Awaitable[object]) -> type[BaseException] | None:
    try:
        await verb
    except (Conflict, LeaseLost) as refused:
        return type(refused)
    return None


async def _after(pause: float, verb: Awaitable[object]) -> None:
    await asyncio.sleep(pause)
    await verb


async def _without_file(house: House, owner: UUID) -> Job:
    """Whether the storage has anything does not matter here, and asking it takes time."""
    upload, _ = await uploads.prepare(house, owner, "talk.flac", "audio/flac", 1000)
    options = settle(WantedOptions(), house.settings)
    job = await arrival.insert(house, upload, StoredObject(1000, "tag"), options)
    assert job is not None
    return job


async def _chunks(job: Job) -> list[Chunk]:
    return await Chunk.objects().where(Chunk.job == job.id).order_by(Chunk.index)


async def _half_done(house: House, job: Job) -> ChunkClaim:
    """Of three chunks the first is finished, the second begun, and the sound of all was stored."""
    await cut(house, job, 10.0, 20.0, 30.0)
    claim = await taken(house)
    await heard(house, claim, 0, "Finished.")
    await finished(house, claim)
    for chunk in await _chunks(job):
        key = removals.chunk_key(job.owner, job.id, 1, chunk.index)
        await Chunk.update({Chunk.audio_key: key if chunk.index else None}).where(Chunk.id == chunk.id)
    claim = await taken(house)
    await heard(house, claim, 0, "Begun.")
    return claim


async def test_cancelled_job_refuses_its_worker_and_keeps_its_text(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    claim = await _half_done(house, job)
    found = await jobs.cancel(house, owner, job.id)
    for verb in (work.finish_chunk(house, claim), work.advance(house, claim, 15.0)):
        with pytest.raises(LeaseLost):
            await verb
    found = await jobs.find(owner, job.id)
    assert found.status == Status.CANCELLED
    assert found.working_since is None
    assert found.lease_token is None
    assert found.processing_seconds > 0
    assert [each.text for each in (await transcripts.read(found)).segments] == [" Finished.", " Begun."]
    assert [each.status for each in await _chunks(job)] == ["completed", "cancelled", "cancelled"]


async def test_cancelled_pending_job_never_starts(house: House, owner: UUID, submit: Submit) -> None:
    unplanned, planned_one = await submit(), await submit()
    await Job.update({Job.served_at: unplanned.created_at}).where(Job.id == unplanned.id)
    await cut(house, planned_one, 10.0, 20.0)
    for job in (unplanned, planned_one):
        assert (await jobs.cancel(house, owner, job.id)).started_at is None or job is planned_one
    assert await turns.take_plan(house, uuid4()) is None
    assert await turns.take_chunk(house, uuid4()) is None


async def test_cancelling_and_finishing_at_once_end_in_exactly_one(house: House, owner: UUID) -> None:
    ends = []
    for turn in range(60):
        job = await _without_file(house, owner)
        claim = await begun(house, job)
        finish = _after(turn % 12 / 2000, work.finish_chunk(house, claim))
        outcomes = set(await asyncio.gather(_outcome(jobs.cancel(house, owner, job.id)), _outcome(finish)))
        status = (await jobs.find(owner, job.id)).status
        # One of them won, and the other was told so.
        assert outcomes == {None, LeaseLost if status == Status.CANCELLED else Conflict}
        (chunk,) = await _chunks(job)
        assert chunk.status == status
        ends.append(status)
    assert set(ends) == {Status.CANCELLED, Status.COMPLETED}, "both orders were tried"


async def test_cancelling_and_failing_at_once_end_in_exactly_one(house: House, owner: UUID) -> None:
    reason = JobFailed("engine_failed", "It broke.", permanent=True)
    for turn in range(24):
        job = await _without_file(house, owner)
        claim = await begun(house, job)
        verbs = [
            _after(turn % 6 / 1000, jobs.cancel(house, owner, job.id)),
            endings.fail(house, claim, reason),
        ]
        outcomes = await asyncio.gather(*map(_outcome, verbs))
        found = await jobs.find(owner, job.id)
        assert outcomes.count(None) == 1
        assert (found.status == Status.FAILED) == (found.error_code == "engine_failed")
        assert found.status in (Status.FAILED, Status.CANCELLED)


async def test_many_who_cancel_at_once_cancel_once(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    outcomes = await asyncio.gather(*(_outcome(jobs.cancel(house, owner, job.id)) for _ in range(5)))
    assert sorted(outcomes, key=str) == [Conflict] * 4 + [None]


async def test_finished_job_cannot_be_cancelled(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await finished(house, await begun(house, job))
    with pytest.raises(Conflict, match="completed already"):
        await jobs.cancel(house, owner, job.id)


async def test_retry_goes_on_where_the_job_stopped(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await _half_done(house, job)
    await jobs.cancel(house, owner, job.id)
    before = await _chunks(job)
    again = await jobs.retry(house, owner, job.id)
    assert again.status == Status.PENDING
    assert again.finished_at is None
    assert again.planned_at is not None
    after = await _chunks(job)
    assert [chunk.status for chunk in after] == ["completed", "pending", "pending"]
    assert [chunk.audio_key for chunk in after] == [chunk.audio_key for chunk in before]
    assert after[1].attempt_limit == before[1].attempt_limit + house.settings.job_attempts
    assert await Removal.count() == 0
    while (claim := await turns.take_chunk(house, uuid4())) is not None:
        await heard(house, claim, 0, f"Chunk {claim.chunk.index}.")
        await finished(house, claim)
    done = await jobs.find(owner, job.id)
    assert done.status == Status.COMPLETED
    texts = [each.text for each in (await transcripts.read(done)).segments]
    assert texts == [" Finished.", " Chunk 1.", " Chunk 2."]


async def test_retry_goes_on_with_the_cutting_where_it_stopped(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    claim = await planned(house, job)
    first = NewChunk(index=0, start=0.0, end=10.0, speech=9.0, silent=False, audio_key=None)
    await planning.add_chunk(house, claim, first)
    await jobs.cancel(house, owner, job.id)
    await jobs.retry(house, owner, job.id)
    again = await planned(house, job)
    assert (again.start, again.next_chunk) == (10.0, 1)


async def test_starting_over_leaves_only_the_recording(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await _half_done(house, job)
    await Job.update({Job.damaged_packets: 3, Job.missing_seconds: 1.5}).where(Job.id == job.id)
    await jobs.cancel(house, owner, job.id)
    again = await jobs.retry(house, owner, job.id, start_over=True)
    assert (again.status, again.position) == (Status.PENDING, 0.0)
    assert again.planned_at is None
    assert again.detected_language is None
    assert again.language_probability is None
    assert (again.damaged_packets, again.missing_seconds, again.processing_seconds) == (0, 0.0, 0.0)
    assert await _chunks(job) == []
    assert (await transcripts.read(again)).segments == []
    noted = await Removal.select(Removal.prefix).order_by(Removal.prefix).output(as_list=True)
    assert noted == [removals.chunk_key(owner, job.id, 1, index) for index in (1, 2)]
    assert await house.storage.head(job.object_key) is not None
    claim = await planned(house, job)
    assert (claim.start, claim.next_chunk, claim.job.attempt) == (0.0, 0, 2)


@pytest.mark.parametrize("start_over", [False, True])
async def test_retry_gives_a_failed_job_new_attempts(
    house: House, owner: UUID, submit: Submit, start_over: bool
) -> None:
    job = await submit()
    claim = await begun(house, job)
    await endings.fail(house, claim, JobFailed("engine_crashed", "It crashed.", permanent=True))
    again = await jobs.retry(house, owner, job.id, start_over=start_over)
    assert again.status == Status.PENDING
    assert again.error_code is again.error_message is None
    assert (
        await (turns.take_plan(house, uuid4()) if start_over else turns.take_chunk(house, uuid4()))
        is not None
    )


@pytest.mark.parametrize("start_over", [False, True])
async def test_only_what_failed_or_was_cancelled_is_tried_again(
    house: House, owner: UUID, submit: Submit, start_over: bool
) -> None:
    waiting, running = await submit(), await submit()
    with pytest.raises(Conflict, match="pending"):
        await jobs.retry(house, owner, waiting.id, start_over=start_over)
    claim = await begun(house, waiting)
    with pytest.raises(Conflict, match="processing"):
        await jobs.retry(house, owner, waiting.id, start_over=start_over)
    await finished(house, claim)
    with pytest.raises(Conflict, match="completed"):
        await jobs.retry(house, owner, waiting.id, start_over=start_over)
    assert (await jobs.find(owner, running.id)).status == Status.PENDING


async def test_retry_after_cancelling_in_the_pause_between_attempts_starts_at_once(
    house: House, owner: UUID, submit: Submit
) -> None:
    for code in ("engine_failed", "storage_unavailable"):
        job = await submit()
        claim = await begun(house, job)
        await endings.fail(house, claim, JobFailed(code, "Not now.", permanent=False))
        assert await turns.take_chunk(house, uuid4()) is None
        await jobs.cancel(house, owner, job.id)
        queued = await house.doorbell.queue.count("queued")
        await jobs.retry(house, owner, job.id)
        assert await house.doorbell.queue.count("queued") == queued + 1
        assert await turns.take_chunk(house, uuid4()) is not None


async def test_retried_job_lines_up_behind_those_that_wait(house: House, owner: UUID, submit: Submit) -> None:
    retried, waiting = await submit(), await submit()
    await jobs.cancel(house, owner, retried.id)
    await jobs.retry(house, owner, retried.id)
    assert await jobs.places_in_queue([retried, waiting]) == {waiting.id: 1, retried.id: 2}
