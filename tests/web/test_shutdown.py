"""Starting fast, and stopping at once: with streams open, and in the middle of starting."""

import asyncio
import signal
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.domain import Submit
from tests.support.web import bearer, running_web
from webapp.core.house import House, open_house
from webapp.core.settings import Settings


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_open_streams_end_and_the_process_stops_at_once(
    house: House, owner: UUID, token: str, submit: Submit, tmp_path: Path, number: signal.Signals
) -> None:
    address = f"/api/v1/jobs/{(await submit()).id}/events"
    with running_web(tmp_path) as site:
        async with (
            httpx.AsyncClient(base_url=site.url, headers=bearer(token), timeout=20) as client,
            client.stream("GET", address) as response,
            connect(site.socket_url + address, additional_headers=bearer(token)) as socket,
        ):
            lines = response.aiter_lines()
            assert await anext(lines) == "event: job"
            await socket.recv()
            began = time.monotonic()
            site.process.signal(number)
            async with asyncio.timeout(5):
                rest = [line async for line in lines]
            assert rest[0].startswith("data: ")
        await asyncio.to_thread(site.process.wait, 5)
        assert time.monotonic() - began < 3
        assert not site.process.said("Traceback"), site.process.log.read_text()


@pytest.mark.usefixtures("servers")
async def test_stopping_in_the_middle_of_starting_does_not_hang(settings: Settings) -> None:
    async with asyncio.timeout(60):
        for step in range(40):
            async with open_house(settings):
                await asyncio.sleep(step % 8 / 2000)
