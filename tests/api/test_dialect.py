"""The earlier API's dialect, and that none of its known faults is in this one."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.domain import Submit
from tests.support.speech import Speech
from tests.support.web import Site, bearer
from tests.support.work import WORDS, begun, finished, heard, transcribed
from webapp.core import endings, jobs
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.tables import Job, Upload

V1 = "/api/v1"
NOBODY = "00000000-0000-7000-8000-000000000000"
TEXT = " ".join(WORDS)
SHAPE = {
    "id",
    "filename",
    "status",
    "creation_date",
    "update_date",
    "result_text",
    "processing_time_seconds",
    "error_message",
    "language",
    "language_probability",
    "whisper_model",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def _name(job: Job) -> str:
    return f"transcription_job-{UUID(str(job.id)).hex}"


async def _put(client: httpx.AsyncClient, speech: Speech, name: str = "jfk.flac") -> str:
    content = speech["jfk.flac"].read_bytes()
    wish = {"filename": name, "content_type": "audio/flac", "file_size": len(content)}
    answer = await client.post(f"{V1}/audio/presigned-url", json=wish)
    assert answer.status_code == 200, answer.text
    url = str(answer.json()["url"])
    async with httpx.AsyncClient() as store:
        sent = await store.put(url, content=content, headers={"Content-Type": "audio/flac"})
    assert sent.is_success, sent.text
    return url


@asynccontextmanager
async def watched(site: Site, token: str, job: Job) -> AsyncIterator[ClientConnection]:
    address = f"{site.socket_url}{V1}/job/ws/{_name(job)}"
    async with asyncio.timeout(20), connect(address, additional_headers=bearer(token)) as socket:
        yield socket


async def _next(socket: ClientConnection, **facts: object) -> dict[str, Any]:
    async for message in socket:
        found: dict[str, Any] = json.loads(message)
        if found.items() >= facts.items():
            return found
    raise AssertionError(f"closed without {facts}")


async def test_a_client_of_the_earlier_api_gets_its_text(
    client: httpx.AsyncClient, house: House, owner: UUID, speech: Speech
) -> None:
    url = await _put(client, speech)
    wish = {"filename": "jfk.flac", "mode": "base", "url": url}
    made = (await client.post(f"{V1}/job/transcribe", json=wish)).json()
    assert made.keys() == SHAPE
    assert re.fullmatch(r"transcription_job-[0-9a-f]{32}", made["id"])
    assert (made["status"], made["result_text"], made["update_date"]) == ("pending", None, None)
    assert MOMENT.fullmatch(made["creation_date"])

    (job,) = (await jobs.page(owner)).jobs
    await transcribed(house, job)
    done = (await client.get(f"{V1}/job/status/{made['id']}")).json()
    assert (done["status"], done["result_text"]) == ("completed", TEXT)
    assert (done["language"], done["whisper_model"]) == ("en", "base")
    assert done["processing_time_seconds"] >= 0
    assert MOMENT.fullmatch(done["update_date"])
    assert (await client.get(f"{V1}/job/read")).json() == [done]


async def test_the_earlier_query_form_signs_the_same_put(client: httpx.AsyncClient) -> None:
    query = {"filename": "a.mp3", "content_type": "audio/mpeg", "file_size": "10"}
    answer = await client.get(f"{V1}/audio/get_presigned_url", params=query)
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost" in answer.json()["url"]


async def test_greetings_and_errors_have_the_earlier_shape(client: httpx.AsyncClient) -> None:
    assert (await client.get(V1)).json().keys() == {"message"}
    missing = await client.get(f"{V1}/job/status/transcription_job-{'0' * 32}")
    assert missing.status_code == 404
    assert missing.json() == {"detail": f"Job not found: transcription_job-{'0' * 32}"}
    wish = {"filename": "a.exe", "content_type": "audio/mpeg", "file_size": 10}
    refused = await client.post(f"{V1}/audio/presigned-url", json=wish)
    assert refused.status_code == 415
    assert refused.json()["detail"].startswith("File validation error: ")


async def test_cancelled_jobs_count_as_failed(client: httpx.AsyncClient, submit: Submit) -> None:
    job = await submit()
    await client.post(f"{V1}/jobs/{job.id}/cancel")
    found = (await client.get(f"{V1}/job/status/{_name(job)}")).json()
    assert (found["status"], found["error_message"]) == ("failed", "The job was cancelled.")


async def test_the_list_is_bounded_and_goes_on_by_link(client: httpx.AsyncClient, submit: Submit) -> None:
    names = [_name(await submit()) for _ in range(3)]
    first = await client.get(f"{V1}/job/read?limit=2")
    rest = await client.get(first.links["next"]["url"])
    assert [each["id"] for each in [*first.json(), *rest.json()]] == names[::-1]
    assert (await client.get(f"{V1}/job/read?limit=101")).status_code == 422


async def test_fault_a_and_b_text_is_saved_with_nobody_watching(
    client: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    found = (await client.get(f"{V1}/job/status/{_name(job)}")).json()
    assert (found["status"], found["result_text"]) == ("completed", TEXT)


async def test_fault_c_who_connects_late_is_told_the_result(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    async with watched(site, token, job) as socket:
        hello = json.loads(await socket.recv())
        assert (hello["type"], hello["job_id"], hello["status"]) == ("connected", _name(job), "completed")
        assert re.fullmatch(r"websocket-[0-9a-f]+", hello["connection_id"])
        update = await _next(socket, type="job_update")
        assert (update["result"], update["progress"], update["language"]) == (TEXT, 100.0, "en")
        assert update["processing_time"] >= 0


async def test_fault_d_two_tabs_watch_one_job(site: Site, token: str, house: House, submit: Submit) -> None:
    job = await submit()
    async with watched(site, token, job) as one, watched(site, token, job) as two:
        await _next(one, type="job_update", status="pending")
        await _next(two, type="job_update", status="pending")
        await transcribed(house, job)
        for socket in (one, two):
            assert (await _next(socket, status="completed"))["result"] == TEXT


async def test_fault_e_two_files_of_one_name_stay_apart(
    client: httpx.AsyncClient, owner: UUID, speech: Speech
) -> None:
    one, two = await _put(client, speech), await _put(client, speech, "../../jfk.flac")
    assert one.partition("?")[0] != two.partition("?")[0]
    assert ".." not in two
    assert "jfk" not in two
    assert {row["filename"] for row in await Upload.select(Upload.filename)} == {"jfk.flac"}


async def test_fault_e_without_a_token_there_is_nothing(visitor: httpx.AsyncClient) -> None:
    for address in ("job/read", f"job/status/transcription_job-{'0' * 32}"):
        assert (await visitor.get(f"{V1}/{address}")).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"url": "https://evil.example/recording.mp3"}, 422),
        ({"url": "http://169.254.169.254/uploads/x/y"}, 422),
        ({"url": f"https://s3/uploads/{NOBODY}/{NOBODY}"}, 404),
        ({"mode": "someone/large-model"}, 422),
    ],
)
async def test_fault_f_only_what_is_there_by_models_on_offer(
    client: httpx.AsyncClient, speech: Speech, changes: dict[str, str], status: int
) -> None:
    wish = {"filename": "jfk.flac", "mode": "base", "url": await _put(client, speech)}
    answer = await client.post(f"{V1}/job/transcribe", json={**wish, **changes})
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"detail"}
    assert (await client.get(f"{V1}/job/read")).json() == []


async def test_fault_f_what_never_arrived_is_no_job(client: httpx.AsyncClient) -> None:
    wish = {"filename": "a.mp3", "content_type": "audio/mpeg", "file_size": 10}
    url = (await client.post(f"{V1}/audio/presigned-url", json=wish)).json()["url"]
    answer = await client.post(f"{V1}/job/transcribe", json={"filename": "a", "mode": "base", "url": url})
    assert answer.status_code == 409


async def test_fault_g_signatures_are_not_kept(client: httpx.AsyncClient, speech: Speech) -> None:
    url = await _put(client, speech)
    await client.post(f"{V1}/job/transcribe", json={"filename": "x", "mode": "base", "url": url})
    kept = [*await Job.select(), *await Upload.select()]
    assert len(kept) == 2
    assert "X-Amz" not in str(kept)


async def test_fault_i_the_name_is_that_of_the_upload(client: httpx.AsyncClient, speech: Speech) -> None:
    wish = {"filename": "other/../name.mp3", "mode": "base", "url": await _put(client, speech)}
    made = (await client.post(f"{V1}/job/transcribe", json=wish)).json()
    assert made["filename"] == "jfk.flac"


async def test_fault_j_progress_is_how_much_of_the_sound_is_done(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    async with watched(site, token, job) as socket:
        claim = await begun(house, job, duration=16.0)
        await heard(house, claim, 0, WORDS[0])
        assert (await _next(socket, progress=28.1))["status"] == "processing"
        await heard(house, claim, 1, WORDS[1])
        assert (await _next(socket, progress=59.4))["message"] == "Processing, 59% done"
        await finished(house, claim)
        await _next(socket, progress=100.0, status="completed")


async def test_a_failure_is_told_with_its_reason(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    async with watched(site, token, job) as socket:
        claim = await begun(house, job)
        await endings.fail(house, claim, JobFailed("no_sound_track", "It has no sound.", permanent=True))
        update = await _next(socket, status="failed")
        assert update["error"] == update["message"] == "It has no sound."


async def test_a_ping_is_answered_and_the_rest_echoed_in_bounds(
    site: Site, token: str, submit: Submit
) -> None:
    async with watched(site, token, await submit()) as socket:
        await socket.recv()
        await socket.send("ping")
        await socket.send("x" * 5000)
        replies = [str(await socket.recv()) for _ in range(3)]
        assert "pong" in replies
        echo = next(json.loads(reply) for reply in replies if "echo" in reply)
        assert echo["message"] == "x" * 1000
