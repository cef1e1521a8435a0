"""Following a job over SSE and over a WebSocket, against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.domain import Submit
from tests.support.web import Site, bearer
from tests.support.work import WORDS, begun, finished, heard, transcribed
from webapp.api.live import Message, messages
from webapp.api.schemas import JobView
from webapp.core import jobs, work
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.streams import Admission

Event = tuple[str, dict[str, Any]]
PATIENCE_S = 20


def _address(job: Job) -> str:
    return f"/api/v1/jobs/{job.id}/events"


@asynccontextmanager
async def followed(site: Site, token: str, job: Job) -> AsyncIterator[AsyncIterator[Event]]:
    async with (
        asyncio.timeout(PATIENCE_S),
        httpx.AsyncClient(base_url=site.url, headers=bearer(token), timeout=PATIENCE_S) as client,
        client.stream("GET", _address(job)) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        yield _events(response)


async def _events(response: httpx.Response) -> AsyncIterator[Event]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def _until(events: AsyncIterator[Event], name: str, **facts: object) -> dict[str, Any]:
    async for event, data in events:
        if event == name and data.items() >= facts.items():
            return data
    raise AssertionError(f"the stream ended without {name} {facts}")


async def test_text_arrives_as_it_is_found_and_the_stream_ends(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    async with followed(site, token, job) as events:
        assert (await anext(events))[1]["status"] == "pending"
        claim = await begun(house, job)
        await heard(house, claim, 0, WORDS[0])
        assert (await _until(events, "job", status="processing", position=4.5))["progress"] == 0.45
        first = await _until(events, "segment")
        assert (first["chunk"], first["index"], first["text"]) == (0, 0, f" {WORDS[0]}")
        await heard(house, claim, 1, WORDS[1])
        assert (await _until(events, "segment"))["index"] == 1
        await finished(house, claim)
        assert (await _until(events, "job", status="completed"))["progress"] == 1.0
        assert [event async for event in events] == []


async def test_a_finished_job_is_told_whole_at_once(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    for _ in range(2):
        async with followed(site, token, job) as events:
            told = [event async for event in events]
        assert [name for name, _ in told] == ["segment", "segment", "job"]
        assert told[-1][1]["status"] == "completed"


async def test_a_second_attempt_takes_back_what_the_first_had_not_finished(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    claim = await begun(house, job)
    await heard(house, claim, 0, "half a")
    async with followed(site, token, job) as events:
        await _until(events, "segment", text=" half a")
        await work.release(house, claim)
        again = await begun(house, job)
        await heard(house, again, 0, "a whole sentence")
        assert await _until(events, "restart") == {"chunk": 0}
        assert (await _until(events, "segment"))["text"] == " a whole sentence"


async def test_a_deleted_job_ends_its_stream(
    site: Site, token: str, house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    async with followed(site, token, job) as events:
        await anext(events)
        await jobs.delete(house, owner, job.id)
        assert await _until(events, "deleted") == {"id": str(job.id)}
        assert [event async for event in events] == []


async def test_a_strangers_changes_are_not_heard(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    watched, other = await submit(), await submit()
    async with followed(site, token, watched) as events:
        await anext(events)
        await transcribed(house, other, "not for this stream")
        await jobs.cancel(house, watched.owner, watched.id)
        name, data = await anext(events)
        assert (name, data["id"], data["status"]) == ("job", str(watched.id), "cancelled")


async def test_a_socket_carries_the_same_messages(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    address = site.socket_url + _address(job)
    async with asyncio.timeout(PATIENCE_S), connect(address, additional_headers=bearer(token)) as socket:
        assert json.loads(await socket.recv())["data"]["status"] == "pending"
        await socket.send("whatever")
        await transcribed(house, job)
        messages = [json.loads(message) async for message in socket]
    assert [m["data"]["text"] for m in messages if m["event"] == "segment"] == [
        f" {words}" for words in WORDS
    ]
    assert messages[-1]["data"]["status"] == "completed"
    assert socket.close_code == 1000


async def test_a_browser_gives_its_token_as_a_subprotocol(site: Site, token: str, submit: Submit) -> None:
    address = site.socket_url + _address(await submit())
    protocol = Subprotocol(f"bearer.{token}")
    async with connect(address, subprotocols=[protocol], origin=_origin(site.url)) as socket:
        assert socket.subprotocol == protocol
        assert json.loads(await socket.recv())["event"] == "job"


async def test_a_page_of_others_cannot_open_a_socket(site: Site, token: str, submit: Submit) -> None:
    address = site.socket_url + _address(await submit())
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, additional_headers=bearer(token), origin=_origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


def _origin(url: str) -> Any:
    return url


async def test_a_lost_hint_is_made_up_for_and_silence_is_broken(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    async with (
        asyncio.timeout(PATIENCE_S),
        aclosing(messages(house, Admission(owner, _never), job.id, quiet=0.2)) as told,
    ):
        assert await anext(told) is not None
        assert await anext(told) is None
        await Job.update({Job.damaged_packets: 3}).where(Job.id == job.id)  # and nobody says so
        async for message in told:
            if message is not None:
                assert isinstance(message.data, JobView)
                assert message.data.damaged_packets == 3
                return


async def test_the_place_in_the_queue_moves_as_soon_as_another_job_does(
    house: House, owner: UUID, submit: Submit
) -> None:
    first, second = await submit(), await submit()
    admission = Admission(owner, _never)
    async with asyncio.timeout(PATIENCE_S), aclosing(messages(house, admission, second.id, quiet=60)) as told:
        assert _place(await anext(told)) == 2
        await jobs.cancel(house, owner, first.id)
        async for message in told:
            if message is not None:
                assert _place(message) == 1
                return


def _place(message: Message | None) -> int | None:
    assert message is not None
    assert isinstance(message.data, JobView)
    return message.data.place_in_queue


async def _never() -> None:
    raise AssertionError
