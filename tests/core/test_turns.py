"""Who is next, and how many chunks of one job may be in the queue."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.support.domain import Submit
from tests.support.leases import due
from tests.support.work import cut, finished, heard, planned, stretch, taken
from webapp.core import endings, jobs, planning, turns, upkeep, work
from webapp.core.clock import now
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.language import CHUNKS_ASKED, Votes
from webapp.core.tables import Chunk, Job, Status

MINUTES = tuple(60.0 * minute for minute in range(1, 13))


async def in_queue(job: Job) -> int:
    waiting = Chunk.count().where(
        Chunk.job == job.id, Chunk.status == Status.PENDING.value, Chunk.queued_at.is_not_null()
    )
    return int(await waiting)


async def test_a_few_chunks_of_a_job_are_in_the_queue_and_the_next_follows_when_one_is_taken(
    house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, *MINUTES)
    for _ in range(3):
        assert await in_queue(job) == house.settings.job_parallelism == 4
        await taken(house)
    assert await in_queue(job) == 4


async def test_as_many_workers_as_there_are_find_a_chunk_of_a_long_recording(
    house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, *MINUTES)
    assert [(await taken(house)).chunk.index for _ in MINUTES] == list(range(len(MINUTES)))


async def test_chunk_that_comes_into_the_queue_is_rung_for_at_once(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, *MINUTES)
    before = await rung(house, job)
    await taken(house)
    [new] = await rung(house, job) - before
    assert f"{job.id}:4:0:" in new


async def rung(house: House, job: Job) -> set[str]:
    queue = house.doorbell.queue
    names = await queue.redis.zrange(queue.namespace("incomplete"), 0, -1)
    return {name.decode() for name in names if str(job.id) in name.decode()}


async def test_parallelism_is_a_setting(house: House, submit: Submit) -> None:
    narrow = replace(house, settings=replace(house.settings, job_parallelism=2))
    job = await submit()
    await cut(narrow, job, *MINUTES)
    assert await in_queue(job) == 2
    await taken(narrow)
    assert await in_queue(job) == 2


async def test_short_clip_is_done_before_the_next_but_one_chunk_of_a_long_recording(
    house: House, submit: Submit
) -> None:
    """On a single worker, whatever the long one has in the queue."""
    long = await submit()
    await cut(house, long, *MINUTES)
    at_work = await taken(house)
    clip = await submit()
    await cut(house, clip, 10.0)
    await finished(house, at_work)
    after = [await taken(house), await taken(house)]
    assert clip.id in [claim.job.id for claim in after]


async def test_long_recording_is_not_starved_by_a_stream_of_short_ones(house: House, submit: Submit) -> None:
    long = await submit()
    await cut(house, long, *MINUTES)
    await finished(house, await taken(house))
    waited = now() - timedelta(seconds=turns.HEAD_START_S + 5)
    await Job.update({Job.served_at: waited}).where(Job.id == long.id)
    await submit()
    assert not await turns.plan_first(house)
    assert (await taken(house)).job.id == long.id


async def test_new_job_is_planned_before_the_long_one_goes_on(house: House, submit: Submit) -> None:
    await cut(house, await submit(), *MINUTES)
    await taken(house)
    await submit()
    assert await turns.plan_first(house)


async def test_planning_ahead_stops_when_enough_jobs_wait_to_be_heard(house: House, submit: Submit) -> None:
    assert not await turns.plan_ahead(house), "nothing waits to be planned"
    for expected in (True, True, True, False):
        job = await submit()
        assert await turns.plan_ahead(house) is expected
        await cut(house, job, 10.0)


async def test_silent_chunks_are_done_without_anybody_hearing_them(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    claim = await planned(house, job)
    silent = planning.NewChunk(index=0, start=0.0, end=30.0, speech=0.0, silent=True, audio_key=None)
    await planning.add_chunk(house, claim, silent)
    await planning.finish(house, claim, duration=30.0)
    done = await jobs.find(owner, job.id)
    assert (done.status, done.position) == (Status.COMPLETED, 30.0)
    assert done.detected_language is None, "nobody spoke"


async def test_chunks_may_be_done_in_any_order_and_the_last_one_completes_the_job(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0, 90.0)
    claims = [await taken(house) for _ in range(3)]
    for claim, position in zip(reversed(claims), (30.0, 60.0, 90.0), strict=True):
        await heard(house, claim, 0, f"part {claim.chunk.index}")
        await finished(house, claim)
        found = await jobs.find(owner, job.id)
        assert found.position == position
        assert (found.status == Status.COMPLETED) is (position == 90.0)


async def test_job_is_not_complete_before_it_is_planned_to_its_end(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit(language="en")
    claim = await planned(house, job)
    await planning.add_chunk(house, claim, stretch(0, 0.0, 30.0))
    await finished(house, await taken(house))
    assert (await jobs.find(owner, job.id)).status == Status.PROCESSING
    await planning.finish(house, claim, duration=30.0)
    assert (await jobs.find(owner, job.id)).status == Status.COMPLETED


async def test_only_chunk_goes_to_who_planned_it(house: House, submit: Submit) -> None:
    claim = await planned(house, await submit())
    await planning.add_chunk(house, claim, stretch(0, 0.0, 10.0), wait=True)
    assert await turns.take_chunk(house, uuid4()) is None
    chunk = await planning.finish(house, claim, token=uuid4(), duration=10.0)
    assert chunk is not None
    assert (chunk.chunk.status, chunk.chunk.attempt) == (Status.PROCESSING, 1)
    await finished(house, chunk)


async def test_only_chunk_that_nobody_here_can_hear_waits_for_anybody(house: House, submit: Submit) -> None:
    claim = await planned(house, await submit())
    await planning.add_chunk(house, claim, stretch(0, 0.0, 10.0), wait=True)
    assert await planning.finish(house, claim, duration=10.0) is None
    await taken(house)


async def unsettled(house: House, job: Job, *ends: float) -> None:
    claim = await planned(house, job)
    for index, end in enumerate(ends):
        await planning.add_chunk(house, claim, stretch(index, end - 60.0, end))
    await planning.finish(house, claim, duration=ends[-1])


async def test_until_the_language_is_settled_chunks_are_asked_one_at_a_time(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await unsettled(house, job, *MINUTES)
    assert await in_queue(job) == 1
    first = await taken(house)
    assert await in_queue(job) == 0
    await work.leave_language_open(house, first, Votes({"de": 0.4, "nl": 0.3}, 1))
    second = await taken(house)
    assert (first.chunk.index, second.chunk.index) == (0, 1)
    await work.settle_language(house, second, "nl", 0.8)
    assert await in_queue(job) == 4
    assert (await taken(house)).chunk.index == 0
    assert (await jobs.find(owner, job.id)).detected_language == "nl"


async def test_doubts_add_up_to_a_language(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    await unsettled(house, job, *MINUTES)
    await work.leave_language_open(house, await taken(house), Votes({"de": 0.45, "nl": 0.40}, 1))
    await work.leave_language_open(house, await taken(house), Votes({"de": 0.20, "nl": 0.49}, 1))
    await work.leave_language_open(house, await taken(house), Votes({"nl": 0.80}, 1))
    found = await jobs.find(owner, job.id)
    assert found.detected_language == "nl"
    assert found.language_probability == pytest.approx((0.40 + 0.49 + 0.80) / 3)


@pytest.mark.parametrize("ends", [MINUTES, MINUTES[:2]], ids=["enough asked", "nobody left to ask"])
async def test_best_guess_has_to_do_in_the_end(
    ends: tuple[float, ...], house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await unsettled(house, job, *ends)
    for _ in range(min(CHUNKS_ASKED, len(ends))):
        await work.leave_language_open(house, await taken(house), Votes({"cy": 0.2, "en": 0.1}, 1))
    found = await jobs.find(owner, job.id)
    assert found.detected_language == "cy"
    assert found.language_probability == pytest.approx(0.2)
    assert (await taken(house)).chunk.index == 0


async def test_chunks_in_which_no_window_speaks_do_not_wait_for_ever(house: House, submit: Submit) -> None:
    job = await submit()
    await unsettled(house, job, 60.0, 120.0)
    for _ in range(2):
        await work.leave_language_open(house, await taken(house), Votes())
    assert (await taken(house)).chunk.index == 0


async def test_only_chunk_whose_worker_stops_at_once_waits_for_another(house: House, submit: Submit) -> None:
    """As with each deploy: it had never been in the queue."""
    claim = await planned(house, await submit())
    await planning.add_chunk(house, claim, stretch(0, 0.0, 10.0), wait=True)
    chunk = await planning.finish(house, claim, token=uuid4(), duration=10.0)
    assert chunk is not None
    await endings.release(house, chunk)
    assert (await taken(house)).chunk.id == chunk.chunk.id


async def test_job_that_a_defect_left_out_of_the_queue_is_found_again(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0)
    await Chunk.update({Chunk.queued_at: None}).where(Chunk.job == job.id)
    await upkeep.reconcile(house)
    await taken(house)


@pytest.mark.parametrize("step", ["plan", "chunk"])
async def test_taking_again_after_an_answer_that_was_lost_gives_the_same(
    step: str, house: House, submit: Submit
) -> None:
    if step == "chunk":
        await cut(house, await submit(), 30.0, 60.0)
    else:
        await submit()
        await submit()
    take, token = (turns.take_chunk if step == "chunk" else turns.take_plan), uuid4()
    first, again = await take(house, token), await take(house, token)
    assert first is not None
    assert again is not None
    assert first.row.id == again.row.id


async def test_planning_that_waits_is_not_hurried_by_the_setback_of_a_chunk(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit(language="en")
    claim = await planned(house, job)
    await planning.add_chunk(house, claim, stretch(0, 0.0, 30.0))
    await endings.fail(house, claim, JobFailed("x", "X.", permanent=False))
    due = (await jobs.find(owner, job.id)).next_attempt_at
    await endings.release(house, await taken(house))
    assert (await jobs.find(owner, job.id)).next_attempt_at == due


async def test_bell_that_another_clock_holds_back_does_not_silence_the_one_that_is_due(
    house: House, submit: Submit
) -> None:
    job = await submit()
    await endings.fail(house, await planned(house, job), JobFailed("x", "X.", permanent=False))
    [later] = await turns.bells(job.id)
    await due(job)
    [now] = await turns.bells(job.id)
    assert later.delay > 0
    assert now.delay == 0
    assert now.key != later.key


@pytest.mark.parametrize("spans", [[(0, 500), (700, 29_000)], [], None])
async def test_where_somebody_speaks_comes_with_the_chunk(
    spans: list[tuple[int, int]] | None, house: House, submit: Submit
) -> None:
    claim = await planned(house, await submit(language="en"))
    await planning.add_chunk(house, claim, msgspec.structs.replace(stretch(0, 0.0, 30.0), spans=spans))
    assert (await taken(house)).spans == spans
