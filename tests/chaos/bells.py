"""The queue as a saboteur and as an auditor sees it, through SAQ's own interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

from redis.asyncio import Redis
from redis.exceptions import RedisError
from saq.job import Job as Bell
from saq.job import Status
from saq.queue.redis import RedisQueue

from tests.chaos.cluster import Cluster
from webapp.core.queue import TASK

_LOOK_EVERY_S = 0.3


@asynccontextmanager
async def the_queue(cluster: Cluster) -> AsyncIterator[RedisQueue]:
    redis = Redis.from_url(cluster.servers.valkey.url, socket_timeout=10)
    queue = RedisQueue(redis, name=cluster.settings.queue_name)
    try:
        yield queue
    finally:
        with suppress(RedisError, OSError):
            await queue.disconnect()


async def echo(cluster: Cluster, seconds: float) -> None:
    """Puts a second copy of each bell into the queue: of those that wait under another key, of those that
    were answered already under the same one."""
    repeated: set[str] = set()
    loop = asyncio.get_running_loop()
    end, number = loop.time() + seconds, count()
    async with the_queue(cluster) as queue:
        while loop.time() < end:
            async for bell in queue.iter_jobs():
                if bell.key not in repeated:
                    repeated |= {bell.key, again := f"{bell.key}:again{next(number)}"}
                    await _ring(queue, bell, bell.key if bell.status == Status.COMPLETE else again)
            await asyncio.sleep(_LOOK_EVERY_S)


async def waiting(cluster: Cluster) -> list[Bell]:
    """Those that a worker would still answer."""
    unanswered = [Status.NEW, Status.QUEUED]
    async with the_queue(cluster) as queue:
        return [bell async for bell in queue.iter_jobs(unanswered)]


async def census(cluster: Cluster) -> list[str]:
    """Every bell that counts as unanswered, and how it is: for somebody who looks for what is stuck."""
    async with the_queue(cluster) as queue:
        ids = await queue.redis.zrange(queue.namespace("incomplete"), 0, -1)
        keys = [queue.job_key_from_id(found.decode()) for found in ids]
        bells = await queue.jobs(keys) if keys else []
        counted = [f"{kind}: {await queue.count(kind)}" for kind in ("queued", "active", "incomplete")]
    known = zip(keys, bells, strict=True)
    return [*counted, *(f"{key}: {bell.to_dict() if bell else 'lost'}" for key, bell in known)]


async def _ring(queue: RedisQueue, bell: Bell, key: str) -> None:
    await queue.enqueue(TASK, key=key, timeout=0, heartbeat=60, retries=1, ttl=60, **(bell.kwargs or {}))
