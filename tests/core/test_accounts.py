"""Private spaces and tokens: only hashes are kept, and nothing opens what is not its own."""

from datetime import timedelta
from uuid import UUID

import pytest

from webapp.core import accounts
from webapp.core.clock import now
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.house import House
from webapp.core.tables import ApiToken, LoginSession


async def test_secret_opens_its_space_and_is_not_stored(house: House) -> None:
    owner, secret = await accounts.open_space(30)
    assert await accounts.owner_of_session(secret, 30) == owner
    [row] = await LoginSession.select()
    assert secret not in str(row)


@pytest.mark.parametrize(
    "secret", ["", "x", "x" * 43, "x" * 100_000, "'; DROP TABLE users", "\0" * 43, "é" * 43]
)
async def test_made_up_secrets_open_nothing(house: House, secret: str) -> None:
    await accounts.open_space(30)
    assert await accounts.owner_of_session(secret, 30) is None
    assert await accounts.owner_of_token(secret) is None


async def test_session_ends_when_it_expires_or_is_closed(house: House) -> None:
    _, expired = await accounts.open_space(30)
    await LoginSession.update({LoginSession.expires_at: now()}, force=True)
    assert await accounts.owner_of_session(expired, 30) is None
    _, closed = await accounts.open_space(30)
    await accounts.close_session(closed)
    assert await accounts.owner_of_session(closed, 30) is None


async def test_visit_prolongs_a_session(house: House) -> None:
    _, secret = await accounts.open_space(30)
    yesterday = now() - timedelta(days=2)
    await LoginSession.update(
        {LoginSession.last_seen_at: yesterday, LoginSession.expires_at: now() + timedelta(days=1)}, force=True
    )
    await accounts.owner_of_session(secret, 30)
    [row] = await LoginSession.select()
    assert row["expires_at"] > now() + timedelta(days=29)


async def test_token_names_its_owner_until_revoked(owner: UUID, stranger: UUID) -> None:
    row, token = await accounts.issue_token(owner, "my script")
    assert token.startswith("at_")
    assert await accounts.owner_of_token(token) == owner
    assert token not in str(await ApiToken.select())
    with pytest.raises(NotFound):
        await accounts.revoke_token(stranger, row.id)
    assert await accounts.owner_of_token(token) == owner
    await accounts.revoke_token(owner, row.id)
    assert await accounts.owner_of_token(token) is None
    with pytest.raises(NotFound):
        await accounts.revoke_token(owner, row.id)


async def test_use_of_a_token_is_noted(owner: UUID) -> None:
    _, token = await accounts.issue_token(owner, "my script")
    await accounts.owner_of_token(token)
    [listed] = await accounts.tokens(owner)
    assert listed.last_used_at is not None


async def test_session_secret_is_no_token_and_a_token_is_no_session(house: House) -> None:
    owner, secret = await accounts.open_space(30)
    _, token = await accounts.issue_token(owner, "x")
    assert await accounts.owner_of_token(secret) is None
    assert await accounts.owner_of_session(token, 30) is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\u202eb"])
async def test_token_needs_a_name_that_can_be_read(owner: UUID, name: str) -> None:
    with pytest.raises(Invalid):
        await accounts.issue_token(owner, name)


async def test_number_of_tokens_is_bounded(owner: UUID) -> None:
    for number in range(accounts.TOKENS_PER_OWNER):
        await accounts.issue_token(owner, f"token {number}")
    with pytest.raises(Conflict, match="Revoke one"):
        await accounts.issue_token(owner, "one too many")
