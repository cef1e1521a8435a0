"""What an owner can do with jobs, over the real database, queue and bucket."""

import asyncio
import os
import signal
from uuid import UUID

import pytest

from local.servers import Servers
from tests.support.domain import Arrive, Submit, send
from tests.support.work import begun, cut, planned, taken
from webapp.core import endings, jobs, uploads
from webapp.core.clock import later
from webapp.core.errors import Conflict, Invalid, JobFailed, NotFound, Unavailable
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.options import WantedOptions
from webapp.core.storage import StoredObject
from webapp.core.tables import Job, Status, Upload


async def test_submitted_recording_waits_and_its_bell_is_rung(house: House, submit: Submit) -> None:
    job = await submit()
    assert job.status == Status.PENDING
    assert await house.doorbell.queue.count("queued") == 1


async def test_submitting_an_upload_again_returns_the_same_job(
    house: House, owner: UUID, arrive: Arrive
) -> None:
    upload = await arrive()
    first, made = await jobs.submit(house, owner, upload, WantedOptions())
    second, made_again = await jobs.submit(house, owner, upload, WantedOptions())
    assert (made, made_again) == (True, False)
    assert first.id == second.id


async def test_twin_submissions_make_one_job(house: House, owner: UUID, arrive: Arrive) -> None:
    upload = await arrive()
    twins = await asyncio.gather(
        *(jobs.submit(house, owner, upload, WantedOptions()) for _ in range(4)), return_exceptions=True
    )
    made = {twin[0].id for twin in twins if not isinstance(twin, BaseException)}
    assert len(made) == 1
    assert await Job.count() == 1
    # A twin that came too late to copy what another had moved is told so; none may fail otherwise.
    assert all(isinstance(twin, tuple | Conflict) for twin in twins)


async def test_recording_that_never_arrived_is_refused(house: House, owner: UUID) -> None:
    upload, _ = await uploads.prepare(house, owner, "talk.mp3", "audio/mpeg", 1000)
    with pytest.raises(Conflict, match="has not arrived"):
        await jobs.submit(house, owner, upload, WantedOptions())


async def test_form_used_after_submission_changes_nothing(house: House, owner: UUID) -> None:
    content = b"first" * 100
    upload, presigned = await uploads.prepare(house, owner, "talk.mp3", "audio/mpeg", len(content))
    await send(presigned, content)
    job, _ = await jobs.submit(house, owner, upload, WantedOptions())
    await send(presigned, b"other" * 100)
    kept = await house.storage.head(job.object_key)
    assert kept is not None
    assert kept.etag == job.object_etag


async def test_unknown_model_is_refused_and_nothing_is_kept(
    house: House, owner: UUID, arrive: Arrive
) -> None:
    upload = await arrive()
    with pytest.raises(Invalid) as refused:
        await jobs.submit(house, owner, upload, WantedOptions(model="../../etc"))
    assert refused.value.code == "unknown_model"
    assert await Job.count() == 0


async def test_jobs_of_others_are_not_found(
    house: House, owner: UUID, stranger: UUID, submit: Submit
) -> None:
    job = await submit()
    assert (await jobs.find(owner, job.id)).id == job.id
    with pytest.raises(NotFound):
        await jobs.find(stranger, job.id)
    with pytest.raises(NotFound):
        await jobs.cancel(house, stranger, job.id)
    with pytest.raises(NotFound):
        await jobs.retry(house, stranger, job.id)
    with pytest.raises(NotFound):
        await jobs.delete(house, stranger, job.id)
    assert (await jobs.page(stranger)).jobs == []
    assert (await jobs.find(owner, job.id)).status == Status.PENDING


async def test_pages_hold_every_job_once_newest_first(house: House, owner: UUID, submit: Submit) -> None:
    made = [(await submit()).id for _ in range(5)]
    first = await jobs.page(owner, limit=2)
    second = await jobs.page(owner, limit=2, after=first.next)
    third = await jobs.page(owner, limit=2, after=second.next)
    assert [job.id for page in (first, second, third) for job in page.jobs] == made[::-1]
    assert third.next is None


async def test_page_can_be_of_one_status(house: House, owner: UUID, submit: Submit) -> None:
    cancelled = await submit()
    waiting = await submit()
    await jobs.cancel(house, owner, cancelled.id)
    found = await jobs.page(owner, status=Status.PENDING)
    assert [job.id for job in found.jobs] == [waiting.id]


async def test_place_in_queue_counts_who_came_before(house: House, owner: UUID, submit: Submit) -> None:
    first, second = await submit(), await submit()
    assert await jobs.places_in_queue([second, first]) == {first.id: 1, second.id: 2}
    await begun(house, first)
    assert await jobs.places_in_queue([second]) == {second.id: 1}


async def test_place_in_queue_is_by_turns_as_workers_take_them(
    house: House, owner: UUID, submit: Submit
) -> None:
    long, short = await submit(), await submit()
    await cut(house, long, 10.0, 20.0, 30.0)
    assert await jobs.places_in_queue([short, long]) == {long.id: 1, short.id: 2}
    await taken(house)
    assert await jobs.places_in_queue([short]) == {short.id: 1}, "the other had a turn just now"
    await Job.update({Job.served_at: later(seconds=-300)}).where(Job.id == long.id)
    assert await jobs.places_in_queue([short]) == {short.id: 2}, "the other's next chunk waits for longer"


async def test_what_is_not_due_yet_stands_before_nobody(house: House, owner: UUID, submit: Submit) -> None:
    first, second = await submit(), await submit()
    claim = await planned(house, first)
    await endings.fail(house, claim, JobFailed("engine_failed", "It broke.", permanent=False))
    await Job.update({Job.served_at: later(seconds=-300)}).where(Job.id == first.id)
    assert await jobs.places_in_queue([second]) == {second.id: 1}


async def test_new_job_takes_a_turn_before_one_that_had_one_just_now(house: House, submit: Submit) -> None:
    long = await submit()
    await cut(house, long, 10.0, 20.0)
    await taken(house)
    short = await submit()
    assert (await planned(house, short)).job.id == short.id


async def test_made_up_cursor_is_harmless(owner: UUID) -> None:
    assert (await jobs.page(owner, after=new_id())).jobs == []


async def test_twin_that_comes_while_the_file_is_being_moved_gets_the_job(
    house: House, owner: UUID, arrive: Arrive
) -> None:
    for pause in (0.005, 0.015, 0.03):
        upload = await arrive()
        twins = []
        for _ in range(6):
            twins.append(asyncio.create_task(jobs.submit(house, owner, upload, WantedOptions())))
            await asyncio.sleep(pause)
        made = [await twin for twin in twins]
        assert len({job.id for job, _ in made}) == 1
        assert sum(first for _, first in made) == 1


async def test_storage_that_fails_after_the_job_is_made_does_not_unmake_it(
    house: House, owner: UUID, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*keys: str) -> None:
        raise Unavailable("The storage does not answer.")

    upload = await arrive()
    monkeypatch.setattr(house.storage, "delete", away)
    _, made = await jobs.submit(house, owner, upload, WantedOptions())
    assert made
    assert await house.doorbell.queue.count("queued") == 1


async def test_slow_twin_of_a_job_that_was_deleted_leaves_no_copy(
    house: House, owner: UUID, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await arrive()
    copy = house.storage.copy

    async def slowly(*args: str) -> StoredObject | None:
        copied = await copy(*args)
        await Upload.delete().where(Upload.id == upload.id)
        return copied

    monkeypatch.setattr(house.storage, "copy", slowly)
    with pytest.raises(NotFound):
        await jobs.submit(house, owner, upload, WantedOptions())
    assert await house.storage.head(f"recordings/{owner}/{upload.id}") is None


async def test_redis_that_hangs_holds_up_no_submission(
    house: House, owner: UUID, arrive: Arrive, servers: Servers
) -> None:
    upload = await arrive()
    assert servers.valkey.pid
    os.kill(servers.valkey.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            _, made = await jobs.submit(house, owner, upload, WantedOptions())
    finally:
        os.kill(servers.valkey.pid, signal.SIGCONT)
    assert made
