"""What goes over the wire: state on connecting, then only what changed, and nothing of others."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.follower import following
from tests.support.web import Site, running_web
from tests.support.work import begun, finished, heard
from webapp import streams
from webapp.core import accounts, jobs
from webapp.core.background import beside
from webapp.core.events import CLOSING, RESYNC, Inbox
from webapp.core.house import House
from webapp.feeds import Feeds
from webapp.pages.events import FollowedList
from webapp.streams import Admission, Batch, Ear
from webapp.visitors import COOKIE

PATIENCE_S = 10


async def test_the_list_stream_begins_with_the_list_then_sends_single_rows(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    first = await submit()
    async with following(site, space[1]) as follower:
        snapshot = await follower.message()
        assert '<section id="list"' in snapshot
        assert f'id="job-{first.id}"' in snapshot
        await jobs.cancel(house, first.owner, first.id)
        row = await follower.until('data-status="cancelled"')
        assert '<section id="list"' not in row
        second = await submit()
        assert '<section id="list"' in await follower.until(f'id="job-{second.id}"')
        await jobs.delete(house, first.owner, first.id)
        assert f'id="job-{first.id}"' not in await follower.until('<section id="list"')


async def test_the_places_of_waiting_rows_move_up(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    first, second = await submit(), await submit()
    async with following(site, space[1]) as follower:
        assert "2nd in line" in await follower.message()
        await jobs.cancel(house, first.owner, first.id)
        assert f'id="job-{second.id}"' in await follower.until("next in line")


async def test_a_strangers_list_stream_tells_nothing_of_my_jobs(site: Site, submit: Submit) -> None:
    _, theirs = await accounts.open_space(1)
    async with following(site, theirs) as follower:
        await follower.message()
        await submit()
        await follower.silent()


async def test_a_stream_needs_a_space(site: Site, submit: Submit) -> None:
    job = await submit()
    async with httpx.AsyncClient(base_url=site.url) as client:
        for path in ("/events", f"/jobs/{job.id}/events"):
            assert (await client.get(path)).status_code == 401


async def test_a_jobs_stream_sends_state_and_only_the_chunks_that_changed(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    async with following(site, space[1], f"/jobs/{job.id}/events") as follower:
        snapshot = await follower.message()
        assert 'id="following"' in snapshot
        assert "next in line" in snapshot
        claim = await begun(house, job)
        await heard(house, claim, 0, "Ask not")
        assert 'id="chunk-0"' in await follower.until("Ask not")
        await heard(house, claim, 1, "what your country")
        assert 'id="following"' not in await follower.until("what your country")
        await finished(house, claim)
        assert 'id="following"' not in await follower.until('data-status="completed"')


async def test_the_stream_of_a_deleted_job_says_so_and_ends(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    async with following(site, space[1], f"/jobs/{job.id}/events") as follower:
        await follower.message()
        await jobs.delete(house, job.owner, job.id)
        await follower.until("This recording was deleted")
        with pytest.raises(AssertionError, match="the stream has ended"):
            await follower.until("anything more")


async def test_nothing_may_store_or_hold_back_a_stream(site: Site, space: tuple[UUID, str]) -> None:
    async with following(site, space[1]) as follower:
        headers = follower.answer.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] in {"no-cache", "no-store"}


async def test_hints_that_were_missed_are_made_up_for_by_the_whole_list(
    house: House, owner: UUID, submit: Submit
) -> None:
    await submit()
    with Feeds(house.events).open(owner, (), lambda owner: FollowedList(owner, None)) as feed:
        async with asyncio.timeout(PATIENCE_S), aclosing(feed.read(Admission(owner, _never))) as stream:
            assert b'<section id="list"' in await anext(stream)
            house.events._tell_all(RESYNC)
            assert b'<section id="list"' in await anext(stream)


async def test_what_one_process_changes_is_seen_by_who_watches_another(
    site: Site, space: tuple[UUID, str], submit: Submit, tmp_path: Path
) -> None:
    job = await submit()
    headers = {"Sec-Fetch-Site": "same-origin"}
    with running_web(tmp_path) as other:
        async with (
            following(site, space[1]) as follower,
            httpx.AsyncClient(base_url=other.url, cookies={COOKIE: space[1]}, headers=headers) as client,
        ):
            await follower.message()
            assert (await client.post(f"/jobs/{job.id}/cancellation")).status_code == 303
            assert f'id="job-{job.id}"' in await follower.until('data-status="cancelled"')
    assert not other.process.said("Traceback")


async def test_a_stream_whose_database_dies_ends_and_the_next_one_begins(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit, servers: Servers
) -> None:
    job = await submit()
    async with following(site, space[1]) as follower:
        await follower.message()
        await asyncio.to_thread(servers.postgres.kill)
        await house.events.publish(job.owner, job.id)
        with pytest.raises(AssertionError, match="the stream has ended"):
            await follower.until("anything more")
    await asyncio.to_thread(servers.postgres.start)
    async with following(site, space[1]) as follower:
        assert f'id="job-{job.id}"' in await follower.message()
    assert site.process.said("stream ended")


async def test_a_burst_of_hints_becomes_one_batch() -> None:
    inbox, changed = Inbox(), {uuid4(), uuid4()}
    for job in [*changed, *changed]:
        inbox.put(job)
    assert await Ear(inbox, calm=0.01).batch() == Batch(frozenset(changed))
    assert not inbox.take_nowait()


async def test_what_follows_a_batch_closely_waits_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what comes after a silence is told at once."""
    clock, slept = Clock(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(streams, "monotonic", clock)
    monkeypatch.setattr("webapp.streams.asyncio.sleep", sleep)
    ear = Ear(inbox := Inbox(), calm=0.25)
    for passed in (10.0, 0.05, 0.3):
        clock.now += passed
        inbox.put(uuid4())
        await ear.batch()
    assert slept == [0.0, pytest.approx(0.2), 0.0]


async def test_silence_is_told_after_a_while_and_the_end_at_once() -> None:
    inbox = Inbox()
    heard, ear = [], Ear(inbox, calm=0.01)
    while (batch := await ear.batch(quiet=0.01)) is not None:
        heard.append(batch)
        inbox.put(RESYNC if len(heard) == 1 else CLOSING)
    assert [batch.silent for batch in heard] == [True, False]
    assert heard[1].resync


async def test_hints_about_other_things_do_not_put_off_the_sign_of_life() -> None:
    inbox = Inbox()

    async def chatter() -> None:
        while True:
            inbox.put(uuid4())
            await asyncio.sleep(0.05)

    async with asyncio.timeout(PATIENCE_S), beside(chatter()):
        batch = await Ear(inbox).concerning(lambda _: False, quiet=0.2)
    assert batch is not None
    assert batch.silent


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def _never() -> None:
    raise AssertionError
