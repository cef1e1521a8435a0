"""One worker stops or dies in the middle, and another goes on from the last finished chunk."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import psutil

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.processes import running_worker
from tests.support.waiting import audit, finished, until
from webapp.core import jobs
from webapp.core.house import House
from webapp.core.tables import Chunk, Status

MODEL = "tiny.en"


async def test_stopping_worker_gives_its_job_to_another(
    house: House, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    environ = {"MODELS": MODEL, "CPU_THREADS": "1"}
    with running_worker(tmp_path, environ) as first:
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        first.signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.wait) == 0
        given_back = await jobs.find(owner, job.id)
    assert given_back.status == Status.PENDING
    waiting = await Chunk.objects().where(Chunk.job == job.id, Chunk.status != Status.COMPLETED.value)
    assert all(chunk.attempt_limit == chunk.attempt + house.settings.job_attempts for chunk in waiting)
    with running_worker(tmp_path, environ):
        completed = await finished(owner, job, 180)
    assert completed.status == Status.COMPLETED
    await audit(job)


async def test_killed_worker_loses_nothing(
    house: House, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    environ = {"MODELS": MODEL, "LEASE_S": "5"}
    with running_worker(tmp_path, environ) as first:
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        engines = psutil.Process(first.pid).children(recursive=True)
        first.signal(signal.SIGKILL)
        await asyncio.to_thread(first.wait)
    _, alive = await asyncio.to_thread(psutil.wait_procs, engines, 5)
    assert not alive
    with running_worker(tmp_path, environ):
        completed = await finished(owner, job, 180)
    assert completed.status == Status.COMPLETED
    await audit(job)


async def test_worker_stops_though_redis_is_away(servers: Servers, tmp_path: Path) -> None:
    """Its duties were just connecting, and took being cancelled for a connection that timed out."""
    for pause in (0.0, 0.3, 1.0):
        with running_worker(tmp_path, {"MODELS": MODEL}) as worker:
            await asyncio.to_thread(servers.valkey.kill)
            await asyncio.sleep(pause)
            worker.signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 15) == 0
        await asyncio.to_thread(servers.valkey.start)
