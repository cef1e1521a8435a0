"""Errors are answers: in the form that the caller reads, with a code that stays and without our insides."""

import asyncio

import asyncpg
import httpx
import pytest
from litestar import Litestar, get
from redis.exceptions import RedisError

from local.servers import Servers
from webapp.core import errors
from webapp.core.errors import DomainError
from webapp.core.tables import User

SECRET = "postgres://someone:hunter2@db/x"
KINDS: list[tuple[DomainError, int]] = [
    (errors.NotFound("gone"), 404),
    (errors.Invalid("wrong"), 422),
    (errors.TooLarge("big"), 413),
    (errors.UnsupportedType("odd"), 415),
    (errors.Conflict("late"), 409),
    (errors.NotSignedIn("who"), 401),
    (errors.Refused("no"), 403),
    (errors.Unavailable("away"), 503),
]


def _raise(app: Litestar, error: Exception) -> None:
    @get("/api/raise")
    async def handler() -> None:
        raise error

    @get("/raise")
    async def page() -> None:
        raise error

    app.register(handler)
    app.register(page)


@pytest.mark.parametrize(("error", "status"), KINDS)
async def test_each_kind_of_error_has_its_status_and_keeps_its_code(
    app: Litestar, visitor: httpx.AsyncClient, error: DomainError, status: int
) -> None:
    _raise(app, error)
    answer = await visitor.get("/api/raise")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"], problem["detail"]) == (status, error.code, error.message)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 503)
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_an_unexpected_error_shows_nothing_of_our_insides(
    app: Litestar, visitor: httpx.AsyncClient
) -> None:
    _raise(app, RuntimeError(SECRET))
    for address in ("/api/raise", "/raise"):
        answer = await visitor.get(address)
        assert answer.status_code == 500
        assert "hunter2" not in answer.text
        assert "Traceback" not in answer.text
        assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize(
    ("headers", "kind", "words"),
    [
        ({"Accept": "text/html"}, "text/html", "<html"),
        ({"Accept": "application/json"}, "application/problem+json", '"code":"not_found"'),
        ({"HX-Request": "true", "Accept": "*/*"}, "text/html", 'role="alert"'),
    ],
)
async def test_an_error_comes_in_the_form_that_the_caller_reads(
    visitor: httpx.AsyncClient, headers: dict[str, str], kind: str, words: str
) -> None:
    answer = await visitor.get("/nothing/here", headers=headers)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(kind)
    assert words in answer.text


async def test_words_of_an_error_cannot_become_markup(app: Litestar, visitor: httpx.AsyncClient) -> None:
    _raise(app, errors.Invalid("<script>alert(1)</script>"))
    for headers in ({}, {"HX-Request": "true"}):
        assert "<script>alert" not in (await visitor.get("/raise", headers=headers)).text


async def test_a_wrong_method_is_told_the_right_ones(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.request("PUT", "/api/v1/jobs")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/v1/uploads", "/api/v1/job/transcribe"])
async def test_a_body_beyond_all_need_is_not_read(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=b"[" * 1_100_000)
    assert answer.status_code == 413


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"filename":"\\ud800","size":1}',
    b'{"filename":"\xff.mp3","size":1}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_not_understood_is_the_callers_fault(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post("/api/v1/uploads", content=body)
    assert answer.status_code in {400, 415, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_lost_database_is_a_matter_of_waiting(client: httpx.AsyncClient, servers: Servers) -> None:
    await asyncio.to_thread(servers.postgres.kill)
    answer = await client.get("/api/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    await asyncio.to_thread(servers.postgres.start)
    assert (await client.get("/api/v1/jobs")).status_code == 200


@pytest.mark.parametrize("host", ["a:b", "a:99999"])
async def test_an_odd_host_is_no_reason_to_fail(visitor: httpx.AsyncClient, host: str) -> None:
    headers = {"Host": host, "Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    assert (await visitor.get("/nothing", headers=headers)).status_code == 404
    form = await visitor.post("/uploads/form", data={"title": "x"}, headers=headers)
    assert (form.status_code, form.json()["field"]) == (422, "Host")


@pytest.mark.parametrize("name", ["%00", "a" * 5000, "a/" * 3000])
async def test_a_name_that_no_file_can_have_is_not_found(visitor: httpx.AsyncClient, name: str) -> None:
    assert (await visitor.get(f"/static/{name}")).status_code == 404


@pytest.mark.parametrize(
    "wish",
    [
        {"filename": "a" * 2000 + ".mp3", "content_type": "", "size": 1},
        {"filename": "a.mp3", "content_type": "a" * 2000, "size": 1},
        {"filename": "a.mp3", "content_type": "", "size": -1},
    ],
)
async def test_a_page_takes_no_longer_names_than_the_api(
    visitor: httpx.AsyncClient, wish: dict[str, object]
) -> None:
    answer = await visitor.post("/uploads", json=wish, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, await User.count()) == (422, 0)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.AdminShutdownError("restarting"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.OutOfMemoryError("full"),
        asyncpg.QueryCanceledError("slow"),
        asyncpg.InternalClientError("cut"),
        RedisError("away"),
        TimeoutError(),
    ],
)
async def test_what_passes_by_itself_is_a_matter_of_waiting(
    app: Litestar, visitor: httpx.AsyncClient, error: Exception
) -> None:
    _raise(app, error)
    answer = await visitor.get("/api/raise")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
