"""A private space: opened when something is first kept, found again by its cookie, and nobody else's."""

from dataclasses import replace

import httpx
from litestar import Litestar

from webapp.app import create_app
from webapp.core import accounts
from webapp.core.settings import Settings
from webapp.core.tables import LoginSession, User

WISH = {"filename": "a.mp3", "content_type": "audio/mpeg", "size": 10}
OURS = {"Sec-Fetch-Site": "same-origin"}
COOKIE = "audiotext_space"


async def test_a_visit_leaves_no_trace(visitor: httpx.AsyncClient) -> None:
    for address in ("/", "/account", "/nothing", "/docs"):
        answer = await visitor.get(address)
        assert "set-cookie" not in answer.headers, address
    assert await User.count() == 0
    assert await LoginSession.count() == 0


async def test_the_first_thing_kept_opens_a_space(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/uploads", json=WISH, headers=OURS)
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={365 * 86400}"):
        assert part.lower() in cookie.lower()
    assert "secure" not in cookie.lower()
    again = await visitor.post("/uploads", json=WISH, headers=OURS)
    assert "set-cookie" not in again.headers
    assert await User.count() == 1


async def test_only_a_hash_of_the_secret_is_kept(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/uploads", json=WISH, headers=OURS)
    secret = visitor.cookies[COOKIE]
    (row,) = await LoginSession.select()
    assert secret not in str(row)
    assert row["token_hash"] == accounts.hashed(secret)


async def test_a_page_renews_the_cookie_as_the_session_is_renewed(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/uploads", json=WISH, headers=OURS)
    secret = visitor.cookies[COOKIE]
    assert f"{COOKIE}={secret}" in (await visitor.get("/")).headers["set-cookie"]


async def test_a_made_up_cookie_opens_nothing(visitor: httpx.AsyncClient) -> None:
    for value in ("x", "x" * 43, "a" * 5000, "'; drop table users"):
        answer = await visitor.get("/", headers={"Cookie": f"{COOKIE}={value}"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers


async def test_a_chosen_secret_is_never_taken_over(visitor: httpx.AsyncClient) -> None:
    """Otherwise whoever planted a cookie could look into the space that is opened with it."""
    planted = "p" * 43
    headers = {**OURS, "Cookie": f"{COOKIE}={planted}"}
    answer = await visitor.post("/uploads", json=WISH, headers=headers)
    assert planted not in answer.headers["set-cookie"]
    assert await accounts.owner_of_session(planted, 1) is None


async def test_behind_tls_the_cookie_is_bound_to_it(app: Litestar, settings: Settings) -> None:
    secure = create_app(replace(settings, public_url="https://audiotext.example"))
    secure.state.update(house=app.state.house, headers=app.state.headers)
    transport = httpx.ASGITransport(secure, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://audiotext.example") as client:
        cookie = (await client.post("/uploads", json=WISH, headers=OURS)).headers["set-cookie"]
        assert cookie.startswith(f"__Host-{COOKIE}=")
        assert "Secure" in cookie
        assert "set-cookie" not in (await client.post("/uploads", json=WISH, headers=OURS)).headers
