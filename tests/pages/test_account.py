"""The account page: tokens for programs, and leaving."""

import re

import httpx

from webapp.core import accounts
from webapp.core.tables import ApiToken, LoginSession


async def test_a_token_is_shown_once_and_works(mine: httpx.AsyncClient) -> None:
    made = await mine.post("/account/tokens", data={"name": "  Backup <script> "})
    assert made.status_code == 201
    found = re.search(r'<code id="secret">(at_[\w-]+)</code>', made.text)
    assert found is not None
    assert await accounts.owner_of_token(found[1]) is not None
    page = (await mine.get("/account")).text
    assert found[1] not in page
    assert "Backup &lt;script&gt;" in page
    assert f"…{found[1][-4:]}" in page


async def test_a_revoked_token_is_gone(mine: httpx.AsyncClient) -> None:
    await mine.post("/account/tokens", data={"name": "old"})
    (token,) = await ApiToken.objects()
    answer = await mine.post(f"/account/tokens/{token.id}/revocation")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert await ApiToken.count() == 0


async def test_a_token_needs_a_name(mine: httpx.AsyncClient) -> None:
    answer = await mine.post("/account/tokens", data={"name": " "})
    assert answer.status_code == 422
    assert "Give the token a name" in answer.text


async def test_a_stranger_neither_sees_nor_revokes_a_token(
    mine: httpx.AsyncClient, theirs: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    await mine.post("/account/tokens", data={"name": "private"})
    (token,) = await ApiToken.objects()
    for stranger in (theirs, visitor):
        assert "private</bdi>" not in (await stranger.get("/account")).text
        revoking = await stranger.post(
            f"/account/tokens/{token.id}/revocation", headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert revoking.status_code == 404
    assert await ApiToken.count() == 1


async def test_forgetting_this_browser_ends_its_session_and_drops_its_cookie(mine: httpx.AsyncClient) -> None:
    assert await LoginSession.count() == 1
    answer = await mine.post("/account/closing")
    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert await LoginSession.count() == 0


async def test_who_has_no_space_is_not_given_one_by_looking(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/account")
    assert "You have none yet" in answer.text
    assert "set-cookie" not in answer.headers
