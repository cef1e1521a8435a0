"""Ready means that a recording dropped now would become text: every part is asked."""

import asyncio
import time

import pytest

from local.servers import Servers
from webapp.core import health
from webapp.core.errors import Unavailable
from webapp.core.house import House


async def test_all_is_well_with_a_worker_about(house: House) -> None:
    await health.beat(house)
    found = await health.check(house)
    assert found.ready
    assert found.worker_age is not None
    assert found.worker_age < 5


async def test_without_a_worker_nothing_is_ready(house: House) -> None:
    found = await health.check(house)
    assert (found.database, found.redis, found.storage) == (True, True, True)
    assert found.worker_age is None
    assert not found.ready


async def test_worker_that_fell_silent_does_not_count(house: House) -> None:
    await health.beat(house)
    await house.redis.expire(health._key(house), health._KEPT_S - 90)
    assert not (await health.check(house)).ready


async def test_worker_whose_clock_is_slow_counts_as_much(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own clock it was heard of minutes ago."""
    slow = time.time() - 300
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: slow)
        await health.beat(house)
    assert (await health.check(house)).ready


async def test_each_part_that_is_away_is_named(house: House, servers: Servers) -> None:
    await health.beat(house)
    await asyncio.to_thread(servers.valkey.kill)
    found = await health.check(house)
    assert (found.database, found.redis, found.storage) == (True, False, True)
    await asyncio.to_thread(servers.s3.kill)
    found = await health.check(house)
    assert (found.database, found.redis, found.storage) == (True, False, False)
    await asyncio.to_thread(servers.postgres.kill)
    assert not (await health.check(house)).database


async def test_storage_that_is_away_is_told_from_a_missing_object(house: House, servers: Servers) -> None:
    assert await house.storage.head("uploads/none") is None
    await asyncio.to_thread(servers.s3.kill)
    with pytest.raises(Unavailable) as away:
        await house.storage.head("uploads/none")
    assert away.value.code == "storage_unavailable"
