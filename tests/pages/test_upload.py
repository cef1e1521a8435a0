"""Uploading from a page: with the script, with a plain form, and what is refused."""

import re
from dataclasses import replace
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from tests.support.domain import Arrive
from tests.support.speech import Speech
from webapp.core import jobs
from webapp.core.clock import now
from webapp.core.house import House
from webapp.core.tables import Job, Upload, User
from webapp.visitors import COOKIE

WISH = {"filename": "talk.flac", "content_type": "audio/flac", "size": 1000}
JSON = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
OPTIONS = {"model": "tiny.en", "beam_size": "3", "vad_filter": "on", "language": "", "hotwords": " Litestar "}


async def test_the_first_upload_opens_a_private_space(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/uploads", json=WISH, headers=JSON)
    assert answer.status_code == 201
    assert answer.json()["presigned"]["method"] == "POST"
    assert COOKIE in answer.cookies
    assert await User.count() == 1


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/uploads", {"json": WISH | {"size": 0}}),
        ("/uploads/form", {"data": {"model": "unknown"}}),
        ("/jobs", {"data": {"upload": str(uuid4())}}),
        ("/account/tokens", {"data": {"name": ""}}),
    ],
)
async def test_what_is_refused_opens_no_private_space(
    visitor: httpx.AsyncClient, path: str, sent: dict[str, dict[str, str]]
) -> None:
    answer = await visitor.post(path, headers=JSON, **sent)  # type: ignore[arg-type]
    assert answer.status_code in (404, 422)
    assert not answer.cookies
    assert await User.count() == 0


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"size": 0}, 422, "The file is empty"),
        ({"size": 2_000_000_001}, 413, "larger than the 2,000 MB"),
        ({"filename": "notes.txt"}, 415, "does not look like a recording"),
        ({"content_type": "text/html"}, 415, "does not look like a recording"),
        ({"size": "many"}, 422, "size"),
        ({"key": "uploads/elsewhere"}, 422, "key"),
        ({"options": {"beam_size": "99"}}, 422, "Beam size: a whole number from 1 to 10"),
        ({"options": {"model": "tiny.en", "language": "de"}}, 422, "knows English only"),
    ],
)
async def test_what_cannot_be_taken_is_refused_in_words_and_leaves_nothing(
    mine: httpx.AsyncClient, wish: dict[str, object], status: int, words: str
) -> None:
    answer = await mine.post("/uploads", json=WISH | wish, headers=JSON)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert await Upload.count() == 0


async def test_a_job_is_made_with_the_options_of_the_form(
    mine: httpx.AsyncClient, owner: UUID, arrive: Arrive
) -> None:
    upload = await arrive()
    answer = await mine.post("/jobs", data={"upload": str(upload.id), **OPTIONS})
    assert answer.status_code == 201
    job = await jobs.made_of(owner, upload.id)
    assert job is not None
    assert f'id="job-{job.id}"' in answer.text
    assert (job.model, job.beam_size, job.hotwords) == ("tiny.en", 3, "Litestar")
    assert (job.vad_filter, job.word_timestamps) == (True, False)
    assert (job.mode, job.mixed_languages) == ("balanced", False)


async def test_the_form_begins_with_the_settings_and_leaves_the_beam_to_the_mode(
    mine: httpx.AsyncClient, owner: UUID, arrive: Arrive
) -> None:
    page = (await mine.get("/")).text
    assert re.findall(r'<option value="(\w+)" selected>', page) == ["balanced"]
    assert '<option value="accurate">Accurate: fewest mistakes, takes longest</option>' in page
    upload = await arrive()
    chosen = {"mode": "accurate", "mixed_languages": "on", "beam_size": "", "language": ""}
    await mine.post("/jobs", data={"upload": str(upload.id), **chosen})
    job = await jobs.made_of(owner, upload.id)
    assert job is not None
    assert (job.mode, job.mixed_languages) == ("accurate", True)
    assert job.beam_size is None


async def test_asking_again_gives_the_same_job(mine: httpx.AsyncClient, arrive: Arrive) -> None:
    form = {"upload": str((await arrive()).id)}
    assert (await mine.post("/jobs", data=form)).status_code == 201
    assert (await mine.post("/jobs", data=form)).status_code == 200
    assert await Job.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("beam_size", "99", "from 1 to 10"),
        ("beam_size", "wide", "from 1 to 10"),
        ("task", "sing", "“translate”"),
        ("mode", "careless", "“accurate”, “balanced” or “fast”"),
        ("initial_prompt", "x" * 1001, "1,000 characters"),
        ("hotwords", "x" * 1001, "1,000 characters"),
        ("model", "gpt", "tiny.en"),
        ("upload", "x", "which upload"),
    ],
)
async def test_an_option_that_cannot_be_used_is_named_with_what_can(
    mine: httpx.AsyncClient, arrive: Arrive, field: str, value: str, allowed: str
) -> None:
    form = {"upload": str((await arrive()).id), field: value}
    answer = await mine.post("/jobs", data=form, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert allowed in answer.json()["detail"]


async def test_a_job_needs_its_file_to_have_arrived(mine: httpx.AsyncClient) -> None:
    asked = (await mine.post("/uploads", json=WISH, headers=JSON)).json()
    answer = await mine.post("/jobs", data={"upload": asked["upload"]}, headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["code"] == "upload_missing"
    assert await Job.count() == 0


async def test_without_script_a_form_of_the_storage_leads_back_to_the_job(
    mine: httpx.AsyncClient, owner: UUID, speech: Speech
) -> None:
    started = await mine.post("/uploads/form", data={"title": "Tuesday", **OPTIONS})
    page = (await mine.get(started.headers["location"])).text
    fields = _hidden(page)
    assert "http-equiv" not in page  # a page that reloads would lose the chosen file
    content = speech["jfk.flac"].read_bytes()
    async with httpx.AsyncClient() as client:
        stored = await client.post(_action(page), data=fields, files={"file": content})
    assert stored.status_code == 303
    back = httpx.URL(stored.headers["location"])
    for _ in range(2):  # coming back twice, as with the browser's back button, finds the same job
        arrived = await mine.get(back.raw_path.decode())
        assert arrived.status_code == 303
    (job,) = await Job.objects()
    assert arrived.headers["location"] == f"/jobs/{job.id}"
    assert (job.owner, job.filename, job.model) == (owner, "Tuesday", "tiny.en")
    assert (await mine.get(started.headers["location"])).headers["location"] == f"/jobs/{job.id}"


async def test_the_plain_form_is_signed_afresh_each_time(mine: httpx.AsyncClient) -> None:
    started = await mine.post("/uploads/form", data={"title": " "})
    await Upload.update({Upload.expires_at: now()}, force=True)
    page = await mine.get(started.headers["location"])
    assert page.status_code == 200
    assert _hidden(page.text)["key"] == (await Upload.objects())[0].key
    assert re.search(r"<bdi>Recording, \d+ [A-Z][a-z]+ \d\d:\d\d UTC</bdi>", page.text)


async def test_where_the_storage_takes_no_forms_the_page_says_what_to_do(
    app: Litestar, house: House, mine: httpx.AsyncClient
) -> None:
    app.state.house = replace(house, settings=replace(house.settings, s3_upload_method="put"))
    assert "This server needs JavaScript" in (await mine.get("/")).text
    assert (await mine.post("/uploads/form", data={})).status_code == 422
    asked = await mine.post("/uploads", json=WISH, headers=JSON)
    assert asked.json()["presigned"]["method"] == "PUT"


async def test_a_strangers_upload_is_nobodys(
    theirs: httpx.AsyncClient, visitor: httpx.AsyncClient, arrive: Arrive
) -> None:
    upload = await arrive()
    for stranger in (theirs, visitor):
        for address in (f"/uploads/{upload.id}", f"/arrivals/{upload.id}", f"/arrivals/{uuid4()}"):
            assert (await stranger.get(address)).status_code == 404
        made = await stranger.post("/jobs", data={"upload": str(upload.id)}, headers=JSON)
        assert made.status_code == 404
    assert await Job.count() == 0


async def test_another_sites_page_cannot_upload_for_me(mine: httpx.AsyncClient) -> None:
    for address in ("/uploads/form", "/jobs", "/account/tokens", "/account/closing"):
        answer = await mine.post(address, data={}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert await Upload.count() == 0


def _hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found}


def _action(page: str) -> str:
    found = re.search(r'action="(http[^"]+)" enctype="multipart/form-data"', page)
    assert found is not None
    return unescape(found[1])
