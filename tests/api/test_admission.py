"""Streams and sockets that end before their job does: access was taken away, or something broke."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import uvicorn
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from local.ports import LOOPBACK, free_ports
from local.servers import Servers
from tests.support.domain import Submit
from tests.support.web import Site, bearer
from webapp import streams
from webapp.core import accounts
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.visitors import COOKIE


@pytest_asyncio.fixture(loop_scope="session")
async def here(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A server in this process, which asks again at every change, so that nobody waits."""
    monkeypatch.setattr(streams, "ASK_AGAIN_S", 0.0)
    (port,) = free_ports(1)
    config = uvicorn.Config(
        cast("Any", app), host=LOOPBACK, port=port, lifespan="off", log_config=None, ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  it has no event for it
        await asyncio.sleep(0.01)
    yield f"{LOOPBACK}:{port}"
    server.should_exit = True
    await serving


def _events(job: Job) -> str:
    return f"/api/v1/jobs/{job.id}/events"


async def _closed(socket: ClientConnection) -> int | None:
    with suppress(ConnectionClosedError):
        while True:
            await socket.recv()
    return socket.close_code


async def test_streams_end_once_their_token_is_revoked(
    here: str, owner: UUID, token: str, house: House, submit: Submit
) -> None:
    job, headers = await submit(), bearer(token)
    dialect = f"ws://{here}/api/v1/job/ws/{job.id}"
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(headers=headers) as client,
        client.stream("GET", f"http://{here}{_events(job)}") as stream,
        connect(f"ws://{here}{_events(job)}", additional_headers=headers) as socket,
        connect(dialect, additional_headers=headers) as earlier,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: job"
        await socket.recv()
        while "job_update" not in str(await earlier.recv()):
            pass
        for row in await accounts.tokens(owner):
            await accounts.revoke_token(owner, row.id)
        await house.events.publish(owner, job.id)
        assert "event: job" not in [line async for line in lines]
        assert [await _closed(socket), await _closed(earlier)] == [4401, 4401]


async def test_a_page_that_was_left_is_told_nothing_more(here: str, house: House) -> None:
    owner, secret = await accounts.open_space(1)
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(cookies={COOKIE: secret}) as client,
        client.stream("GET", f"http://{here}/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines)
        await accounts.close_session(secret)
        await house.events.publish(owner, owner)
        assert [line async for line in lines][-1:] == [""]


async def test_a_socket_is_told_that_a_part_is_away(
    site: Site, token: str, submit: Submit, servers: Servers
) -> None:
    address = site.socket_url + _events(await submit())
    await asyncio.to_thread(servers.postgres.kill)
    async with asyncio.timeout(20), connect(address, additional_headers=bearer(token)) as socket:
        assert await _closed(socket) == 1011
    assert site.process.said("socket ended")


async def test_an_unexpected_error_on_a_socket_is_logged_and_ends_it(
    here: str, token: str, submit: Submit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("our fault")

    job = await submit()
    monkeypatch.setattr("webapp.core.following.transcripts.outline", broken)
    async with connect(f"ws://{here}{_events(job)}", additional_headers=bearer(token)) as socket:
        assert await _closed(socket) == 1011
    assert "unexpected error on a socket" in caplog.text


async def test_a_frame_of_bytes_is_not_echoed(site: Site, token: str, submit: Submit) -> None:
    address = f"{site.socket_url}/api/v1/job/ws/{(await submit()).id}"
    async with asyncio.timeout(20), connect(address, additional_headers=bearer(token)) as socket:
        await socket.send(b"bytes")
        await socket.send("ping")
        heard = [str(await socket.recv())]
        while heard[-1] != "pong":
            heard.append(str(await socket.recv()))
    assert "echo" not in " ".join(heard)


async def test_a_name_that_is_nobodys_is_repeated_in_part_only(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/v1/job/status/{'x' * 3000}")
    assert answer.json() == {"detail": f"Job not found: {'x' * 100}"}
