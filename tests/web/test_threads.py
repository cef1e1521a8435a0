"""Calls that hang in threads hold up nobody else."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.support.domain import Submit
from tests.support.work import transcribed
from webapp.core.house import House


@asynccontextmanager
async def all_threads_busy() -> AsyncIterator[None]:
    release, loop = threading.Event(), asyncio.get_running_loop()
    most = min(32, (os.cpu_count() or 1) + 4)
    waiting = [loop.run_in_executor(None, release.wait, 30) for _ in range(most)]
    try:
        yield
    finally:
        release.set()
        await asyncio.gather(*waiting)


async def test_the_process_answers_and_exports_while_shared_threads_hang(
    client: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    async with all_threads_busy(), asyncio.timeout(10):
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get(f"/api/v1/jobs/{job.id}/transcript?format=txt")).status_code == 200
