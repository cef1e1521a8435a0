"""The list of recordings: every state of a row, and what its buttons do."""

from uuid import UUID

import httpx
import pytest

from tests.support.domain import Arrive, Submit
from tests.support.work import begun, finished, heard, transcribed
from webapp.core import endings, jobs
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.options import WantedOptions
from webapp.core.tables import LoginSession, Status

HTMX = {"HX-Request": "true", "Referer": "http://testserver.local/"}


async def test_a_first_visit_leaves_no_trace(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert await LoginSession.count() == 0
    assert "sse-connect" not in answer.text


async def test_an_empty_list_invites(mine: httpx.AsyncClient) -> None:
    assert "Nothing here yet" in (await mine.get("/")).text


async def test_a_waiting_row_tells_its_place(mine: httpx.AsyncClient, submit: Submit) -> None:
    await submit()
    await submit()
    page = (await mine.get("/")).text
    assert "next in line" in page
    assert "2nd in line" in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


async def test_a_running_row_has_a_bar_and_its_words(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    claim = await begun(house, await submit())
    await heard(house, claim, 0, "Ask not")
    page = (await mine.get("/")).text
    assert '<progress max="100" value="45"' in page
    assert "Ask not" in page


async def test_a_row_that_waits_for_its_next_attempt_says_so(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    claim = await begun(house, await submit())
    await endings.fail(house, claim, JobFailed("engine_failed", "It broke.", permanent=False))
    page = (await mine.get("/")).text
    assert "the next attempt starts in" in page
    assert "The last attempt did not work out. It broke.</p>" in page


async def test_a_finished_row_shows_length_language_and_first_words(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    await transcribed(house, await submit(), "Ask not what your country can do for you.")
    page = (await mine.get("/")).text
    assert "0:10 long · English" in page
    assert "Ask not what your country" in page
    assert 'http-equiv="refresh"' not in page


async def test_a_finished_row_without_text_says_that_there_was_no_speech(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    await finished(house, await begun(house, await submit()))
    assert "No speech was found" in (await mine.get("/")).text


async def test_a_failed_row_gives_the_reason_and_another_try(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    claim = await begun(house, job)
    await endings.fail(house, claim, JobFailed("no_sound_track", "There is no sound in it.", permanent=True))
    assert "There is no sound in it." in (await mine.get("/")).text
    answer = await mine.post(f"/jobs/{job.id}/retry")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await jobs.find(job.owner, job.id)).status == Status.PENDING


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>.mp3",
        '"><img src=x onerror=alert(1)>.mp3',
        "تسجيل صوتي.mp3",
        "👩‍👩‍👧 party.mp3",
        "{{ 7 * 7 }}.mp3",
    ],
)
async def test_names_are_shown_as_text_and_keep_their_direction_to_themselves(
    mine: httpx.AsyncClient, house: House, owner: UUID, arrive: Arrive, name: str
) -> None:
    job, _ = await jobs.submit(house, owner, await arrive(name=name), WantedOptions())
    shown = job.filename.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    for address in ("/", f"/jobs/{job.id}"):
        assert f"<bdi>{shown}</bdi>" in (await mine.get(address)).text


async def test_older_recordings_are_a_page_away(mine: httpx.AsyncClient, submit: Submit) -> None:
    made = [await submit() for _ in range(21)]
    first = (await mine.get("/")).text
    assert first.count('class="job"') == 20
    assert f'href="/jobs/{made[0].id}"' not in first
    second = (await mine.get(f"/?after={made[1].id}")).text
    assert second.count('class="job"') == 1
    assert f'href="/jobs/{made[0].id}"' in second


async def test_cancelling_answers_a_plain_form_with_the_list(mine: httpx.AsyncClient, submit: Submit) -> None:
    job = await submit()
    answer = await mine.post(f"/jobs/{job.id}/cancellation")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Cancelled" in (await mine.get("/")).text


async def test_cancelling_answers_htmx_with_the_row(mine: httpx.AsyncClient, submit: Submit) -> None:
    job = await submit()
    answer = await mine.post(f"/jobs/{job.id}/cancellation", headers=HTMX)
    assert answer.text.lstrip().startswith(f'<li id="job-{job.id}" class="job" data-status="cancelled"')


async def test_what_cannot_be_cancelled_any_more_is_said_in_a_fragment(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    answer = await mine.post(f"/jobs/{job.id}/cancellation", headers=HTMX)
    assert answer.status_code == 409
    assert answer.text.startswith('<div id="notice"')
    assert "completed already" in answer.text


@pytest.mark.parametrize("verb", ["cancellation", "retry", "deletion"])
async def test_a_stranger_sees_nothing_and_changes_nothing(
    theirs: httpx.AsyncClient, visitor: httpx.AsyncClient, submit: Submit, verb: str
) -> None:
    job = await submit()
    for stranger in (theirs, visitor):
        assert job.filename not in (await stranger.get("/")).text
        answer = await stranger.post(f"/jobs/{job.id}/{verb}", headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 404
    assert (await jobs.find(job.owner, job.id)).status == Status.PENDING
