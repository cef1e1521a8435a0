"""The doorbell: says "look at job X" to whichever worker is free. What is true stands in the database."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from saq.job import Job as Bell
from saq.queue.redis import RedisQueue

from webapp.core.settings import Settings

log = structlog.get_logger(__name__)

TASK = "transcribe"
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

    async def disconnect(self) -> None:
        """Says goodbye, which fails if Redis is gone. That must not look like a failure of ours."""
        with suppress(RedisError, OSError):
            await super().disconnect()


class Ringable(Protocol):
    """A row of a job, or what stands for one."""

    @property
    def id(self) -> Any: ...
    @property
    def attempt(self) -> Any: ...
    @property
    def attempt_limit(self) -> Any: ...


class Doorbell:
    def __init__(self, redis: "Redis", name: str) -> None:
        self.queue = PatientQueue(redis, name=name)

    async def ring(self, job: Ringable, at: datetime | None = None) -> bool:
        """One bell per attempt: ringing twice is harmless, and a lost bell can be rung again. A retry raises
        the limit of attempts, so its bell is another than one that may still wait for its time.

        SAQ is told neither to retry nor to limit the time: attempts and leases are kept in the database.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.queue.enqueue(
                    TASK,
                    key=f"{job.id}:{job.attempt}:{job.attempt_limit}",
                    job=str(job.id),
                    timeout=0,
                    heartbeat=HEARTBEAT_S,
                    retries=1,
                    ttl=60,
                    scheduled=int(at.timestamp()) + 1 if at else 0,
                )
        except (RedisError, OSError, TimeoutError) as problem:
            log.warning("bell not rung", job=str(job.id), problem=repr(problem))
            return False
        return True
