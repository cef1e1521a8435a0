"""Pages that are left alone while a job goes on: nobody touches them, and they are right."""

from uuid import UUID

import pytest
from playwright.async_api import BrowserContext, Page, expect

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import begun, finished, heard, transcribed
from webapp.core import jobs, work
from webapp.core.clock import now
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.tables import Job, Status
from webapp.core.transcript import Segment

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
    await work.fail(house, await begun(house, job), JobFailed("odd", "It is odd.", permanent=True))
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


async def test_later_chunks_are_added_and_a_new_attempt_takes_its_chunk_back(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    first = await begun(house, job)
    await heard(house, first, 0, "From the first chunk.")
    await page.goto(f"/jobs/{job.id}")
    await work.finish_chunk(house, first, 0)
    await work.begin_chunk(house, first, 1, 10.0, 20.0)
    await work.save_segment(house, first, 1, 0, _segment("Half of the second"))
    await expect(page.locator("#chunk-1")).to_contain_text("Half of the second")
    await work.release(house, first)
    second = await begun(house, job, duration=20.0)
    await expect(page.locator("#chunk-1")).not_to_contain_text("Half of the second")
    await work.save_segment(house, second, 1, 0, _segment("All of the second."))
    await expect(page.locator("#text .words")).to_have_text(["From the first chunk.", "All of the second."])


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
    await page.goto("/")
    button = page.get_by_role("button", name="Cancel")
    await button.wait_for()
    # Behind the page's back: no hint is sent.
    await Job.update({Job.status: Status.CANCELLED.value, Job.finished_at: now()}).where(Job.id == job.id)
    await button.click()
    await expect(page.locator("#notice")).to_contain_text("cancelled already")


def _segment(text: str) -> Segment:
    return Segment(start=12.0, end=15.0, text=text)
