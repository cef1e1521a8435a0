"""The doorbell: wakes whichever worker is free. What there is to do stands in the database."""

import asyncio
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from saq.job import Job as Bell
from saq.job import Status
from saq.queue.redis import RedisQueue

from webapp.core.settings import Settings

log = structlog.get_logger(__name__)

TASK = "look"
HEARTBEAT_S = 60
# A hint that cannot be given soon is not worth waiting for: what is true stands in the database.
PATIENCE_S = 2


def open_redis(settings: Settings) -> "Redis":
    """Without keep-alive and time-outs a connection that a router dropped would hang its reader for ever."""
    options: dict[str, Any] = {
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "health_check_interval": 15,
        "retry": Retry(NoBackoff(), 1),
    }
    if settings.redis_url.startswith("rediss://") and not settings.redis_tls_verify:
        options["ssl_cert_reqs"] = "none"
    return Redis.from_url(settings.redis_url, **options)


class PatientQueue(RedisQueue):
    """SAQ asks again at once when Redis is away, which costs a whole core. This one waits between tries."""

    _delay = 0.5

    async def dequeue(
        self,
        timeout: float = 0.0,  # noqa: ASYNC109 - SAQ's own name
        poll_interval: float = 0.0,
    ) -> Bell | None:
        try:
            bell = await super().dequeue(timeout, poll_interval)
        except (RedisError, OSError) as problem:
            log.warning("queue out of reach", problem=repr(problem), retry_in=self._delay)
            await asyncio.sleep(self._delay)
            self._delay = min(self._delay * 2, 10)
            return None
        self._delay = 0.5
        return bell

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:
        """Forgets bells whose worker seems to be dead, so that they can be rung again. SAQ's own way also
        cancels what the worker does: it goes by the clock of whoever sweeps, and takes for dead what was just
        begun (tobymao/saq#277). What really goes on is for leases to say."""
        if not await self.redis.set(self._sweep, 1, nx=True, ex=lock):
            return []
        forgotten: list[str] = []
        active: list[bytes] = await self.redis.lrange(self._active, 0, -1)  # type: ignore[misc]  # see health
        for name in active:
            bell = self.deserialize(await self.redis.get(name))
            if bell is None or bell.status != Status.ACTIVE or bell.stuck:
                async with self.redis.pipeline(transaction=True) as pipe:
                    pipe.lrem(self._active, 0, name.decode())
                    pipe.zrem(self._incomplete, name)
                    await pipe.execute()
                forgotten.append(name.decode())
        return forgotten

    async def disconnect(self) -> None:
        """Says goodbye, which fails if Redis is gone. That must not look like a failure of ours."""
        with suppress(RedisError, OSError):
            await super().disconnect()


# Takes away the bells of a job that nobody has heard yet. Who was woken by one may be at another job's work.
_SILENCE = """
local heard, silenced = {}, 0
for _, id in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do heard[id] = true end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(id, 1, #ARGV[1]) == ARGV[1] and not heard[id] then
        redis.call('LREM', KEYS[2], 0, id)
        redis.call('ZREM', KEYS[1], id)
        redis.call('DEL', id)
        silenced = silenced + 1
    end
end
return silenced
"""


class Doorbell:
    def __init__(self, redis: "Redis", name: str) -> None:
        self.queue = PatientQueue(redis, name=name)
        self._silence = redis.register_script(_SILENCE)

    async def ring(self, job: UUID, key: str, delay: float = 0.0) -> bool:
        """Wakes one worker, which then takes up whatever is next: the job is named for the log, and its id
        is what the key begins with.

        Ringing twice is harmless, and a lost bell can be rung again. SAQ is told neither to retry nor to
        limit the time: attempts and leases are kept in the database.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.queue.enqueue(
                    TASK,
                    key=key,
                    job=str(job),
                    timeout=0,
                    heartbeat=HEARTBEAT_S,
                    retries=1,
                    ttl=60,
                    scheduled=int(time.time() + delay) + 1 if delay else 0,
                )
        except (RedisError, OSError, TimeoutError) as problem:
            log.warning("bell not rung", job=str(job), problem=repr(problem))
            return False
        return True

    async def silence(self, job: UUID) -> int:
        """How many bells of this job were taken out of the queue. One that stays does no harm."""
        lists = [self.queue.namespace(name) for name in ("incomplete", "queued", "active")]
        try:
            async with asyncio.timeout(PATIENCE_S):
                return int(await self._silence(keys=lists, args=[self.queue.job_id(f"{job}:")]))
        except (RedisError, OSError, TimeoutError) as problem:
            log.warning("bells not silenced", job=str(job), problem=repr(problem))
            return 0
