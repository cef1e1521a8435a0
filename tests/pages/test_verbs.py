"""What the buttons of a recording do, with and without JavaScript, and what they say afterwards."""

import httpx
import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import begun, heard, transcribed
from webapp.core import jobs, transcripts
from webapp.core.house import House
from webapp.core.tables import Job, Status
from webapp.wording import size

HTMX = {"HX-Request": "true", "Referer": "http://testserver.local/"}


async def half_done(house: House, job: Job) -> None:
    await heard(house, await begun(house, job), 0, "So far so good.")
    await jobs.cancel(house, job.owner, job.id)


async def test_what_was_begun_can_go_on_or_start_over(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await half_done(house, job)
    for address in ("/", f"/jobs/{job.id}"):
        page = (await mine.get(address)).text
        assert page.count(f'action="/jobs/{job.id}/retry"') == 2
        assert "Try again<" in page
        assert "Start over<" in page


async def test_what_never_began_has_one_button(mine: httpx.AsyncClient, house: House, submit: Submit) -> None:
    job = await submit()
    await jobs.cancel(house, job.owner, job.id)
    page = (await mine.get("/")).text
    assert "Try again<" in page
    assert "Start over" not in page


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(("form", "kept"), [({}, True), ({"start_over": "yes"}, False)])
async def test_the_text_so_far_stays_unless_it_starts_over(
    mine: httpx.AsyncClient,
    house: House,
    submit: Submit,
    headers: dict[str, str],
    form: dict[str, str],
    kept: bool,
) -> None:
    job = await submit()
    await half_done(house, job)
    answer = await mine.post(f"/jobs/{job.id}/retry", data=form, headers=headers)
    assert answer.status_code == (200 if headers else 303)
    found = await jobs.find(job.owner, job.id)
    assert found.status == Status.PENDING
    assert bool((await transcripts.read(found)).segments) is kept


async def test_deleting_takes_the_row_away_and_says_what_was_removed(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    first, second = await submit(), await submit()
    await transcribed(house, first)
    plain = await mine.post(f"/jobs/{first.id}/deletion")
    assert plain.status_code == 303
    said = f"Deleted for good: the recording ({size(first.object_size)}) and its text (2 passages)."
    assert said in (await mine.get(plain.headers["location"])).text
    answer = await mine.post(f"/jobs/{second.id}/deletion", headers=HTMX)
    assert answer.text.startswith(f'<li id="job-{second.id}" hx-swap-oob="delete"></li>')
    assert '<div id="notice" hx-swap-oob="innerHTML"><p class="done">Deleted for good: the rec' in answer.text
    assert "passage" not in answer.text
    page = (await mine.get("/")).text
    assert "Nothing here yet" in page
    assert "Deleted for good:" not in page


async def test_what_the_storage_still_has_is_said(
    mine: httpx.AsyncClient, submit: Submit, servers: Servers
) -> None:
    job = await submit()
    servers.s3.stop()
    answer = await mine.post(f"/jobs/{job.id}/deletion", headers=HTMX)
    assert "Part of it is still in the storage" in answer.text


@pytest.mark.parametrize(
    "made_up", ["", "1", "1.1", "a.b.c", "1.1.1.1", "-1.1.1", "<b>1</b>.1.1", "1.1.\u0661", "1" * 16 + ".1.1"]
)
async def test_an_address_that_was_made_up_says_nothing(mine: httpx.AsyncClient, made_up: str) -> None:
    answer = await mine.get("/", params={"removed": made_up})
    assert answer.status_code == 200
    assert 'class="done"' not in answer.text
