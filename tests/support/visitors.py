"""Pages as browsers meet them: one that owns recordings, and one that is a stranger to them."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from tests.support.web import ORIGIN
from webapp.core import accounts
from webapp.core.house import House
from webapp.visitors import COOKIE


def browser(app: Litestar, secret: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),  # type: ignore[arg-type]
        base_url=ORIGIN,
        cookies={COOKIE: secret},
        headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
    )


@pytest_asyncio.fixture(loop_scope="session")
async def space(house: House) -> tuple[UUID, str]:
    return await accounts.open_space(1)


@pytest.fixture
def owner(space: tuple[UUID, str]) -> UUID:
    return space[0]


@pytest_asyncio.fixture(loop_scope="session")
async def mine(app: Litestar, space: tuple[UUID, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app, space[1]) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def theirs(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app, (await accounts.open_space(1))[1]) as client:
        yield client
