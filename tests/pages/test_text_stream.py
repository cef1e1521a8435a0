"""The stream of one recording's page, while its chunks are heard in any order."""

import re
from uuid import UUID

import httpx
import pytest

from tests.support.domain import Submit
from tests.support.follower import following
from tests.support.web import Site
from tests.support.work import cut, finished, heard, planned, stretch, taken, transcribed
from webapp.core import endings, jobs, planning, transcripts
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.pages.events import FollowedText
from webapp.visitors import COOKIE


async def test_chunks_come_in_any_order_and_what_did_not_change_is_not_sent(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0, 90.0)
    first, second, third = [await taken(house) for _ in range(3)]
    await heard(house, first, 0, "The beginning.")
    async with following(site, space[1], f"/jobs/{job.id}/events") as follower:
        assert "The part from 0:04 to 1:30" in await follower.message()
        await heard(house, third, 0, "The end.")
        news = await follower.until("The end.")
        assert _chunks(news) == [0, 2]  # the gap begins in the first
        assert "The part from 0:04 to 1:00" in news
        assert "The part from 1:04 to 1:30" in news
        await finished(house, third)
        news = await follower.until('id="chunk-2"')
        assert _chunks(news) == [2]
        await heard(house, second, 0, "The middle.")
        news = await follower.until("The middle.")
        assert _chunks(news) == [0, 1]
        assert "The part from 0:04 to 0:30" in news
        assert "The part from 0:34 to 1:00" in news


async def test_a_chunk_that_is_begun_again_is_emptied_and_comes_anew(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0)
    first, second = await taken(house), await taken(house)
    await heard(house, first, 0, "Half a sentence")
    await heard(house, second, 0, "The end.")
    async with following(site, space[1], f"/jobs/{job.id}/events") as follower:
        assert "Half a sentence" in await follower.message()
        await endings.release(house, first)
        again = await taken(house)
        assert again.chunk.index == 0
        news = await follower.until("The part from 0:00 to 0:30")
        assert _chunks(news) == [0]
        assert "Half a sentence" not in news
        await heard(house, again, 0, "A whole sentence.")
        assert _chunks(await follower.until("A whole sentence.")) == [0]


async def test_chunks_are_added_while_the_recording_is_being_cut(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    async with following(site, space[1], f"/jobs/{job.id}/events") as follower:
        claim = await planned(house, job)
        await planning.learn(house, claim, duration=90.0, detected_language="en")
        for index in range(3):
            await planning.add_chunk(house, claim, stretch(index, index * 30.0, index * 30.0 + 30.0))
            assert "still to come" not in await follower.until(f'id="chunk-{index}"')
        await planning.finish(house, claim, duration=90.0)
        news = await follower.until("The part from 0:00 to 1:30")
        assert _chunks(news) == []
        assert 'id="rest"' in news


async def test_chunks_that_the_page_has_already_are_not_sent_again(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0, 90.0)
    first, _, third = [await taken(house) for _ in range(3)]
    for claim, words in ((first, "The beginning."), (third, "The end.")):
        await heard(house, claim, 0, words)
        await finished(house, claim)
    settled = (await transcripts.chunks(job.id))[0].id
    async with following(site, space[1], f"/jobs/{job.id}/events?settled={settled}") as follower:
        snapshot = await follower.message()
        assert _chunks(snapshot) == [1, 2]
        assert 'id="following"' in snapshot
        assert 'id="text"' not in snapshot
        assert "The part from 0:30 to 1:00" in snapshot


async def test_a_job_that_is_started_over_takes_its_settled_text_back(
    site: Site, space: tuple[UUID, str], house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0)
    claim = await taken(house)
    await heard(house, claim, 0, "Ask not.")
    await finished(house, claim)
    settled = (await transcripts.chunks(job.id))[0].id
    address = f"/jobs/{job.id}/events?settled={settled}"
    async with following(site, space[1], address) as follower:
        assert "Ask not." not in await follower.message()
        await jobs.cancel(house, job.owner, job.id)
        await jobs.retry(house, job.owner, job.id, start_over=True)
        assert _chunks(await follower.until('<div id="text"')) == []
    await transcribed(house, job, "Ask.")
    async with following(site, space[1], address) as follower:
        snapshot = await follower.message()
        assert '<div id="text"' in snapshot
        assert "Ask." in snapshot


async def test_text_sent_anew_is_not_sent_again_to_who_missed_hints(house: House, submit: Submit) -> None:
    """It is on the page, outside of what follows: there it would stand a second time."""
    job = await submit()
    await transcribed(house, job, "Ask.")
    found = await jobs.find(job.owner, job.id)
    followed = FollowedText(job.id, new_id())
    assert "Ask." in await followed.news(found, whole=True)
    assert "Ask." not in await followed.news(found, whole=True)


def _chunks(message: str) -> list[int]:
    return [int(index) for index in re.findall(r'id="chunk-(\d+)"', message)]


@pytest.mark.parametrize("settled", ["", "-5", "x", "0198c5f2-7a3e-7c41-9d52-3f8a6b1c2d4e"])
async def test_a_stream_asked_for_oddly_shows_no_more_than_the_job(
    site: Site, space: tuple[UUID, str], submit: Submit, settled: str
) -> None:
    job = await submit()
    async with (
        httpx.AsyncClient(base_url=site.url, cookies={COOKIE: space[1]}) as client,
        client.stream("GET", f"/jobs/{job.id}/events?settled={settled}") as answer,
    ):
        assert answer.status_code == (200 if len(settled) == 36 else 422)
