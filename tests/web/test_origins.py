"""Requests that pages of others make with a visitor's cookie are refused."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.domain import Submit
from tests.support.web import ORIGIN, bearer, running_web
from webapp.core.tables import User

WISH = {"filename": "a.mp3", "content_type": "audio/mpeg", "size": 10}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ORIGIN},
        {"Origin": ORIGIN.replace("http:", "https:")},  # a router took the TLS off
        {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
    ],
)
async def test_our_own_pages_may_ask(visitor: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await visitor.post("/uploads", json=WISH, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Origin": "https://evil.example"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": f"{ORIGIN}:8080"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
    ],
)
async def test_pages_of_others_may_not_and_nothing_is_made(
    visitor: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await visitor.post("/uploads", json=WISH, headers=headers | {"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert await User.count() == 0
    assert "set-cookie" not in answer.headers


async def test_links_from_elsewhere_may_be_followed(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_a_token_stands_for_itself_wherever_it_is_used(client: httpx.AsyncClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://other.example"}
    assert (await client.post("/api/v1/uploads", json=WISH, headers=headers)).status_code == 201


async def test_a_socket_is_opened_by_our_own_pages_and_by_those_that_the_settings_name(
    token: str, submit: Submit, tmp_path: Path
) -> None:
    path = f"/api/v1/jobs/{(await submit()).id}/events"
    environ = {"ALLOWED_ORIGINS": "https://friend.example", "PUBLIC_URL": "https://ours.example"}
    with running_web(tmp_path, environ) as site:

        async def first(origin: Any) -> str:
            address = site.socket_url + path
            async with connect(address, additional_headers=bearer(token), origin=origin) as socket:
                return str(await socket.recv())

        for origin in ("https://friend.example", "https://ours.example", site.url, None):
            assert '"event":"job"' in await first(origin)
        for origin in ("https://evil.example", "https://friend.example.evil", "null"):
            with pytest.raises(InvalidStatus):
                await first(origin)
