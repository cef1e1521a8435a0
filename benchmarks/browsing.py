"""A browser for benchmarks: it sends a recording, makes a job of it, and watches that job's page."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx

from benchmarks.serving import Serving
from webapp.core import accounts
from webapp.visitors import COOKIE

WORDS, COMPLETED = 'class="words"', 'data-status="completed"'
ENDED = ('data-status="failed"', 'data-status="cancelled"')
PATIENCE_S = 1800


class Browser:
    def __init__(self, owner: UUID, client: httpx.AsyncClient) -> None:
        self.owner = owner
        self._client = client

    async def send(self, path: Path) -> str:
        """What the page's script does before there is a job. The answer is the id of the upload."""
        content = await asyncio.to_thread(path.read_bytes)
        wish = {"filename": path.name, "content_type": "audio/flac", "size": len(content)}
        answer = (await self._client.post("/uploads", json=wish)).raise_for_status().json()
        form = answer["presigned"]
        async with httpx.AsyncClient(timeout=120) as storage:
            sent = await storage.post(form["url"], data=form["fields"], files={"file": content})
            sent.raise_for_status()
        return str(answer["upload"])

    async def submit(self, upload: str, **options: str) -> str:
        """With what is ticked on the page as it comes. The answer is the id of the job."""
        form = {"upload": upload, "vad_filter": "on", "word_timestamps": "on"} | options
        row = (await self._client.post("/jobs", data=form)).raise_for_status().text
        return row.split('href="/jobs/', 1)[1].split('"', 1)[0].split("/", 1)[0]

    async def sees(self, job: str, *signs: str) -> list[float]:
        """When the page showed each of them, by the monotonic clock: as it came, or by its stream."""
        seen: dict[str, float] = {}
        async for html in self._shown(job):
            assert not any(end in html for end in ENDED), html
            seen |= {sign: time.monotonic() for sign in signs if sign in html and sign not in seen}
            if len(seen) == len(signs):
                break
        return [seen[sign] for sign in signs]

    async def _shown(self, job: str) -> AsyncIterator[str]:
        async with asyncio.timeout(PATIENCE_S):
            yield (await self._client.get(f"/jobs/{job}")).raise_for_status().text
            async with self._client.stream("GET", f"/jobs/{job}/events") as stream:
                async for line in stream.aiter_lines():
                    yield line


@asynccontextmanager
async def browser(server: Serving) -> AsyncIterator[Browser]:
    """Wants the database open."""
    owner, secret = await accounts.open_space(1)
    async with httpx.AsyncClient(
        base_url=server.url,
        cookies={COOKIE: secret},
        headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        timeout=120,
    ) as client:
        yield Browser(owner, client)
