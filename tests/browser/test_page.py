"""What the script of every page adds: pop-ups that close, and a form that is not sent twice."""

from playwright.async_api import Page, expect

from tests.support.call import spoken
from tests.support.domain import Submit
from webapp.core.house import House
from webapp.core.tables import ApiToken


async def test_one_question_is_open_at_a_time_and_is_easily_left(page: Page, submit: Submit) -> None:
    for _ in range(2):
        await submit()
    await page.goto("/")
    summaries = page.locator("details.confirm > summary")
    opened = page.locator("details.confirm[open]")
    await summaries.first.click()
    await summaries.last.evaluate("summary => summary.click()")
    await expect(opened).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(opened).to_have_count(0)
    await expect(summaries.last).to_be_focused()
    await summaries.first.click()
    await page.get_by_role("heading", level=1).click()
    await expect(opened).to_have_count(0)


async def test_loading_the_page_of_a_new_token_again_makes_no_second_one(page: Page) -> None:
    await page.goto("/account")
    await page.get_by_label("Name").fill("A program")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator("#secret")).to_be_visible()
    await page.reload()
    await expect(page.locator("#secret")).to_have_count(0)
    assert await ApiToken.count() == 1


async def test_the_text_is_copied_with_its_speakers_and_without_our_doubts(
    page: Page, house: House, submit: Submit
) -> None:
    job = await submit()
    await spoken(house, job)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/jobs/{job.id}")
    copied = "navigator.clipboard.readText()"
    await page.get_by_role("button", name="Copy text").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert (await page.evaluate(copied)).split("\n\n") == [
        "Channel 1: Good morning, how are you?",
        "Channel 2: 你好。",
        "Channel 1: Fine. Fine. Fine.",
        "Channel 2: <b>好</b>。",
    ]
    await page.evaluate("getSelection().selectAllChildren(document.getElementById('text'))")
    await page.keyboard.press("Control+C")
    selected = await page.evaluate(copied)
    assert "Fine. Fine. Fine." in selected
    assert "may not be right" not in selected
