"""Every page in every state, light and dark, wide and narrow, under axe's rules."""

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page, expect

from tests.support.call import spoken
from tests.support.domain import Submit
from tests.support.work import begun, cut, heard, taken, transcribed
from webapp.core import endings, jobs
from webapp.core.errors import JobFailed
from webapp.core.house import House

LOOKS = [("light", 1280), ("dark", 390)]


async def complaints(page: Page) -> list[str]:
    # Animations end somewhere: colours are judged there.
    await page.emulate_media(reduced_motion="reduce")
    found = await Axe().run(page)
    return [
        f"{rule['id']}: {[node['html'][:120] for node in rule['nodes']]}"
        for rule in found.response["violations"]
    ]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_every_page_passes(page: Page, house: House, submit: Submit, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await page.set_viewport_size({"width": width, "height": 800})
    call = await submit(mixed_languages=True)
    await spoken(house, call)
    done, failed, running, cancelled, waiting = [await submit() for _ in range(5)]
    await transcribed(house, done)
    await endings.fail(house, await begun(house, failed), JobFailed("odd", "It is odd.", permanent=True))
    await cut(house, running, 10.0, 20.0, 30.0)
    for _ in range(2):
        claim = await taken(house)
    await heard(house, claim, 0, "Ask not")
    await jobs.cancel(house, cancelled.owner, cancelled.id)
    states = [f"/jobs/{job.id}" for job in (done, failed, running, cancelled, waiting, call)]
    for address in ("/", *states, "/account", "/nowhere", f"/?after={done.id}"):
        await page.goto(address)
        assert await complaints(page) == [], address
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
async def test_what_is_opened_and_made_passes_too(page: Page, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto("/")
    await page.get_by_text("Options").click()
    await page.set_input_files("#files", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no"})
    await expect(page.locator("#uploads .job")).to_be_visible()
    assert await complaints(page) == []
    await page.goto("/account")
    await page.get_by_label("Name").fill("A program")
    await page.get_by_role("button", name="Make a token").click()
    await page.get_by_text("Forget this browser").click()
    assert await complaints(page) == []


async def test_files_can_be_chosen_by_keyboard_alone(page: Page) -> None:
    # Around all of it: the browser is told to hand choosers over when the waiting begins, not before.
    async with page.expect_file_chooser():
        await page.goto("/")
        for _ in range(9):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "files":
                break
        await expect(page.locator("#files")).to_be_focused()
        await page.keyboard.press("Enter")
