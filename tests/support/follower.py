"""Following a page's stream as a browser does, message by message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.web import Site
from webapp.visitors import COOKIE

PATIENCE_S = 10


class Follower:
    """Reads one stream, message by message."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def message(self) -> str:
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line and lines:
                    return "\n".join(lines)
                if line.startswith("data:"):
                    lines.append(line[6:])
        raise AssertionError("the stream has ended")

    async def until(self, words: str) -> str:
        while words not in (found := await self.message()):
            pass
        return found

    async def silent(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await self.message()


@asynccontextmanager
async def following(site: Site, secret: str, path: str = "/events") -> AsyncIterator[Follower]:
    async with (
        httpx.AsyncClient(base_url=site.url, cookies={COOKIE: secret}, timeout=None) as client,  # noqa: S113
        client.stream("GET", path) as answer,
    ):
        assert answer.status_code == 200
        yield Follower(answer)
