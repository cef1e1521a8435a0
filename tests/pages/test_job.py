"""One recording's page: its text in paragraphs with times, its facts, its exports."""

import re

import httpx
import pytest

from tests.support.domain import Submit
from tests.support.work import begun, cut, finished, heard, planned, stretch, taken, transcribed
from webapp.core import endings, planning, transcripts
from webapp.core.errors import JobFailed
from webapp.core.exports import FORMATS
from webapp.core.house import House
from webapp.core.tables import Job

NAMES = sorted(FORMATS)


async def test_the_text_stands_in_paragraphs_with_times(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job, "One sentence.", "Another <b>one</b>.")
    page = (await mine.get(f"/jobs/{job.id}")).text
    assert '<a class="time" href="#t=0">0:00</a>' in page
    assert "<span>One sentence.</span><span> Another &lt;b&gt;one&lt;/b&gt;.</span>" in page
    assert "English, 97 % sure" in page
    [chunk] = await transcripts.chunks(job.id)
    assert f'sse-connect="/jobs/{job.id}/events?settled={chunk.id}"' in page
    assert "Copy text" in page


async def test_a_running_text_is_shown_as_far_as_it_is_there(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await heard(house, await begun(house, job), 0, "So far so good.")
    page = (await mine.get(f"/jobs/{job.id}")).text
    assert '<section id="chunk-0" class="chunk growing">' in page
    assert f'sse-connect="/jobs/{job.id}/events"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


async def test_text_stands_in_the_recordings_order_with_the_gaps_between(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 30.0, 60.0, 90.0, 120.0)
    first, second, third, last = [await taken(house) for _ in range(4)]
    await heard(house, last, 0, "The end.")
    await finished(house, last)
    await heard(house, first, 0, "The beginning.")
    await heard(house, first, 1, "And on.")
    assert (await _lines(mine, job)) == [
        "The beginning. And on.",
        "The part from 0:09 to 1:30 is still to come",
        "The end.",
    ]
    await finished(house, first)
    await finished(house, second)  # there nobody speaks
    assert (await _lines(mine, job))[1] == "The part from 1:00 to 1:30 is still to come"
    await finished(house, third)
    assert (await _lines(mine, job)) == ["The beginning. And on.", "The end."]


async def test_what_will_not_come_any_more_is_not_promised(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 60.0, 120.0, 180.0)
    _, second = await taken(house), await taken(house)
    await heard(house, second, 0, "In the middle.")
    await endings.fail(house, second, JobFailed("odd", "It is odd.", permanent=True))
    lines = [
        "The part from 0:00 to 1:00 was not transcribed",
        "In the middle.",
        "The part from 1:04 to 3:00 was not transcribed",
    ]
    assert (await _lines(mine, job)) == lines
    text = (await mine.get(f"/jobs/{job.id}/export.txt")).text
    assert text.startswith("[00:00:00 to 00:01:00 not transcribed]\n\nIn the middle.\n\n[00:01:04 to ")


async def test_the_end_of_a_recording_that_is_still_being_cut_is_left_open(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    claim = await planned(house, job)
    await planning.learn(house, claim, duration=120.0, detected_language="en")
    for index in range(3):
        await planning.add_chunk(house, claim, stretch(index, index * 30.0, index * 30.0 + 30.0))
    _, second = await taken(house), await taken(house)
    await heard(house, second, 0, "In the middle.")
    assert (await _lines(mine, job)) == ["The part from 0:00 to 0:30 is still to come", "In the middle."]
    await planning.finish(house, claim, duration=90.0)
    assert (await _lines(mine, job))[-1] == "The part from 0:34 to 1:30 is still to come"


async def test_why_a_job_waits_for_another_attempt_is_said_at_length_here_and_shortly_in_the_list(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await endings.fail(
        house, await begun(house, job), JobFailed("odd", "It was odd. So odd.", permanent=False)
    )
    page, rows = [(await mine.get(address)).text for address in (f"/jobs/{job.id}", "/")]
    assert "The last attempt did not work out. It was odd. So odd.</p>" in page
    assert "the next attempt starts in" in page
    assert "The last attempt did not work out. It was odd.</p>" in rows


async def _lines(mine: httpx.AsyncClient, job: Job) -> list[str]:
    """What is read aloud of the text, without times: its paragraphs and its gaps."""
    text = (await mine.get(f"/jobs/{job.id}")).text.partition('id="text"')[2].partition("</article>")[0]
    seen = re.sub(r'<a class="time".*?</a>|<span aria-hidden="true">.*?</span>', "", text)
    blocks = re.findall(r'<p id="t=.*?</p>|<div class="gap">.*?</div>', seen, re.DOTALL)
    return [" ".join(re.sub(r"<.*?>", "", block).split()) for block in blocks]


async def test_silence_is_called_by_its_name(mine: httpx.AsyncClient, house: House, submit: Submit) -> None:
    job = await submit()
    await finished(house, await begun(house, job))
    page = (await mine.get(f"/jobs/{job.id}")).text
    assert "No speech was found" in page
    assert "Copy text" not in page


@pytest.mark.parametrize(("code", "offered"), [("engine_crashed", True), ("unknown_format", False)])
async def test_another_attempt_is_offered_only_where_it_may_help(
    mine: httpx.AsyncClient, house: House, submit: Submit, code: str, offered: bool
) -> None:
    job = await submit()
    await endings.fail(house, await begun(house, job), JobFailed(code, "It failed.", permanent=True))
    for address in ("/", f"/jobs/{job.id}"):
        page = (await mine.get(address)).text
        assert "It failed." in page
        assert (f'action="/jobs/{job.id}/retry"' in page) is offered
    # A page from before may still have the button.
    assert (await mine.post(f"/jobs/{job.id}/retry")).status_code == 303


async def test_damage_is_not_kept_quiet(mine: httpx.AsyncClient, house: House, submit: Submit) -> None:
    job = await submit()
    claim = await planned(house, job)
    await planning.learn(house, claim, damaged_packets=3, missing_seconds=65.2)
    page = (await mine.get(f"/jobs/{job.id}")).text
    assert "3 places could not be read" in page
    assert "ends 1\u00a0min 5\u00a0s before the length it says it has" in page


async def test_a_button_pressed_here_leads_back_here(mine: httpx.AsyncClient, submit: Submit) -> None:
    job = await submit()
    here = {"Referer": f"http://testserver.local/jobs/{job.id}"}
    plain = await mine.post(f"/jobs/{job.id}/cancellation", headers=here)
    assert plain.headers["location"] == f"/jobs/{job.id}"
    fragment = await mine.post(f"/jobs/{job.id}/retry", headers={**here, "HX-Request": "true"})
    assert 'id="state"' in fragment.text
    assert "<li" not in fragment.text


@pytest.mark.parametrize("name", NAMES)
async def test_each_export_is_a_download_with_the_recordings_name(
    mine: httpx.AsyncClient, house: House, submit: Submit, name: str
) -> None:
    job = await submit()
    await transcribed(house, job, "Ask not.")
    answer = await mine.get(f"/jobs/{job.id}/export.{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FORMATS[name].media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="talk.{name}"'
    assert "Ask not." in answer.text


@pytest.mark.parametrize("end", ["", "/events", *(f"/export.{name}" for name in NAMES)])
async def test_a_stranger_finds_nothing_at_any_of_its_addresses(
    theirs: httpx.AsyncClient, visitor: httpx.AsyncClient, house: House, submit: Submit, end: str
) -> None:
    job = await submit()
    await transcribed(house, job, "Between us.")
    nobody = await visitor.get(f"/jobs/{job.id}{end}")
    assert nobody.status_code in {401, 404}
    stranger = await theirs.get(f"/jobs/{job.id}{end}")
    # A stream says the same of a stranger's job as of one that was deleted while it was watched.
    assert stranger.status_code == (200 if end == "/events" else 404)
    assert "Between us." not in stranger.text
    assert job.filename not in stranger.text


async def test_an_unknown_export_is_not_found(mine: httpx.AsyncClient, submit: Submit) -> None:
    answer = await mine.get(f"/jobs/{(await submit()).id}/export.exe")
    assert answer.status_code == 404
    assert "Number of this request" not in answer.text  # it helps only where the fault is ours
