"""Waiting for a job to get somewhere, and looking at what it left behind."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from webapp.core import jobs, transcripts
from webapp.core.tables import TERMINAL, Chunk, Job, Status


async def finished(owner: UUID, job: Job, seconds: float = 90) -> Job:
    return await until(owner, job, lambda found: found.status in TERMINAL, seconds)


async def until(owner: UUID, job: Job, done: Callable[[Job], bool], seconds: float = 90) -> Job:
    deadline = time.monotonic() + seconds
    while True:
        found = await jobs.find(owner, job.id)
        if done(found):
            return found
        assert time.monotonic() < deadline, (found.status, found.position, found.error_message)
        await asyncio.sleep(0.1)


async def finished_chunks(job: Job) -> list[dict[str, Any]]:
    async with asyncio.timeout(90):
        while True:
            found = await Chunk.select(Chunk.id).where(
                Chunk.job == job.id, Chunk.status == Status.COMPLETED.value
            )
            if found:
                return found
            await asyncio.sleep(0.1)


async def audit(job: Job) -> None:
    """One text, in order, without holes in its numbering, and nobody holds a lease."""
    chunks = await Chunk.select().where(Chunk.job == job.id).order_by(Chunk.index)
    assert [chunk["index"] for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk["status"] == Status.COMPLETED for chunk in chunks)
    assert all(chunk["lease_token"] is None for chunk in chunks)
    for before, after in pairwise(chunks):
        assert after["start"] == pytest.approx(before["end"])
    text = await transcripts.read(job)
    starts = [segment.start for segment in text.segments]
    assert starts == sorted(starts)
