"""Uploads and jobs over JSON, from the signed form to deletion."""

from uuid import uuid4

import httpx
import pytest

from tests.support.domain import Arrive, Submit, send
from tests.support.speech import Speech
from tests.support.work import WORDS, begun, heard, transcribed
from webapp.core.house import House
from webapp.core.storage import Presigned

JOBS = "/api/v1/jobs"


async def test_a_program_uploads_submits_and_reads_its_text(
    client: httpx.AsyncClient, house: House, speech: Speech, submit: Submit
) -> None:
    content = speech["jfk.flac"].read_bytes()
    wish = {"filename": "jfk.flac", "content_type": "audio/flac", "size": len(content)}
    upload = await client.post("/api/v1/uploads", json=wish)
    assert upload.status_code == 201, upload.text
    form = upload.json()
    presigned = Presigned(form["method"], form["url"], form["fields"], form["headers"])
    assert (await send(presigned, content)).is_success

    made = await client.post(JOBS, json={"upload": form["id"], "language": "en"})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{JOBS}/{made.json()['id']}"
    again = await client.post(JOBS, json={"upload": form["id"]})
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    read = await client.get(made.headers["location"])
    assert read.json()["status"] == "pending"
    assert read.json()["place_in_queue"] == 1


async def test_a_job_tells_how_far_it_is(client: httpx.AsyncClient, house: House, submit: Submit) -> None:
    job = await submit()
    claim = await begun(house, job, duration=20.0)
    found = (await client.get(f"{JOBS}/{job.id}")).json()
    assert (found["status"], found["duration"], found["progress"]) == ("processing", 20.0, 0.0)
    assert found["language"] == "en"
    assert found["started_at"].endswith("Z")
    assert claim.job.id == job.id


async def test_what_was_not_uploaded_cannot_be_transcribed(client: httpx.AsyncClient) -> None:
    form = (await client.post("/api/v1/uploads", json={"filename": "a.mp3", "size": 10})).json()
    answer = await client.post(JOBS, json={"upload": form["id"]})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "upload_missing"


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"filename": "a.exe", "size": 10}, 415, "unsupported_type"),
        ({"filename": "a.mp3", "size": 10, "content_type": "text/html"}, 415, "unsupported_type"),
        ({"filename": "a.mp3", "size": 0}, 422, "empty_file"),
        ({"filename": "a.mp3", "size": 10**13}, 413, "too_large"),
        ({"filename": "a.mp3", "size": -1}, 422, "invalid"),
        ({"filename": "", "size": 1}, 422, "invalid"),
        ({"filename": "a.mp3"}, 422, "invalid"),
        ({"filename": "a.mp3", "size": 1, "key": "uploads/mine"}, 422, "invalid"),
        ({"filename": "a" * 1001, "size": 1}, 422, "invalid"),
    ],
)
async def test_a_bad_upload_is_refused_before_anything_is_sent(
    client: httpx.AsyncClient, wish: dict[str, object], status: int, code: str
) -> None:
    answer = await client.post("/api/v1/uploads", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": "someone/else"}, "unknown_model"),
        ({"language": "xx"}, "unknown_language"),
        ({"model": "tiny.en", "task": "translate"}, "english_only_model"),
        ({"task": "sing"}, "invalid"),
        ({"beam_size": 11}, "invalid"),
        ({"mode": "careless"}, "invalid"),
        ({"mixed_languages": "yes"}, "invalid"),
        ({"initial_prompt": "x" * 1001}, "invalid"),
        ({"owner": str(uuid4())}, "invalid"),
    ],
)
async def test_bad_options_are_refused(
    client: httpx.AsyncClient, arrive: Arrive, options: dict[str, object], code: str
) -> None:
    upload = await arrive()
    answer = await client.post(JOBS, json={"upload": str(upload.id), **options})
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def test_jobs_are_listed_newest_first_page_by_page(client: httpx.AsyncClient, submit: Submit) -> None:
    ids = [str((await submit()).id) for _ in range(5)]
    seen: list[str] = []
    address = f"{JOBS}?limit=2"
    for _ in range(3):
        page = await client.get(address)
        seen += [item["id"] for item in page.json()["items"]]
        following = page.links.get("next")
        if following is None:
            break
        assert f"cursor={page.json()['next_cursor']}" in following["url"]
        address = following["url"]
    assert seen == ids[::-1]
    assert page.json()["next_cursor"] is None


async def test_a_list_can_be_of_one_status(client: httpx.AsyncClient, submit: Submit) -> None:
    first, second = await submit(), await submit()
    await client.post(f"{JOBS}/{first.id}/cancel")
    found = (await client.get(JOBS, params={"status": "cancelled"})).json()["items"]
    assert [item["id"] for item in found] == [str(first.id)]
    found = (await client.get(JOBS, params={"status": "pending"})).json()["items"]
    assert [item["id"] for item in found] == [str(second.id)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=!", "cursor=", "status=odd"])
async def test_a_list_is_never_unbounded(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"{JOBS}?{query}")).status_code == 422


async def test_a_job_is_cancelled_tried_again_and_deleted(client: httpx.AsyncClient, submit: Submit) -> None:
    here = f"{JOBS}/{(await submit()).id}"
    assert (await client.post(f"{here}/cancel")).json()["status"] == "cancelled"
    assert (await client.post(f"{here}/cancel")).status_code == 409
    assert (await client.post(f"{here}/retry")).json()["status"] == "pending"
    assert (await client.delete(here)).status_code == 200
    assert (await client.get(here)).json()["code"] == "not_found"
    assert (await client.delete(here)).status_code == 404


@pytest.mark.parametrize(
    ("body", "kept"),
    [(b"", True), (b"{}", True), (b'{"start_over": false}', True), (b'{"start_over": true}', False)],
)
async def test_a_retry_goes_on_unless_it_is_to_start_over(
    client: httpx.AsyncClient, house: House, submit: Submit, body: bytes, kept: bool
) -> None:
    job = await submit()
    await heard(house, await begun(house, job), 0, "Ask not")
    here = f"{JOBS}/{job.id}"
    await client.post(f"{here}/cancel")
    answer = await client.post(f"{here}/retry", content=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "pending"), answer.text
    so_far = await client.get(f"{here}/transcript?partial=true")
    assert (so_far.json()["text"] == "Ask not") is kept


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"start_over": "yes"}', 422),
        (b'{"startover": true}', 422),
        (b"[]", 422),
        (b'{"start_over": ', 400),
    ],
)
async def test_a_retry_that_is_not_understood_changes_nothing(
    client: httpx.AsyncClient, submit: Submit, body: bytes, status: int
) -> None:
    here = f"{JOBS}/{(await submit()).id}"
    await client.post(f"{here}/cancel")
    assert (await client.post(f"{here}/retry", content=body)).status_code == status
    assert (await client.get(here)).json()["status"] == "cancelled"


async def test_a_deletion_says_what_was_removed(
    client: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    answer = await client.delete(f"{JOBS}/{job.id}")
    assert answer.json() == {
        "id": str(job.id),
        "recording_bytes": job.object_size,
        "segments": len(WORDS),
        "chunks": 1,
        "queue_entries": answer.json()["queue_entries"],
        "objects": 1,
        "versions": 1,
        "bytes": job.object_size,
        "pending_removals": 0,
    }
    assert (await client.delete(f"{JOBS}/{job.id}")).json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("name", "kind", "opening"),
    [
        ("txt", "text/plain", "Ask not"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:04,500\nAsk not"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.000"),
        ("json", "application/json", '{"title":"talk.flac"'),
        ("tsv", "text/tab-separated-values", "start\tend\ttext\n0\t4500\tAsk"),
    ],
)
async def test_a_transcript_comes_in_every_format(
    client: httpx.AsyncClient, house: House, submit: Submit, name: str, kind: str, opening: str
) -> None:
    job = await submit()
    await transcribed(house, job)
    answer = await client.get(f"{JOBS}/{job.id}/transcript.{name}")
    assert answer.text.startswith(opening)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["content-disposition"] == f'attachment; filename="talk.{name}"'
    assert (await client.get(f"{JOBS}/{job.id}/transcript?format={name}")).text == answer.text


async def test_unfinished_text_is_given_only_to_who_asks_for_it(
    client: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    assert (await client.get(f"{JOBS}/{job.id}/transcript")).json()["code"] == "not_completed"
    so_far = await client.get(f"{JOBS}/{job.id}/transcript?partial=true")
    assert so_far.json()["partial"] is True
    await transcribed(house, job)
    whole = (await client.get(f"{JOBS}/{job.id}/transcript")).json()
    assert (whole["partial"], whole["text"]) == (False, " ".join(WORDS))


async def test_the_options_of_the_server_are_told(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/options")).json()
    assert told["models"] == ["base", "tiny.en"]
    assert told["languages"]["fr"] == "French"
    assert (told["modes"], told["default_mode"]) == (["accurate", "balanced", "fast"], "balanced")
    assert told["limits"]["upload_bytes"] == 2_000_000_000
