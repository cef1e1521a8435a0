"""Live says that the process answers, ready that a recording dropped now would become text."""

import asyncio

import httpx
import pytest

from local.servers import Servers
from tests.support.web import Site
from webapp.core import health
from webapp.core.house import House


@pytest.mark.parametrize("place", ["/health", "/api/v1/health"])
async def test_ready_names_what_is_away(
    visitor: httpx.AsyncClient, house: House, servers: Servers, place: str
) -> None:
    waiting = await visitor.get(f"{place}/ready")
    assert (waiting.status_code, waiting.json()["parts"]["worker"]) == (503, False)
    await health.beat(house)
    assert (await visitor.get(f"{place}/ready")).json()["status"] == "ok"
    await asyncio.to_thread(servers.s3.kill)
    away = await visitor.get(f"{place}/ready")
    assert away.status_code == 503
    assert away.json()["parts"] == {"database": True, "redis": True, "storage": False, "worker": True}
    assert (await visitor.get(f"{place}/live")).status_code == 200


@pytest.mark.parametrize("address", ["/", "/api/v1/health/live", "/api/v1/health/ready", "/health/live"])
async def test_head_says_what_get_says_without_a_body(site: Site, address: str) -> None:
    async with httpx.AsyncClient(base_url=site.url) as client:
        whole, head = await client.get(address), await client.head(address)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        assert head.headers[name] == whole.headers[name]
