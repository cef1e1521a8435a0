"""Whether the parts we lean on answer, and when a worker was last heard of."""

import asyncio
from collections.abc import Awaitable

import msgspec
from redis.exceptions import RedisError

from webapp.core.house import House
from webapp.core.tables import User

_PATIENCE_S = 5
# A worker says so every 10 s; after a minute of silence nobody would take up a job.
BEAT_EVERY_S = 10
SILENT_AFTER_S = 60
_KEPT_S = 86400


class Health(msgspec.Struct, frozen=True):
    """`worker_age` is in seconds, None if no worker was heard of within a day."""

    database: bool
    redis: bool
    storage: bool
    worker_age: float | None

    @property
    def ready(self) -> bool:
        heard = self.worker_age is not None and self.worker_age < SILENT_AFTER_S
        return self.database and self.redis and self.storage and heard


async def beat(house: House) -> None:
    await house.redis.set(_key(house), "beat", ex=_KEPT_S)


async def check(house: House) -> Health:
    database, redis, storage, age = await asyncio.gather(
        _passes(_database()), _passes(_ping(house)), _passes(house.storage.check()), _age(house)
    )
    return Health(database, redis, storage, age)


async def _passes(probe: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await probe
    except Exception:  # whatever is wrong with the part, it does not answer
        return False
    return True


async def _database() -> None:
    await User.raw("SELECT 1")


async def _ping(house: House) -> None:
    await house.redis.ping()  # type: ignore[misc]  # redis-py types it for both its clients at once


async def _age(house: House) -> float | None:
    """By the clock of Redis, which lets the key expire: those of worker and web may be minutes apart."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            left = await house.redis.pttl(_key(house))
    except (RedisError, OSError, TimeoutError):
        return None
    return None if left < 0 else max(0.0, _KEPT_S - left / 1000)


def _key(house: House) -> str:
    return f"{house.settings.queue_name}:worker-beat"
