"""Whose jobs are whose: every address of the API, tried by a stranger and by nobody."""

import re

import httpx
import pytest
from litestar.routes import HTTPRoute, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.support.domain import Submit
from tests.support.web import Site, bearer
from webapp.app import app as built
from webapp.core import accounts

# These tell nothing of anybody.
OPEN = {"/api/v1", "/api/v1/options", "/api/v1/health/live", "/api/v1/health/ready"}


def _addresses() -> list[tuple[str, str]]:
    """All of them, from the app itself, so that a new one cannot be forgotten."""
    return sorted(
        (method, route.path)
        for route in built.routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/v1") and route.path not in OPEN
        for method in route.methods
        if method != "OPTIONS"
    )


ABOUT_A_JOB = [(method, path) for method, path in _addresses() if "{" in path]


def _sockets() -> list[str]:
    return [route.path for route in built.routes if isinstance(route, WebSocketRoute)]


def _filled(path: str, job: object) -> str:
    return re.sub(r"{[^}]+}", str(job), path)


@pytest.mark.parametrize(("method", "path"), _addresses())
async def test_nobody_in_particular_is_asked_for_a_token(
    visitor: httpx.AsyncClient, submit: Submit, method: str, path: str
) -> None:
    address = _filled(path, (await submit()).id)
    query = {"filename": "a.mp3", "content_type": "audio/mpeg", "file_size": "1"}
    bodies = {"url": "uploads/x", "mode": "base", "upload": address[-36:], "size": 1, "file_size": 1}
    answer = await visitor.request(method, address, params=query, json={**query, **bodies})
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), ABOUT_A_JOB)
async def test_a_stranger_finds_nothing_and_changes_nothing(
    client: httpx.AsyncClient, others_client: httpx.AsyncClient, submit: Submit, method: str, path: str
) -> None:
    job = await submit()
    theirs = await others_client.request(method, _filled(path, job.id))
    assert theirs.status_code == 404, theirs.text
    assert (await client.get(f"/api/v1/jobs/{job.id}")).json()["status"] == "pending"


async def test_a_strangers_lists_are_empty(others_client: httpx.AsyncClient, submit: Submit) -> None:
    await submit()
    assert (await others_client.get("/api/v1/jobs")).json()["items"] == []
    assert (await others_client.get("/api/v1/job/read")).json() == []


async def test_a_strangers_upload_cannot_be_submitted(
    client: httpx.AsyncClient, others_client: httpx.AsyncClient
) -> None:
    form = (await client.post("/api/v1/uploads", json={"filename": "a.mp3", "size": 10})).json()
    answer = await others_client.post("/api/v1/jobs", json={"upload": form["id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")
    url = f"{form['url']}/{form['fields']['key']}"
    answer = await others_client.post(
        "/api/v1/job/transcribe", json={"filename": "a.mp3", "mode": "base", "url": url}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("path", _sockets())
async def test_a_strangers_socket_is_closed_at_once(
    site: Site, others_client: httpx.AsyncClient, submit: Submit, path: str
) -> None:
    address = site.socket_url + _filled(path, (await submit()).id)
    theirs = others_client.headers["authorization"].removeprefix("Bearer ")
    for headers, code in ((bearer(theirs), 4404), ({}, 4401), (bearer("at_" + "x" * 43), 4401)):
        async with connect(address, additional_headers=headers) as socket:
            message = str(await socket.recv())
            assert "error" in message
            assert "talk" not in message
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
        assert socket.close_code == code


async def test_a_revoked_token_opens_nothing(client: httpx.AsyncClient, submit: Submit) -> None:
    owner = (await submit()).owner
    for row in await accounts.tokens(owner):
        await accounts.revoke_token(owner, row.id)
    assert (await client.get("/api/v1/jobs")).status_code == 401


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer ü", "Bearer " + "x" * 5000])
async def test_odd_credentials_are_no_credentials(visitor: httpx.AsyncClient, value: str) -> None:
    headers = {b"Authorization": value.encode()}
    assert (await visitor.get("/api/v1/jobs", headers=headers)).status_code == 401


async def test_a_browsers_cookie_is_worth_nothing_in_the_api(visitor: httpx.AsyncClient) -> None:
    _, secret = await accounts.open_space(1)
    visitor.cookies.set("audiotext_space", secret)
    assert (await visitor.get("/api/v1/jobs")).status_code == 401
