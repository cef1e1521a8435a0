"""A real Chromium against the real web process. `page` is the browser of `owner`."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from local.servers import Servers
from tests.support.browser import watched
from tests.support.web import Site, running_web
from webapp.core import accounts
from webapp.core.house import House
from webapp.core.settings import Settings
from webapp.core.storage import Storage
from webapp.visitors import COOKIE

PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def site(servers: Servers, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_web(tmp_path_factory.mktemp("web"), {"MAX_UPLOAD_MB": "1"}) as running:
        Storage(settings).prepare_bucket([running.url])
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def space(house: House) -> tuple[UUID, str]:
    return await accounts.open_space(1)


@pytest.fixture
def owner(space: tuple[UUID, str]) -> UUID:
    return space[0]


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser, site: Site, space: tuple[UUID, str]) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(base_url=site.url)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_cookies([{"name": COOKIE, "value": space[1], "url": site.url}])
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    async with watched(await context.new_page()) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer(chromium: Browser, site: Site) -> AsyncIterator[Page]:
    """In a browser that was never here."""
    context = await chromium.new_context(base_url=site.url)
    context.set_default_timeout(PATIENCE_MS)
    async with watched(await context.new_page()) as page:
        yield page
    await context.close()


async def gated(page: Page, address: re.Pattern[str]) -> asyncio.Event:
    """Nothing reaches the address until the event is set."""
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await page.route(address, hold)
    return gate
