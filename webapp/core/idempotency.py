"""A request that carries a key is carried out once: whoever repeats it gets the answer that was given.

While the first one runs it holds the key, and no transaction is open meanwhile. Its repetitions wait for it.
A hold that nobody renews is that of a process that was killed, and the next repetition takes it over.
All moments are the database's, which every process shares.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from uuid import UUID

import msgspec
from asyncpg import ForeignKeyViolationError

from webapp.core.background import beside
from webapp.core.database import CONNECTION_LOST
from webapp.core.errors import Conflict, Invalid
from webapp.core.ids import new_id
from webapp.core.tables import IdempotencyKey

LONGEST_KEY = 255
DAY_S = 86400.0
HELD_S = 15.0
RENEW_S = 5.0
# Longer than a hold, so that who waits for a killed process takes over; and shorter than the 30 seconds
# after which routers in front of us give up.
WAIT_S = 25.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0

IN_USE = "idempotency_key_in_use"


class Answer(msgspec.Struct, frozen=True):
    """`replayed`: it was given before."""

    status: int
    body: bytes
    location: str | None = None
    replayed: bool = False


class Made(msgspec.Struct, frozen=True):
    """An answer, and what it is about: when that upload is deleted, nothing that was said of it stays."""

    answer: Answer
    upload: UUID
    keep_s: float = DAY_S


async def once(owner: UUID, key: str, fingerprint: str, make: Callable[[], Awaitable[Made]]) -> Answer:
    """Only what succeeds is kept. After an error the key is free, so that the request can be repeated."""
    found = await _answer_or_hold(owner, key, fingerprint)
    if isinstance(found, Answer):
        return found
    async with beside(_renew(found)):
        try:
            made = await make()
            await _keep(found, made)
        except Exception:
            with suppress(*CONNECTION_LOST):  # then the hold runs out by itself
                await _release(found)
            raise
    return made.answer


async def purge() -> None:
    await IdempotencyKey.raw("DELETE FROM idempotency_keys WHERE expires_at < now()")


async def _answer_or_hold(owner: UUID, key: str, fingerprint: str) -> Answer | UUID:
    """The answer to the first such request, for which this waits a while, or else the key itself."""
    deadline, pause = monotonic() + WAIT_S, _FIRST_PAUSE_S
    while True:
        answer = await _given(owner, key, fingerprint)
        found = answer or await _take(owner, key, fingerprint)
        if found is not None:
            return found
        if monotonic() > deadline:
            raise Conflict("The first request with this key is still being worked on.", code=IN_USE)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


async def _given(owner: UUID, key: str, fingerprint: str) -> Answer | None:
    rows = await IdempotencyKey.raw(
        "SELECT fingerprint, status, body, location FROM idempotency_keys"
        " WHERE owner = {} AND key = {} AND expires_at > now()",
        owner,
        key,
    )
    if not rows:
        return None
    row = rows[0]
    if row["fingerprint"] != fingerprint:
        raise _other_request()
    if row["status"] is None:
        return None
    return Answer(row["status"], row["body"], row["location"], replayed=True)


async def _take(owner: UUID, key: str, fingerprint: str) -> UUID | None:
    """The row gets a new id with each holder, so that whoever held it before writes nothing more."""
    rows = await IdempotencyKey.raw(
        "INSERT INTO idempotency_keys AS known (id, owner, key, fingerprint, held_until, expires_at)"
        " VALUES ({}, {}, {}, {}, now() + make_interval(secs => {}), now() + make_interval(secs => {}))"
        " ON CONFLICT (owner, key) DO UPDATE SET id = excluded.id, fingerprint = excluded.fingerprint,"
        " held_until = excluded.held_until, expires_at = excluded.expires_at,"
        " status = NULL, body = NULL, location = NULL, upload = NULL"
        # With another body a key is free only when it is forgotten: what was begun may have been done.
        " WHERE known.expires_at <= now() OR (known.status IS NULL AND known.held_until <= now()"
        " AND known.fingerprint = excluded.fingerprint)"
        " RETURNING id",
        *(new_id(), owner, key, fingerprint, HELD_S, DAY_S),
    )
    return UUID(str(rows[0]["id"])) if rows else None


async def _renew(hold: UUID) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        with suppress(*CONNECTION_LOST):  # there may be time for another try
            await IdempotencyKey.raw(
                "UPDATE idempotency_keys SET held_until = now() + make_interval(secs => {}) WHERE id = {}",
                *(HELD_S, hold),
            )


async def _keep(hold: UUID, made: Made) -> None:
    answer = made.answer
    try:
        await IdempotencyKey.raw(
            "UPDATE idempotency_keys SET status = {}, body = {}, location = {}, upload = {},"
            " expires_at = now() + make_interval(secs => {}) WHERE id = {}",
            *(answer.status, answer.body, answer.location, made.upload, made.keep_s, hold),
        )
    except ForeignKeyViolationError:  # deleted at this moment
        await _release(hold)


async def _release(hold: UUID) -> None:
    await IdempotencyKey.raw("DELETE FROM idempotency_keys WHERE id = {}", hold)


def _other_request() -> Invalid:
    return Invalid(
        "This key came with another request before. Repeat that one exactly, or use a new key.",
        code="idempotency_key_reused",
        field="Idempotency-Key",
    )
