"""Requests with one key that meet each other, or come after one that failed or died."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.servers import Servers
from tests.support.domain import Arrive
from tests.support.keys import JOBS, UPLOADS, WISH, keyed, replayed
from tests.support.web import bearer, running_web
from webapp.core import idempotency, jobs
from webapp.core.house import House
from webapp.core.tables import IdempotencyKey, Job, Upload


async def waits(seconds: float = 10) -> None:
    """Until the first request holds its key."""
    async with asyncio.timeout(seconds):
        while not await IdempotencyKey.count():  # noqa: ASYNC110  a row has no event
            await asyncio.sleep(0.01)


@contextmanager
def standing_still(servers: Servers) -> Iterator[None]:
    """The storage hangs, so that a submission does too."""
    assert servers.s3.pid
    os.kill(servers.s3.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(servers.s3.pid, signal.SIGCONT)


@pytest.fixture
def slowed(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[str]]:
    """Makes the storage take its time, and tells how often it was asked to keep something."""
    copy, calls = house.storage.copy, list[str]()

    def by(seconds: float) -> list[str]:
        async def slowly(*args: Any) -> Any:
            calls.append(args[0])
            await asyncio.sleep(seconds)
            return await copy(*args)

        monkeypatch.setattr(house.storage, "copy", slowly)
        return calls

    return by


async def test_concurrent_twins_make_one_job_and_get_one_answer(
    client: httpx.AsyncClient, arrive: Arrive
) -> None:
    wish = {"upload": str((await arrive()).id)}
    twins = await asyncio.gather(*(client.post(JOBS, json=wish, headers=keyed("one")) for _ in range(8)))
    assert {twin.status_code for twin in twins} == {201}
    assert len({(twin.content, twin.headers["location"]) for twin in twins}) == 1
    assert sorted(map(replayed, twins)) == [False] + [True] * 7
    assert await Job.count() == 1


async def test_concurrent_twins_prepare_one_upload(client: httpx.AsyncClient) -> None:
    twins = await asyncio.gather(*(client.post(UPLOADS, json=WISH, headers=keyed("one")) for _ in range(8)))
    assert {twin.status_code for twin in twins} == {201}
    assert len({twin.content for twin in twins}) == 1
    assert await Upload.count() == 1


async def test_a_twin_waits_for_one_that_takes_longer_than_a_hold(
    client: httpx.AsyncClient,
    arrive: Arrive,
    slowed: Callable[[float], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "HELD_S", 0.6)
    monkeypatch.setattr(idempotency, "RENEW_S", 0.1)
    calls, wish = slowed(2.0), {"upload": str((await arrive()).id)}
    twins = [asyncio.create_task(client.post(JOBS, json=wish, headers=keyed("one"))) for _ in range(3)]
    await asyncio.sleep(1.0)
    states = await Job.raw("SELECT state FROM pg_stat_activity WHERE application_name = 'audiotext'")
    assert not [row for row in states if "in transaction" in (row["state"] or "")]
    answers = [await twin for twin in twins]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.content for answer in answers}) == 1
    assert len(calls) == 1


async def test_who_waited_in_vain_is_told_to_come_again(
    client: httpx.AsyncClient,
    arrive: Arrive,
    slowed: Callable[[float], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.2)
    slowed(2.0)
    wish = {"upload": str((await arrive()).id)}
    first = asyncio.create_task(client.post(JOBS, json=wish, headers=keyed("one")))
    await waits()
    twin = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_key_in_use")
    assert twin.headers["content-type"] == "application/problem+json"
    assert int(twin.headers["retry-after"]) > 0
    other = await client.post(UPLOADS, json=WISH, headers=keyed("one"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    made = await first
    again = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (replayed(again), again.content) == (True, made.content)


async def test_an_error_frees_the_key(client: httpx.AsyncClient, arrive: Arrive) -> None:
    missing = (await client.post(UPLOADS, json=WISH)).json()["id"]
    for _ in range(2):
        refused = await client.post(JOBS, json={"upload": missing}, headers=keyed("one"))
        assert (refused.status_code, refused.json()["code"]) == (409, "upload_missing")
        assert "retry-after" not in refused.headers
    malformed = await client.post(JOBS, json={"upload": 7}, headers=keyed("one"))
    assert malformed.status_code == 422
    assert not await IdempotencyKey.count()
    wish = {"upload": str((await arrive()).id)}
    made = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (made.status_code, replayed(made)) == (201, False)


async def test_twins_of_one_that_fails_try_for_themselves(
    client: httpx.AsyncClient, arrive: Arrive, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, failures = jobs.submit, iter([True])

    async def at_first_not(*args: Any) -> tuple[Job, bool]:
        await asyncio.sleep(0.2)
        if next(failures, False):
            raise LookupError("our fault")
        return await submit(*args)

    monkeypatch.setattr(jobs, "submit", at_first_not)
    wish = {"upload": str((await arrive()).id)}
    twins = await asyncio.gather(*(client.post(JOBS, json=wish, headers=keyed("one")) for _ in range(4)))
    assert sorted(twin.status_code for twin in twins) == [201, 201, 201, 500]
    assert len({twin.content for twin in twins if twin.status_code == 201}) == 1
    assert await Job.count() == 1


async def test_what_a_killed_process_began_is_taken_over(
    client: httpx.AsyncClient, token: str, arrive: Arrive, servers: Servers, tmp_path: Path
) -> None:
    wish = {"upload": str((await arrive()).id)}
    with running_web(tmp_path) as site:
        async with httpx.AsyncClient(base_url=site.url, headers=bearer(token)) as theirs:
            with standing_still(servers):
                first = asyncio.create_task(theirs.post(JOBS, json=wish, headers=keyed("one")))
                await waits()
                site.process.signal(signal.SIGKILL)
                with pytest.raises(httpx.HTTPError):
                    await first
    assert [row["status"] for row in await IdempotencyKey.select()] == [None]
    repeated = asyncio.create_task(client.post(JOBS, json=wish, headers=keyed("one")))
    await asyncio.sleep(0.5)
    assert not repeated.done()  # it may still be alive, for all that anybody knows
    await IdempotencyKey.raw("UPDATE idempotency_keys SET held_until = now()")
    made = await repeated
    assert (made.status_code, replayed(made)) == (201, False), made.text
    again = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (replayed(again), again.content) == (True, made.content)
    assert await Job.count() == 1
