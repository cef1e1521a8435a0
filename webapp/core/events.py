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


class Joined:
    """Somebody came to a stream that is shared, and has seen nothing yet."""


RESYNC: Final = Resync()
CLOSING: Final = Closing()
JOINED: Final = Joined()
Hint = UUID | Resync | Closing | Joined
_BACKLOG = 100
# Of a Redis that hangs nobody else should feel more than this: a worker has a hint for each segment.
_MUTE_S = 3.0


class Inbox:
    """Hints that one listener has not taken yet, each once. A queue of asyncio's would do, and weighs three
    kilobytes; there are thousands."""

    def __init__(self) -> None:
        self._hints: dict[Hint, None] = {}
        self._waiting: asyncio.Future[None] | None = None

    async def take(self) -> set[Hint]:
        """All there are, once there are any."""
        await self._any()
        return self.take_nowait()

    async def _any(self) -> None:
        if not self._hints:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def take_nowait(self) -> set[Hint]:
        hints = set(self._hints)
        self._hints.clear()
        return hints

    def put(self, hint: Hint) -> None:
        """A listener that is too slow gets one RESYNC in place of all that waits."""
        if len(self._hints) >= _BACKLOG and hint not in self._hints:
            self._hints.clear()
            if hint is not CLOSING:
                hint = RESYNC
        self._hints[hint] = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Events:
    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}:events:"
        self._listeners: defaultdict[UUID, set[Inbox]] = defaultdict(set)
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
    async def subscribe(self, owner: UUID) -> AsyncIterator[Inbox]:
        """Gets the id of a job of this owner that was made, changed or deleted; RESYNC; CLOSING

        Subscribe first, then read the database, then follow the inbox: so nothing falls in between.
        """
        inbox = Inbox()
        self._listeners[owner].add(inbox)
        if self._closing:
            inbox.put(CLOSING)
        try:
            yield inbox
        finally:
            self._listeners[owner].discard(inbox)
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
        for inbox in self._listeners.get(owner, ()):
            inbox.put(job)

    def _tell_all(self, hint: Hint) -> None:
        for inboxes in self._listeners.values():
            for inbox in inboxes:
                inbox.put(hint)
