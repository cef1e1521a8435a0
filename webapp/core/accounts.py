"""Who is asking: private spaces, the sessions that open them, and API tokens. Only hashes are kept."""

import hashlib
import re
import secrets
from uuid import UUID

from webapp.core.clock import later, now
from webapp.core.database import database
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.ids import new_id
from webapp.core.tables import ApiToken, LoginSession, User

# So that a leaked token is recognised for what it is.
TOKEN_PREFIX = "at_"  # noqa: S105
TOKENS_PER_OWNER = 50
_SHAPE = re.compile(r"[A-Za-z0-9_-]{20,100}")


async def open_space(session_days: int) -> tuple[UUID, str]:
    """A new private space, and the secret that opens it from one browser."""
    owner, secret = new_id(), secrets.token_urlsafe(32)
    async with database().transaction():
        await User.insert(User(id=owner, created_at=now()))
        await LoginSession.insert(
            LoginSession(
                id=new_id(),
                owner=owner,
                token_hash=hashed(secret),
                created_at=now(),
                last_seen_at=now(),
                expires_at=later(days=session_days),
            )
        )
    return owner, secret


async def owner_of_session(secret: str, session_days: int) -> UUID | None:
    if not _SHAPE.fullmatch(secret):
        return None
    rows = await LoginSession.raw(
        "SELECT owner, last_seen_at < now() - interval '1 day' AS stale FROM login_sessions"
        " WHERE token_hash = {} AND expires_at > now()",
        hashed(secret),
    )
    if not rows:
        return None
    if rows[0]["stale"]:
        await _seen(secret, session_days)
    return _uuid(rows[0]["owner"])


async def close_session(secret: str) -> None:
    await LoginSession.delete().where(LoginSession.token_hash == hashed(secret))


async def issue_token(owner: UUID, name: str) -> tuple[ApiToken, str]:
    """The row, and the token itself, which is shown this once."""
    name = token_name(name)
    if await ApiToken.count().where(ApiToken.owner == owner) >= TOKENS_PER_OWNER:
        raise Conflict(f"There are {TOKENS_PER_OWNER} tokens already. Revoke one first.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        id=new_id(),
        owner=owner,
        name=name,
        token_hash=hashed(token),
        hint=token[-4:],
        created_at=now(),
    )
    await ApiToken.insert(row)
    return row, token


def token_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("Give the token a name of 1 to 100 characters.", field="name")
    return name


async def owner_of_token(token: str) -> UUID | None:
    if not _SHAPE.fullmatch(token):
        return None
    rows = await ApiToken.raw(
        "SELECT owner, coalesce(last_used_at < now() - interval '1 minute', true) AS stale"
        " FROM api_tokens WHERE token_hash = {}",
        hashed(token),
    )
    if not rows:
        return None
    if rows[0]["stale"]:
        await ApiToken.update({ApiToken.last_used_at: now()}).where(ApiToken.token_hash == hashed(token))
    return _uuid(rows[0]["owner"])


async def tokens(owner: UUID) -> list[ApiToken]:
    return await ApiToken.objects().where(ApiToken.owner == owner).order_by(ApiToken.id)


async def revoke_token(owner: UUID, token: UUID) -> None:
    gone = await ApiToken.delete().where(ApiToken.owner == owner, ApiToken.id == token).returning(ApiToken.id)
    if not gone:
        raise NotFound("There is no such token. It may have been revoked already.")


def hashed(secret: str) -> str:
    """Unsalted SHA-256 is enough for secrets of 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _seen(secret: str, session_days: int) -> None:
    await LoginSession.update(
        {LoginSession.last_seen_at: now(), LoginSession.expires_at: later(days=session_days)}
    ).where(LoginSession.token_hash == hashed(secret))


def _uuid(value: object) -> UUID:
    """asyncpg has a UUID class of its own, a subclass that does not survive every encoder."""
    return UUID(str(value))
