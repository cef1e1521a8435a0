"""What a child answers, handed to whoever asked."""

import asyncio
from contextlib import suppress

from tasks.protocol import HEADER_SIZE, Reply, read_header, read_reply

# Answers to one request that nobody has taken yet; then the child has to wait.
WAITING = 1000


class ChildCrashed(Exception):
    """A child ended or spoke nonsense in the middle of a request."""

    def __init__(self, kind: str, returncode: int | None) -> None:
        super().__init__(f"the {kind}'s process ended with {returncode}")
        self.kind = kind
        self.returncode = returncode


class Answers:
    """To one request."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Reply] = asyncio.Queue(WAITING)
        self._crash: ChildCrashed | None = None
        self._news = asyncio.Event()

    async def put(self, reply: Reply) -> None:
        await self._waiting.put(reply)
        self._news.set()

    def end(self, crash: ChildCrashed) -> None:
        self._crash = self._crash or crash
        self._news.set()

    def leave(self) -> None:
        """Nobody takes them any more, and whoever hands them out must not wait for that."""
        while not self._waiting.empty():
            self._waiting.get_nowait()

    async def next(self) -> Reply:
        """What came before a crash is still told."""
        while self._waiting.empty():
            if self._crash is not None:
                raise self._crash
            self._news.clear()
            await self._news.wait()
        return self._waiting.get_nowait()


async def receive(reader: asyncio.StreamReader) -> tuple[int, Reply]:
    size, ticket = read_header(await reader.readexactly(HEADER_SIZE))
    return ticket, read_reply(await reader.readexactly(size))


async def last_words(process: asyncio.subprocess.Process | None) -> int | None:
    if process is None:  # killed by us, from another task
        return None
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()
    return process.returncode
