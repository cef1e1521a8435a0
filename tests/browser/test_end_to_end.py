"""The main road with nothing played: a file, a browser, a worker, a model, and the text on the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from local.servers import Servers
from tests.support.browser import diary, drop, keep_diary
from tests.support.processes import running_worker
from tests.support.speech import Speech
from tests.support.web import Site

ASK_NOT = re.compile("ask what you can do for your country", re.I)
PATIENCE_MS = 60_000


@pytest.fixture(scope="module", autouse=True)
def _worker(servers: Servers, base_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_worker(tmp_path_factory.mktemp("worker")):
        yield


async def test_a_dropped_recording_becomes_text_without_touching_the_page(
    newcomer: Page, speech: Speech
) -> None:
    await newcomer.goto("/")
    await keep_diary(newcomer)
    await drop(newcomer, speech["jfk.flac"])
    row = newcomer.locator("#jobs .job")
    await expect(row).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)
    await expect(row).to_contain_text("0:11 long")
    seen = list(dict.fromkeys(await diary(newcomer)))
    assert seen == ["uploading", "pending", "processing", "completed"]
    await newcomer.get_by_role("link", name="jfk.flac").click()
    await expect(newcomer.locator("#text")).to_contain_text(ASK_NOT)


async def test_two_tabs_and_a_reload_show_the_same_text(page: Page, speech: Speech) -> None:
    await page.goto("/")
    await page.set_input_files("#files", speech["jfk.flac"])
    await page.get_by_role("link", name="jfk.flac").wait_for()
    address = await page.get_by_role("link", name="jfk.flac").get_attribute("href")
    tabs = [await page.context.new_page() for _ in range(2)]
    for tab in tabs:
        await tab.goto(address or "")
    await tabs[0].reload()
    for tab in tabs:
        await expect(tab.locator("#state")).to_have_attribute("data-status", "completed", timeout=PATIENCE_MS)
        await expect(tab.locator("#text")).to_contain_text(ASK_NOT)
    await expect(page.locator("#jobs .job")).to_have_attribute("data-status", "completed")


async def test_all_of_it_works_without_javascript(chromium: Browser, site: Site, speech: Speech) -> None:
    context = await chromium.new_context(base_url=site.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/")
    await expect(page.get_by_text("drop them anywhere")).to_be_hidden()
    await page.get_by_label("Name of the recording").fill("Inaugural address")
    await page.get_by_role("button", name="Go on to choose the file").click()
    await page.get_by_label("Choose the recording").set_input_files(speech["jfk.flac"])
    await page.get_by_role("button", name="Upload and transcribe").click()
    await page.wait_for_url("**/jobs/*")
    await expect(page.get_by_role("heading", name="Inaugural address")).to_be_visible()
    # The page loads itself again until the job is done.
    await expect(page.locator("#text")).to_contain_text(ASK_NOT, timeout=PATIENCE_MS)
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await context.close()
