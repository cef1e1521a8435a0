"""Pages that are left alone while a job goes on: nobody touches them, and they are right."""

from uuid import UUID

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import begun, cut, finished, heard, taken, transcribed
from webapp.core import endings, jobs
from webapp.core.clock import now
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.tables import Job, Status

_SELECT_FIRST = """node => {
  const text = node.querySelector("span").firstChild;
  getSelection().setBaseAndExtent(text, 4, text, 9);
}"""


_SET_CLIPBOARD = 'Object.defineProperty(navigator, "clipboard", { value: now })'
_SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_row_goes_through_all_its_states(page: Page, house: House, submit: Submit) -> None:
    await page.goto("/")
    job = await submit()
    row = page.locator(f"#job-{job.id}")
    await expect(row).to_contain_text("next in line")
    claim = await begun(house, job)
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await heard(house, claim, 0, "Ask not")
    await expect(row).to_contain_text("45 %")
    await expect(row).to_contain_text("Ask not")
    await finished(house, claim)
    await expect(row).to_have_attribute("data-status", "completed")


async def test_a_failed_row_can_be_tried_again_in_place(page: Page, house: House, submit: Submit) -> None:
    job = await submit()
    await endings.fail(house, await begun(house, job), JobFailed("odd", "It is odd.", permanent=True))
    await page.goto("/")
    await page.evaluate("window.stays = true")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(f"#job-{job.id}")).to_have_attribute("data-status", "pending")
    assert await page.evaluate("window.stays")


async def test_the_words_arrive_while_others_are_being_read(page: Page, house: House, submit: Submit) -> None:
    job = await submit()
    await page.goto(f"/jobs/{job.id}")
    claim = await begun(house, job)
    await heard(house, claim, 0, "The first sentence is here.")
    words = page.locator("#chunk-0 .words")
    await expect(words).to_contain_text("The first sentence is here.")
    await words.evaluate(_SELECT_FIRST)
    await heard(house, claim, 1, "And the second.")
    await expect(words).to_contain_text("And the second.")
    assert await page.evaluate("getSelection().toString()") == "first"
    await finished(house, claim)
    await expect(page.locator("#state")).to_have_attribute("data-status", "completed")
    await expect(page.get_by_role("link", name="srt")).to_be_visible()


async def test_a_gap_stands_where_text_is_missing_until_it_has_come(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    await page.goto(f"/jobs/{job.id}")
    await cut(house, job, 60.0, 120.0, 180.0)
    first, second = await taken(house), await taken(house)
    gaps, words = page.locator("#text .gap"), page.locator("#text .words")
    await expect(gaps).to_contain_text(["from 0:00 to 3:00"])
    await heard(house, second, 0, "The second part.")
    await finished(house, second)
    await expect(gaps).to_contain_text(["from 0:00 to 1:00", "from 2:00 to 3:00"])
    assert await _before(gaps.first, words.first)
    await words.first.evaluate(_SELECT_FIRST)
    await heard(house, first, 0, "The first part.")
    await expect(words).to_have_text(["The first part.", "The second part."])
    await expect(gaps).to_contain_text(["from 0:04 to 1:00", "from 2:00 to 3:00"])
    assert await page.evaluate("getSelection().toString()") == "secon"
    await page.reload()  # now all of it comes with the page
    await expect(words).to_have_text(["The first part.", "The second part."])
    await finished(house, first)
    await expect(gaps).to_contain_text(["from 2:00 to 3:00"])
    await finished(house, await taken(house))
    await expect(gaps).to_have_count(0)
    await expect(page.locator("#state")).to_have_attribute("data-status", "completed")


async def test_a_new_attempt_takes_its_chunk_back_and_no_other(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 60.0, 120.0)
    first, second = await taken(house), await taken(house)
    await heard(house, first, 0, "Half of the first")
    await page.goto(f"/jobs/{job.id}")
    await heard(house, second, 0, "The second.")
    await expect(page.locator("#text .words")).to_have_text(["Half of the first", "The second."])
    await endings.release(house, first)
    again = await taken(house)
    await expect(page.locator("#text .words")).to_have_text(["The second."])
    await expect(page.locator("#chunk-0 .gap")).to_contain_text("from 0:00 to 1:00")
    await heard(house, again, 0, "All of the first.")
    await expect(page.locator("#text .words")).to_have_text(["All of the first.", "The second."])


async def test_a_page_whose_job_is_started_over_begins_again(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 60.0, 120.0)
    claim = await taken(house)
    await heard(house, claim, 0, "An old text.")
    await finished(house, claim)
    await jobs.cancel(house, job.owner, job.id)
    await page.goto(f"/jobs/{job.id}")
    await expect(page.locator("#text .gap")).to_contain_text("from 1:00 to 2:00")
    await jobs.retry(house, job.owner, job.id, start_over=True)
    await expect(page.locator("#text .words")).to_have_count(0)
    await transcribed(house, job, "A new text.")
    await expect(page.locator("#text .words")).to_have_text(["A new text."])


@pytest.mark.parametrize("clipboard", ["navigator.clipboard", "undefined"])
async def test_the_text_can_be_copied_also_where_browsers_have_no_clipboard(
    page: Page, house: House, submit: Submit, clipboard: str
) -> None:
    job = await submit()
    await transcribed(house, job, "Ask not.", "Ask.")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/jobs/{job.id}")
    await page.evaluate(f"window.kept = navigator.clipboard; const now = {clipboard};" + _SET_CLIPBOARD)
    await page.get_by_role("button", name="Copy text").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("kept.readText()") == "Ask not. Ask."


async def test_an_open_confirmation_stays_open_while_its_row_moves(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    claim = await begun(house, job)
    await page.goto("/")
    row = page.locator(f"#job-{job.id}")
    await row.locator("summary").click()
    await heard(house, claim, 0, "Moving on")
    await expect(row).to_contain_text("Moving on")
    await expect(row.get_by_role("button", name="Delete for good")).to_be_visible()
    await row.get_by_role("button", name="Delete for good").click()
    await expect(page.locator("#notice")).to_contain_text("Deleted for good: the recording")
    await expect(row).to_have_count(0)
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()


async def test_the_page_of_a_deleted_recording_says_so_and_asks_no_more(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    async with page.expect_response("**/events*"):
        await page.goto(f"/jobs/{job.id}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    await jobs.delete(house, job.owner, job.id)
    await expect(page.get_by_text("This recording was deleted")).to_be_visible()
    await page.wait_for_timeout(4000)  # a lost stream would be asked for again after 3 s
    assert asked == []


async def test_all_tabs_agree_and_a_stranger_sees_nothing(
    context: BrowserContext, page: Page, newcomer: Page, house: House, submit: Submit
) -> None:
    other_tab = await context.new_page()
    for each in (page, other_tab, newcomer):
        await each.goto("/")
    job = await submit()
    for tab in (page, other_tab):
        await expect(tab.locator(f"#job-{job.id}")).to_be_visible()
    await expect(newcomer.locator("#jobs .job")).to_have_count(0)
    await other_tab.close()


async def test_after_redis_was_away_the_page_is_right_again(
    page: Page, servers: Servers, house: House, submit: Submit, owner: UUID
) -> None:
    job = await submit()
    await page.goto("/")
    await expect(page.locator(f"#job-{job.id}")).to_have_attribute("data-status", "pending")
    servers.valkey.stop()
    await jobs.cancel(house, owner, job.id)  # its hint is lost
    servers.valkey.start()
    await expect(page.locator(f"#job-{job.id}")).to_have_attribute("data-status", "cancelled")


async def test_a_hidden_page_gives_its_stream_back_and_catches_up_when_seen(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    async with page.expect_request("**/events"):
        await page.goto("/")
    row = page.locator(f"#job-{job.id}")
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/events")):
        await page.evaluate(_SET_HIDDEN, arg=True)
    await jobs.cancel(house, job.owner, job.id)
    await page.wait_for_timeout(1000)
    await expect(row).to_have_attribute("data-status", "pending")
    await page.evaluate(_SET_HIDDEN, arg=False)
    await expect(row).to_have_attribute("data-status", "cancelled")


async def test_an_action_without_a_connection_is_explained(page: Page, submit: Submit) -> None:
    await submit()
    await page.goto("/")
    await page.route("**/cancellation", lambda route: route.abort())
    await page.evaluate("console.error = () => {}")  # htmx notes it there as well
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("#notice")).to_contain_text("The server cannot be reached")


async def test_an_action_that_came_too_late_is_explained_on_the_page(page: Page, submit: Submit) -> None:
    job = await submit()
    # Behind the page's back: else its stream may show the change before the click, or amid it.
    await page.route("**/events*", lambda _: None)
    await page.goto("/")
    button = page.get_by_role("button", name="Cancel")
    await button.wait_for()
    await Job.update({Job.status: Status.CANCELLED.value, Job.finished_at: now()}).where(Job.id == job.id)
    await button.click()
    await expect(page.locator("#notice")).to_contain_text("cancelled already")


async def _before(first: Locator, second: Locator) -> bool:
    boxes = [await each.bounding_box() for each in (first, second)]
    assert boxes[0]
    assert boxes[1]
    return boxes[0]["y"] < boxes[1]["y"]
