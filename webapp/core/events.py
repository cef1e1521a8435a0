"""Hints over Redis that a job changed: ids only, never state. Who hears one reads the database.

Redis delivers a hint at most once, so whoever listens must also cope without: a listener is told to look at
everything again (`Resync`) after the connection was lost or when it was too slow.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.core.background import beside
from webapp.core.queue import PATIENCE_S

log = structlog.get_logger(__name__)


class Resync:
    """Hints were missed: read everything that is shown again."""


class Closing:
    """The process stops: end the stream, the client will find another."""


RESYNC: Final = Resync()
CLOSING: Final = Closing()
Hint = UUID | Resync | Closing
_BACKLOG = 100
# Of a Redis that hangs nobody else should feel more than this: a worker has a hint for each segment.
_MUTE_S = 3.0


class Events:
    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:events:"
        self._listeners: defaultdict[UUID, set[asyncio.Queue[Hint]]] = defaultdict(set)
        self._closing = False
        self._mute_until = 0.0

    async def publish(self, owner: UUID, job: UUID) -> None:
        """Never fails: the change is in the database already, and listeners look there from time to time."""
        if time.monotonic() < self._mute_until:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._redis.publish(f"{self._prefix}{owner}", str(job))
        except (RedisError, OSError, TimeoutError) as problem:
            if isinstance(problem, TimeoutError):
                self._mute_until = time.monotonic() + _MUTE_S
            log.warning("event not published", job=str(job), problem=repr(problem))

    @asynccontextmanager
    async def subscribe(self, owner: UUID) -> AsyncIterator["asyncio.Queue[Hint]"]:
        """A queue of: the id of a job of this owner that was made, changed or deleted; RESYNC; CLOSING

        Subscribe first, then read the database, then follow the queue: so nothing falls in between.
        """
        queue: asyncio.Queue[Hint] = asyncio.Queue(_BACKLOG)
        self._listeners[owner].add(queue)
        if self._closing:
            queue.put_nowait(CLOSING)
        try:
            yield queue
        finally:
            self._listeners[owner].discard(queue)
            if not self._listeners[owner]:
                del self._listeners[owner]

    @property
    def listeners(self) -> int:
        return sum(map(len, self._listeners.values()))

    def close(self) -> None:
        """Ends every stream. Called on the stop signal, for which uvicorn waits first of all."""
        self._closing = True
        self._tell_all(CLOSING)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keeps the one subscription of this process, however often Redis goes away."""
        async with beside(self._listen()):
            yield

    async def _listen(self) -> None:
        delay = 0.1
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.psubscribe(f"{self._prefix}*")
                    self._tell_all(RESYNC)
                    delay = 0.1
                    await self._relay(channel)
            except (RedisError, OSError) as problem:
                log.warning("event channel lost", problem=repr(problem), retry_in=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5)

    async def _relay(self, channel: "object") -> None:
        while True:
            # A time-out, so that a connection that died without a word is noticed by its health check.
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)  # type: ignore[attr-defined]
            if message is not None:
                self._deliver(message["channel"], message["data"])

    def _deliver(self, channel: bytes, data: bytes) -> None:
        try:
            owner, job = UUID(channel.decode().removeprefix(self._prefix)), UUID(data.decode())
        except ValueError:
            return
        for queue in self._listeners.get(owner, ()):
            _offer(queue, job)

    def _tell_all(self, hint: Hint) -> None:
        for queues in self._listeners.values():
            for queue in queues:
                _offer(queue, hint)


def _offer(queue: "asyncio.Queue[Hint]", hint: Hint) -> None:
    """A listener that is too slow gets one RESYNC in place of all that waits."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        if hint is not CLOSING:
            hint = RESYNC
    queue.put_nowait(hint)
