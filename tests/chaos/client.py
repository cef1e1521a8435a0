"""A careful program: it repeats what was not answered, at the other web process, under the same key."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx

from tests.chaos.cluster import MODEL

# Longer than a web process lets the second of two equal requests wait for the first.
ANSWER_S = 30.0
GIVE_UP_S = 180.0
PAUSE_S = 0.5
Answer = dict[str, Any]


class GaveUp(Exception):
    pass


class Client:
    def __init__(self, http: httpx.AsyncClient, urls: list[str]) -> None:
        self._http = http
        self._urls = urls

    async def submit(self, key: str, filename: str, content: bytes, *, first: int, twin: bool) -> str:
        """The id of the job. The upload is sent anew if the storage lost it before it became a job."""
        wish = {"filename": filename, "size": len(content)}
        upload = (await self.call("POST", "/uploads", json=wish, key=f"{key}-upload", first=first)).json()
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            await self._send(upload, content)
            made = await self._make(key, upload["id"], first, twin=twin)
            if made.is_success:
                return str(made.json()["id"])
            if made.status_code != 409:
                break
        raise GaveUp(f"{made.status_code} {made.text}")

    async def _make(self, key: str, upload: str, first: int, *, twin: bool) -> httpx.Response:
        wish = {"upload": upload, "model": MODEL}
        sent = [
            self.call("POST", "/jobs", json=wish, key=f"{key}-job", first=first + n) for n in range(1 + twin)
        ]
        answers = await asyncio.gather(*sent)
        made = [each for each in answers if each.is_success]
        if len({each.json()["id"] for each in made}) > 1:
            raise GaveUp(f"twins made two jobs: {[each.text for each in made]}")
        return made[0] if made else answers[0]

    async def call(
        self, method: str, path: str, *, first: int = 0, key: str | None = None, json: Answer | None = None
    ) -> httpx.Response:
        """The first answer that is not merely an excuse."""
        headers = {"Idempotency-Key": key} if key else {}
        deadline, problem = time.monotonic() + GIVE_UP_S, ""
        for attempt in count(first):
            url = f"{self._urls[attempt % len(self._urls)]}/api/v1{path}"
            try:
                answer = await self._http.request(method, url, json=json, headers=headers)
                if answer.status_code < 500 and "idempotency_key_in_use" not in answer.text:
                    return answer
                problem = answer.text
            except httpx.HTTPError as error:
                problem = repr(error)
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(PAUSE_S)
        raise GaveUp(f"{method} {path}: {problem}")

    async def _send(self, upload: Answer, content: bytes) -> None:
        """Straight to the storage, which knows no tokens of ours."""
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            try:
                async with httpx.AsyncClient(timeout=10) as plain:
                    sent = await plain.post(upload["url"], data=upload["fields"], files={"file": content})
                if sent.is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(PAUSE_S)
        raise GaveUp("the storage takes nothing")


@asynccontextmanager
async def open_client(urls: list[str], token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    # No connection is kept: most of them would lead to a process that is gone.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(headers=headers, timeout=ANSWER_S, limits=limits) as http:
        yield Client(http, urls)
