"""Servers that neither answer nor refuse: a worker waits for them, but stops when it is asked to."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from local.process import Server
from local.servers import Servers
from tests.support.domain import Submit
from tests.support.processes import Process, running_worker
from tests.support.waiting import finished, until
from webapp.core import jobs
from webapp.core.tables import Chunk, Status

MODEL = "tiny.en"
GRACE_S = 6
ENVIRON = {"MODELS": MODEL, "CPU_THREADS": "1", "SHUTDOWN_GRACE": str(GRACE_S)}


async def stopped(worker: Process) -> None:
    worker.signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, GRACE_S + 2) == 0


@contextmanager
def hanging(server: Server) -> Iterator[None]:
    assert server.pid
    first = psutil.Process(server.pid)
    all_of_it = [first, *first.children(recursive=True)]
    for process in all_of_it:
        process.suspend()
    try:
        yield
    finally:
        for process in all_of_it:
            process.resume()


@pytest.mark.parametrize("part", ["postgres", "valkey"])
async def test_idle_worker_stops_though_a_server_hangs(part: str, servers: Servers, tmp_path: Path) -> None:
    with running_worker(tmp_path, ENVIRON) as worker, hanging(getattr(servers, part)):
        await asyncio.sleep(1)
        await stopped(worker)


@pytest.mark.parametrize("part", ["postgres", "valkey"])
async def test_busy_worker_stops_though_a_server_hangs(
    part: str, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, ENVIRON) as worker:
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        with hanging(getattr(servers, part)):
            await asyncio.sleep(1)
            await stopped(worker)


async def test_worker_stops_amid_a_download_that_hangs_and_gives_the_job_back(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path
) -> None:
    job = await submit(model=MODEL)
    with hanging(servers.s3), running_worker(tmp_path, ENVIRON) as worker:
        await until(owner, job, lambda found: found.status == Status.PROCESSING)
        await asyncio.sleep(0.5)
        await stopped(worker)
        assert (await jobs.find(owner, job.id)).status == Status.PENDING


async def test_lease_is_kept_though_redis_hangs(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, ENVIRON | {"LEASE_S": "5"}):
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        with hanging(servers.valkey):
            await asyncio.sleep(8)
        completed = await finished(owner, job)
    attempts = [row["attempt"] for row in await Chunk.select().where(Chunk.job == job.id)]
    assert (completed.status, set(attempts)) == (Status.COMPLETED, {1})
