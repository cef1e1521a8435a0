"""Keys that are held, lost and freed, without the requests around them."""

import asyncio
from uuid import UUID

import pytest

from tests.support.domain import Arrive
from webapp.core import idempotency
from webapp.core.errors import Invalid
from webapp.core.house import House
from webapp.core.idempotency import Answer, Made
from webapp.core.ids import new_id
from webapp.core.tables import IdempotencyKey, User


async def _never() -> Made:
    await asyncio.Event().wait()
    raise AssertionError


def _kept(upload: UUID) -> Made:
    return Made(Answer(201, b"{}", "/there"), upload)


async def test_a_hold_that_nobody_renews_runs_out(
    owner: UUID, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = (await arrive()).id

    async def make() -> Made:
        return _kept(upload)

    monkeypatch.setattr(idempotency, "HELD_S", 0.6)
    stuck = asyncio.create_task(idempotency.once(owner, "one", "same", _never))
    while not await IdempotencyKey.count():  # noqa: ASYNC110  a row has no event
        await asyncio.sleep(0.01)
    stuck.cancel()
    assert await idempotency._take(owner, "one", "same") is None
    async with asyncio.timeout(5):
        assert await idempotency.once(owner, "one", "same", make) == Answer(201, b"{}", "/there")
        again = await idempotency.once(owner, "one", "same", _never)
    assert again == Answer(201, b"{}", "/there", replayed=True)


async def test_what_was_begun_is_taken_over_by_the_same_request_only(owner: UUID) -> None:
    assert await idempotency._take(owner, "one", "same") is not None
    await IdempotencyKey.raw("UPDATE idempotency_keys SET held_until = now()")
    assert await idempotency._take(owner, "one", "other") is None
    with pytest.raises(Invalid) as refused:
        await idempotency.once(owner, "one", "other", _never)
    assert refused.value.code == "idempotency_key_reused"
    assert await idempotency._take(owner, "one", "same") is not None


async def test_who_lost_the_key_writes_nothing_more(owner: UUID, arrive: Arrive) -> None:
    upload = (await arrive()).id
    late = await idempotency._take(owner, "one", "same")
    await IdempotencyKey.raw("UPDATE idempotency_keys SET held_until = now()")
    assert late is not None
    assert await idempotency._take(owner, "one", "same") is not None
    await idempotency._keep(late, _kept(upload))
    await idempotency._release(late)
    assert [row["status"] for row in await IdempotencyKey.select()] == [None]


async def test_an_answer_about_what_was_deleted_meanwhile_is_not_kept(owner: UUID) -> None:
    async def make() -> Made:
        return _kept(new_id())

    assert (await idempotency.once(owner, "one", "same", make)).status == 201
    assert not await IdempotencyKey.count()


@pytest.mark.parametrize("answer", [Answer(302, b"{}"), Answer(201, b" " * 65537)])
async def test_only_short_answers_that_tell_of_success_can_be_kept(
    owner: UUID, arrive: Arrive, answer: Answer
) -> None:
    upload = (await arrive()).id

    async def make() -> Made:
        return Made(answer, upload)

    with pytest.raises(Exception, match="violates check constraint"):
        await idempotency.once(owner, "one", "same", make)
    assert not await IdempotencyKey.count()


async def test_keys_go_with_their_owner(house: House, owner: UUID) -> None:
    await idempotency._take(owner, "one", "same")
    await User.delete().where(User.id == owner)
    assert not await IdempotencyKey.count()
