"""Whoever lost the lease writes nothing; what is put back is taken up again, as often as is allowed."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.support.domain import Submit
from tests.support.leases import due, expire
from tests.support.work import begun, cut, heard, planned, stretch, taken
from webapp.core import endings, jobs, planning, turns, upkeep, work
from webapp.core.database import CONNECTION_LOST
from webapp.core.errors import JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.language import Votes
from webapp.core.leases import Claim, check, holding, renew
from webapp.core.tables import Chunk, Job, SegmentRow, Status
from webapp.core.transcript import Segment

AND_SO = Segment(0.0, 1.5, " And so")
PASSING = JobFailed("engine_stalled", "No progress.", permanent=False)


async def test_of_many_workers_one_gets_the_job(house: House, submit: Submit) -> None:
    await submit()
    claims = await asyncio.gather(*(turns.take_plan(house, uuid4()) for _ in range(6)))
    assert sum(claim is not None for claim in claims) == 1


async def test_of_many_workers_each_gets_another_chunk(house: House, submit: Submit) -> None:
    await cut(house, await submit(), 30.0, 60.0, 90.0, 120.0)
    claims = await asyncio.gather(*(turns.take_chunk(house, uuid4()) for _ in range(8)))
    assert sorted(claim.chunk.index for claim in claims if claim) == [0, 1, 2, 3]


async def test_late_planner_writes_nothing(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    late = await planned(house, job)
    await expire(late)
    await upkeep.reconcile(house)
    current = await planned(house, job)
    for write in (
        renew(house, late),
        planning.learn(house, late, duration=1.0),
        planning.add_chunk(house, late, stretch(0, 0.0, 11.0)),
        planning.finish(house, late, duration=1.0),
        endings.fail(house, late, JobFailed("x", "X.", permanent=True)),
        endings.release(house, late),
        check(late),
    ):
        with pytest.raises(LeaseLost):
            await write
    await check(current)
    found = await jobs.find(owner, job.id)
    assert (found.status, await Chunk.count()) == (Status.PROCESSING, 0)
    assert found.duration is None


async def test_late_hearer_writes_nothing(house: House, owner: UUID, submit: Submit) -> None:
    """A worker that was stopped past its lease and wakes up."""
    job = await submit()
    late = await begun(house, job)
    await expire(late)
    await upkeep.reconcile(house)
    current = await taken(house)
    assert current.chunk.id == late.chunk.id
    for write in (
        renew(house, late),
        work.save_segment(house, late, 0, AND_SO),
        work.advance(house, late, 5.0),
        work.settle_language(house, late, "fr", 0.9),
        work.leave_language_open(house, late, Votes()),
        work.finish_chunk(house, late),
        endings.fail(house, late, JobFailed("x", "X.", permanent=True)),
        endings.release(house, late),
        check(late),
    ):
        with pytest.raises(LeaseLost):
            await write
    await check(current)
    found = await jobs.find(owner, job.id)
    assert (found.status, found.position, found.detected_language) == (Status.PROCESSING, 0.0, "en")
    assert await SegmentRow.count() == 0


async def test_lease_that_was_renewed_in_time_is_not_taken_away(house: House, submit: Submit) -> None:
    """Upkeep looks first and acts then: in between the worker may have come back."""
    claim = await begun(house, await submit())
    await expire(claim)
    seen = await upkeep._expired_chunks()
    await renew(house, claim)
    await endings.lost(house, seen[0])
    await check(claim)


async def test_lost_worker_costs_an_attempt_and_only_the_chunk_at_hand(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0)
    first = await taken(house)
    await heard(house, first, 0, "And so")
    await work.finish_chunk(house, first)
    second = await taken(house)
    await heard(house, second, 0, "half")
    await expire(second)
    await upkeep.reconcile(house)
    again = await taken(house)
    assert (again.chunk.index, again.chunk.attempt) == (1, 2)
    assert [row["text"] for row in await SegmentRow.select()] == [" And so"]
    assert (await jobs.find(job.owner, job.id)).position == 30.0


async def test_lost_planner_goes_on_after_the_last_chunk(house: House, submit: Submit) -> None:
    job = await submit()
    claim = await planned(house, job)
    await planning.add_chunk(house, claim, stretch(0, 0.0, 30.0))
    await planning.add_chunk(house, claim, stretch(1, 30.0, 150.0))
    await expire(claim)
    await upkeep.reconcile(house)
    again = await planned(house, job)
    assert (again.start, again.next_chunk) == (150.0, 2)


async def test_passing_failure_waits_longer_each_time_and_ends_in_failed(
    house: House, owner: UUID, submit: Submit
) -> None:
    assert [endings.delay_before(attempt, house) for attempt in (1, 2, 10)] == [30, 60, 300]
    job = await submit()
    claim = await begun(house, job)
    for attempt in range(1, house.settings.job_attempts + 1):
        await endings.fail(house, claim, PASSING)
        found = await jobs.find(owner, job.id)
        if attempt < house.settings.job_attempts:
            assert (found.status, found.error_message) == (Status.PENDING, "No progress.")
            assert await turns.take_chunk(house, uuid4()) is None
            await due(job)
            claim = await taken(house)
    assert (found.status, found.error_code) == (Status.FAILED, "engine_stalled")


async def test_lasting_failure_is_not_tried_again(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await endings.fail(house, await planned(house, job), JobFailed("no_audio", "No sound.", permanent=True))
    found = await jobs.find(owner, job.id)
    assert (found.status, found.attempt, found.error_message) == (Status.FAILED, 1, "No sound.")


async def test_failure_of_one_chunk_stops_those_who_work_on_others(house: House, submit: Submit) -> None:
    await cut(house, await submit(), 30.0, 60.0)
    first, second = await taken(house), await taken(house)
    await endings.fail(house, first, JobFailed("x", "X.", permanent=True))
    with pytest.raises(LeaseLost):
        await check(second)
    assert await Chunk.count().where(Chunk.lease_token.is_not_null()) == 0


async def test_storage_that_is_away_costs_no_attempt(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    for _ in range(house.settings.job_attempts + 2):
        await due(job)
        away = JobFailed("storage_unavailable", "Away.", permanent=False)
        await endings.fail(house, await planned(house, job), away)
    found = await jobs.find(owner, job.id)
    assert (found.status, found.error_message) == (Status.PENDING, "Away.")


async def test_stopping_worker_costs_no_attempt_and_the_work_waits_at_once(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    for _ in range(house.settings.job_attempts + 2):
        await endings.release(house, await planned(house, job))
    claim = await begun(house, job)
    for _ in range(house.settings.job_attempts + 2):
        await endings.release(house, claim)
        assert (await jobs.find(owner, job.id)).status == Status.PENDING
        claim = await taken(house)


@pytest.mark.parametrize("step", ["plan", "chunk"])
async def test_what_kills_every_worker_fails_with_a_reason(
    step: str, house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    if step == "chunk":
        await cut(house, job, 30.0, 60.0)
    for _ in range(house.settings.job_attempts):
        await due(job)
        await expire(await (taken(house) if step == "chunk" else planned(house, job)))
        await upkeep.reconcile(house)
    found = await jobs.find(owner, job.id)
    assert (found.status, found.error_code) == (Status.FAILED, "worker_lost")
    assert "worker was lost each time" in found.error_message


async def test_second_loss_of_a_worker_makes_the_work_wait(house: House, submit: Submit) -> None:
    job = await submit()
    for _ in range(2):
        await expire(await planned(house, job))
        await upkeep.reconcile(house)
    assert await turns.take_plan(house, uuid4()) is None


async def test_reconciler_rings_for_what_a_dead_worker_held(house: House, submit: Submit) -> None:
    claim = await begun(house, await submit())
    await house.redis.flushall()
    await expire(claim)
    await upkeep.reconcile(house)
    assert await house.doorbell.queue.count("queued") == 1


async def test_reconciler_rings_again_for_bells_that_were_lost(house: House, submit: Submit) -> None:
    job = await submit()
    await house.redis.flushall()
    await upkeep.reconcile(house)
    assert await house.doorbell.queue.count("queued") == 0, "a fresh job is given time"
    await due(job)
    await upkeep.reconcile(house)
    await upkeep.reconcile(house)
    assert await house.doorbell.queue.count("queued") == 1


async def test_process_that_is_stopped_amid_a_write_does_not_hold_up_the_others(
    house: House, owner: UUID, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.core.leases._IDLE_S", 1)
    job = await submit()
    claim = await planned(house, job)
    stopped = asyncio.create_task(_stopped_amid_a_write(claim))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(5):
        await jobs.cancel(house, owner, job.id)
    with pytest.raises(CONNECTION_LOST):
        await stopped


async def _stopped_amid_a_write(claim: Claim) -> None:
    async with holding(claim):
        await asyncio.sleep(3)
        await check(claim)


async def test_clock_of_the_job_runs_while_anybody_works_on_it(
    house: House, owner: UUID, submit: Submit
) -> None:
    """Two chunks side by side take the time of one."""
    job = await submit()
    await cut(house, job, 30.0, 60.0)
    first, second = await taken(house), await taken(house)
    started = (await jobs.find(owner, job.id)).working_since
    assert started is not None
    await work.finish_chunk(house, first)
    assert (await jobs.find(owner, job.id)).working_since == started
    await work.finish_chunk(house, second)
    done = await jobs.find(owner, job.id)
    assert done.status == Status.COMPLETED
    assert done.working_since is None
    assert 0 < done.processing_seconds < 30


async def test_lease_is_as_long_as_the_settings_say(house: House, submit: Submit) -> None:
    """By the database's clock: that of the worker may be minutes off."""
    await submit()
    patient = replace(house, settings=replace(house.settings, lease_s=3000))
    await turns.take_plan(patient, uuid4())
    [row] = await Job.raw("SELECT extract(epoch FROM lease_until - now()) AS left FROM jobs")
    assert 2900 < row["left"] <= 3000
