"""The web process for tests: in this process for single answers, as a real server for streams and signals."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from local.ports import LOOPBACK, free_ports
from local.servers import Servers
from tests.support.processes import Process
from webapp.app import create_app
from webapp.core import accounts
from webapp.core.house import House
from webapp.core.settings import Settings

SERVER = [sys.executable, "-m", "uvicorn", "webapp.app:app", "--ws-max-size", "65536"]
ORIGIN = "http://testserver.local"


class Site:
    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.url = f"http://{LOOPBACK}:{port}"
        self.socket_url = f"ws://{LOOPBACK}:{port}"


@contextmanager
def running_web(folder: Path, environ: Mapping[str, str] | None = None, *options: str) -> Iterator[Site]:
    (port,) = free_ports(1)
    process = Process(
        [*SERVER, "--port", str(port), *options],
        folder / f"web-{time.monotonic_ns()}.log",
        **(environ or {}),
    )
    try:
        process.until(lambda: process.said("Uvicorn running"))
        yield Site(process, port)
    finally:
        process.stop()


@pytest.fixture(scope="session")
def site(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_web(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def app(servers: Servers, settings: Settings) -> AsyncIterator[Litestar]:
    made, started, over = create_app(settings), asyncio.Event(), asyncio.Event()
    # In a task of its own: what begins and ends there must do so in the same task.
    running = asyncio.create_task(_hold(made, started, over))
    await asyncio.wait({running, asyncio.create_task(started.wait())}, return_when="FIRST_COMPLETED")
    yield made
    over.set()
    await running


@pytest.fixture
def house(app: Litestar) -> House:
    opened: House = app.state.house
    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that was never here."""
    async with _client(app) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def client(app: Litestar, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a token of `owner`."""
    async with _client(app, token) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def others_client(app: Litestar, stranger: UUID) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a token of `stranger`."""
    _, token = await accounts.issue_token(stranger, "theirs")
    async with _client(app, token) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def token(owner: UUID) -> str:
    return (await accounts.issue_token(owner, "mine"))[1]


async def _hold(made: Litestar, started: asyncio.Event, over: asyncio.Event) -> None:
    async with made.lifespan():
        started.set()
        await over.wait()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _client(app: Litestar, token: str | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False),
        base_url=ORIGIN,
        headers=bearer(token) if token else {},
    )
