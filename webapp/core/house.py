"""What the domain's verbs work with, opened once per process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from webapp.core.database import open_database
from webapp.core.events import Events
from webapp.core.queue import Doorbell, open_redis
from webapp.core.settings import Settings
from webapp.core.storage import Storage


@dataclass(frozen=True)
class House:
    settings: Settings
    storage: Storage
    doorbell: Doorbell
    events: Events
    redis: "Redis"


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    redis = open_redis(settings)
    events = Events(redis, settings.queue_name)
    house = House(settings, Storage(settings), Doorbell(redis, settings.queue_name), events, redis)
    try:
        async with open_database(), events.listening():
            yield house
    finally:
        await redis.aclose()
