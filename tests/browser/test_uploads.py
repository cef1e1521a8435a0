"""Uploads as people make them, and all that goes wrong with them."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, FilePayload, Page, Request, Route, expect

from local.servers import Servers
from tests.browser.conftest import PATIENCE_MS, gated
from tests.support.browser import drop, watched
from tests.support.speech import Speech
from tests.support.web import Site, running_web
from webapp.core import jobs, uploads
from webapp.core.house import House
from webapp.core.settings import Settings
from webapp.core.storage import Storage
from webapp.core.tables import Job, Upload, User

BUCKET = re.compile(r"/audiotext(\?|$|/)")
UPLOADING = "#uploads .job"
LISTED = "#jobs .job"


@pytest.fixture
def talk(speech: Speech) -> FilePayload:
    return sound(speech, "talk.flac")


def sound(speech: Speech, name: str) -> FilePayload:
    return {"name": name, "mimeType": "audio/flac", "buffer": speech["lj_LJ001-0002.flac"].read_bytes()}


async def test_several_first_recordings_end_up_in_one_space(newcomer: Page, speech: Speech) -> None:
    await newcomer.goto("/")
    await newcomer.set_input_files("#files", [sound(speech, f"talk {n}.flac") for n in range(5)])
    await expect(newcomer.locator(LISTED)).to_have_count(5)
    await expect(newcomer.locator(UPLOADING)).to_have_count(0)
    assert await User.count() == 1


async def test_after_a_first_upload_the_list_is_live(newcomer: Page, house: House, talk: FilePayload) -> None:
    await newcomer.goto("/")
    await newcomer.set_input_files("#files", talk)
    await expect(newcomer.locator(LISTED)).to_have_attribute("data-status", "pending")
    (job,) = await Job.objects()
    await jobs.cancel(house, job.owner, job.id)
    await expect(newcomer.locator(LISTED)).to_have_attribute("data-status", "cancelled")


async def test_the_options_of_the_form_go_with_the_file(page: Page, talk: FilePayload) -> None:
    await page.goto("/")
    await page.get_by_text("Options").click()
    await page.get_by_label("Model").select_option("tiny.en")
    await page.get_by_label("Words to listen for").fill("Gutenberg")
    await page.get_by_label("Skip silence").uncheck()
    await page.set_input_files("#files", talk)
    await expect(page.locator(LISTED)).to_be_visible()
    (job,) = await Job.objects()
    assert (job.model, job.hotwords, job.vad_filter, job.word_timestamps) == (
        "tiny.en",
        "Gutenberg",
        False,
        True,
    )


async def test_the_options_are_those_at_the_time_of_choosing(page: Page, talk: FilePayload) -> None:
    await page.goto("/")
    gate = await gated(page, BUCKET)
    await page.get_by_text("Options").click()
    await page.get_by_label("Words to listen for").fill("Gutenberg")
    async with page.expect_request(BUCKET):
        await page.set_input_files("#files", talk)
    await page.get_by_label("Words to listen for").fill("for the next file")
    gate.set()
    await expect(page.locator(LISTED)).to_be_visible()
    assert [job.hotwords for job in await Job.objects()] == ["Gutenberg"]


async def test_an_option_that_cannot_be_used_is_shown_before_anything_is_taken(
    page: Page, talk: FilePayload
) -> None:
    await page.goto("/")
    await page.locator("[name=beam_size]").evaluate("field => (field.value = 99)")
    await page.set_input_files("#files", talk)
    await expect(page.locator("[name=beam_size]")).to_be_focused()
    await expect(page.locator(UPLOADING)).to_have_count(0)


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "quoted" & <b>bold</b>.flac',
        "👩‍👩‍👧 fête 日本語.flac",
        "تسجيل\u202egnp.flac",
        "two\nlines.flac",
        "n" * 300 + ".flac",
        "${filename}.flac",
    ],
)
async def test_any_name_is_shown_safely(page: Page, speech: Speech, name: str) -> None:
    await page.goto("/")
    await page.set_input_files("#files", sound(speech, name))
    await expect(page.locator(LISTED)).to_be_visible()
    (job,) = await Job.objects()
    await expect(page.locator("#jobs bdi")).to_have_text(job.filename)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.flac", b"", "The file is empty"),
        ("large.flac", b"x" * 1_000_001, "larger than the 1 MB"),
        ("notes.txt", b"hello", "does not look like a recording"),
        ("flac", b"hello", "does not look like a recording"),
    ],
)
async def test_what_cannot_be_taken_is_refused_before_it_is_sent(
    page: Page, name: str, content: bytes, words: str
) -> None:
    await page.goto("/")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    await page.set_input_files(
        "#files", {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    await expect(page.locator(UPLOADING)).to_contain_text(words)
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    assert asked == []
    await page.get_by_role("button", name="Remove").click()
    await expect(page.locator(UPLOADING)).to_have_count(0)


async def test_a_type_that_only_the_server_refuses_is_explained(page: Page, talk: FilePayload) -> None:
    await page.goto("/")
    talk["mimeType"] = "text/html"
    await page.set_input_files("#files", talk)
    await expect(page.locator(UPLOADING)).to_contain_text("does not look like a recording")
    assert await Upload.count() == 0


async def test_an_expired_permission_is_explained_and_asked_for_again(
    page: Page, house: House, owner: UUID, settings: Settings, talk: FilePayload
) -> None:
    expired = Storage(replace(settings, upload_expires_s=-60))
    upload, _ = await uploads.prepare(house, owner, "talk.flac", "audio/flac", len(talk["buffer"]))
    size = len(talk["buffer"])
    signed = expired.presign_post(upload.key, "audio/flac", (size, size))

    async def answer(route: Route) -> None:
        body = {"url": signed.url, "fields": signed.fields, "method": "POST", "headers": {}}
        await route.fulfill(json={"upload": str(upload.id), "presigned": body})

    await page.goto("/")
    await page.route("**/uploads", answer)
    await page.set_input_files("#files", talk)
    await expect(page.locator(UPLOADING)).to_contain_text("The permission to upload has expired")
    assert await Job.count() == 0
    await page.unroute("**/uploads")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(LISTED)).to_have_attribute("data-status", "pending")


async def test_a_cut_on_the_way_to_the_storage_is_explained_and_mended(page: Page, talk: FilePayload) -> None:
    await page.goto("/")
    await page.route(BUCKET, lambda route: route.abort())
    await page.set_input_files("#files", talk)
    await expect(page.locator(UPLOADING)).to_contain_text("The connection to the storage was cut")
    assert await Job.count() == 0
    await page.unroute(BUCKET)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(LISTED)).to_have_attribute("data-status", "pending")
    await expect(page.locator(UPLOADING)).to_have_count(0)


async def test_a_cut_after_the_storage_has_the_file_sends_it_only_once(page: Page, talk: FilePayload) -> None:
    await page.goto("/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if BUCKET.search(request.url) else None)
    await page.route("**/jobs", lambda route: route.abort())
    await page.set_input_files("#files", talk)
    await expect(page.locator(UPLOADING)).to_contain_text("The connection to the server was lost")
    await page.unroute("**/jobs")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(LISTED)).to_be_visible()
    assert len(sent) == 1


async def test_a_running_upload_can_be_cancelled(page: Page, talk: FilePayload) -> None:
    held: list[Route] = []
    await page.goto("/")
    await page.route(BUCKET, lambda route: held.append(route))
    await page.set_input_files("#files", talk)
    await expect(page.locator(UPLOADING)).to_have_attribute("data-status", "uploading")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(UPLOADING)).to_have_count(0)
    assert await Job.count() == 0


async def test_no_more_than_three_are_sent_at_once(page: Page, speech: Speech) -> None:
    await page.goto("/")
    gate = await gated(page, BUCKET)
    await page.set_input_files("#files", [sound(speech, f"talk {n}.flac") for n in range(5)])
    await expect(page.locator(f"{UPLOADING}[data-status=uploading]")).to_have_count(3)
    await expect(page.locator(f"{UPLOADING}[data-status=waiting]")).to_have_count(2)
    await expect(page.locator(f"{UPLOADING} bdi")).to_have_text([f"talk {n}.flac" for n in range(5)])
    await expect(page.locator(f"{UPLOADING}[data-status=waiting] bdi")).to_have_text(
        ["talk 3.flac", "talk 4.flac"]
    )
    gate.set()
    await expect(page.locator(LISTED)).to_have_count(5)


async def test_files_can_be_dropped_anywhere(page: Page, speech: Speech) -> None:
    await page.goto("/")
    await drop(page, speech["lj_LJ001-0002.flac"])
    await expect(page.locator(LISTED)).to_be_visible()


async def test_a_store_without_post_policies_is_sent_a_signed_put(
    chromium: Browser, servers: Servers, settings: Settings, tmp_path: Path, talk: FilePayload
) -> None:
    with running_web(tmp_path, {"S3_UPLOAD_METHOD": "put"}) as site:
        Storage(settings).prepare_bucket([site.url])
        context = await chromium.new_context(base_url=site.url)
        context.set_default_timeout(PATIENCE_MS)
        async with watched(await context.new_page()) as page:
            await page.goto("/")
            await page.set_input_files("#files", talk)
            await expect(page.locator(LISTED)).to_have_attribute("data-status", "pending")
        await context.close()


@pytest.fixture(autouse=True)
def _origin_of_the_site(site: Site, settings: Settings) -> None:
    Storage(settings).prepare_bucket([site.url])
