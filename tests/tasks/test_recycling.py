"""A worker that has done much, or grown large, starts afresh between two pieces of work, and loses none."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.processes import Process, running_worker
from tests.support.waiting import audit, finished
from webapp.core.tables import Status

MODEL = "tiny.en"
# A piece is a step of a job: two are planned and heard, or one long job is planned and its first chunk heard.
AFTER_TWO = {"MODELS": MODEL, "WORKER_MAX_JOBS": "2"}


def starts(worker: Process) -> int:
    return worker.log.read_text(errors="replace").count("worker ready")


async def started_again(worker: Process, times: int) -> None:
    async with asyncio.timeout(60):
        while starts(worker) < times:  # noqa: ASYNC110 - it tells its log alone
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "limit", [{"WORKER_MAX_JOBS": "2"}, {"WORKER_MEMORY_MB": "1"}], ids=["jobs", "memory"]
)
async def test_worker_starts_afresh_in_the_same_process_and_loses_nothing(
    limit: dict[str, str], owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, {"MODELS": MODEL, **limit}) as worker:
        waiting = [await submit(long_speech, model=MODEL), await submit(model=MODEL)]
        for job in waiting:
            completed = await finished(owner, job, 180)
            assert (completed.status, completed.attempt) == (Status.COMPLETED, 1)
            await audit(job)
        await started_again(worker, 2)
        assert worker.running


async def test_worker_that_is_asked_to_stop_while_it_starts_afresh_stops(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path
) -> None:
    with running_worker(tmp_path, AFTER_TWO) as worker:
        await finished(owner, await submit(model=MODEL))
        await finished(owner, await submit(model=MODEL))
        worker.until(lambda: worker.said("start afresh"))
        worker.signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 30) in (0, -signal.SIGTERM)
