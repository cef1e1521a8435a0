"""Following a job over SSE and over a WebSocket, against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.domain import Submit
from tests.support.web import Site, bearer
from tests.support.work import WORDS, begun, cut, finished, heard, taken, transcribed
from webapp.core import endings, jobs
from webapp.core.house import House
from webapp.core.tables import Job

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


async def test_chunks_are_told_in_any_order_and_only_one_is_taken_back(
    site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0, 30.0)
    first, second, third = [await taken(house) for _ in range(3)]
    await heard(house, third, 0, "the end")
    async with followed(site, token, job) as events:
        assert _place_of(await _until(events, "segment")) == (2, 0)
        await finished(house, third)
        await heard(house, first, 0, "half a")
        assert _place_of(await _until(events, "segment")) == (0, 0)
        await heard(house, second, 0, "the middle")
        assert _place_of(await _until(events, "segment")) == (1, 0)
        await endings.release(house, first)
        again = await taken(house)
        await heard(house, again, 0, "a whole sentence")
        told = await _told_until(events, " a whole sentence")
        assert [data for name, data in told if name == "restart"] == [{"chunk": 0}]
        assert [_place_of(data) for name, data in told if name == "segment"] == [(0, 0)]
        await finished(house, again)
        await heard(house, second, 1, "and on")
        told = await _told_until(events, " and on")
        assert [name for name, _ in told if name != "job"] == ["segment"]


def _place_of(segment: dict[str, Any]) -> tuple[int, int]:
    return segment["chunk"], segment["index"]


async def _told_until(events: AsyncIterator[Event], text: str) -> list[Event]:
    told = [await anext(events)]
    while told[-1][1].get("text") != text:
        told.append(await anext(events))
    return told


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
    other, watched = await submit(), await submit()
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
