"""What happens around the work: servers that go away for a while, signals, and work that kills its worker."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import pytest

from local.servers import Servers
from tests.chaos.services import skewed
from tests.support.domain import Arrive, Submit
from tests.support.processes import child_of, kill_child, running_worker
from tests.support.speech import Speech
from tests.support.waiting import audit, finished, until
from webapp.core import jobs, transcripts
from webapp.core.house import House
from webapp.core.options import WantedOptions
from webapp.core.tables import Chunk, Status

MODEL = "tiny.en"
ENVIRON = {"MODELS": MODEL, "LEASE_S": "5", "RETRY_DELAY_S": "1", "RETRY_MAX_DELAY_S": "2"}


@pytest.mark.parametrize("part", ["s3", "postgres", "valkey"])
async def test_work_outlasts_a_server_that_is_away_for_a_while(
    part: str, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    """Longer than all attempts would take if an outage cost any."""
    with running_worker(tmp_path, ENVIRON | {"JOB_ATTEMPTS": "2"}):
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        server = getattr(servers, part)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(12)
        await asyncio.to_thread(server.start)
        completed = await finished(owner, job, 180)
    assert completed.status == Status.COMPLETED, completed.error_message
    await audit(job)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_worker_gives_back_all_it_holds_at_once(
    number: signal.Signals, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, ENVIRON | {"LEASE_S": "60", "WORKER_CONCURRENCY": "2"}) as worker:
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        worker.signal(number)
        assert await asyncio.to_thread(worker.wait, 25) == 0
    held = await Chunk.count().where(Chunk.job == job.id, Chunk.lease_token.is_not_null())
    assert held == 0
    assert (await jobs.find(owner, job.id)).lease_token is None


async def test_stopped_worker_that_wakes_up_after_its_lease_writes_nothing_more(
    house: House, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, ENVIRON | {"CPU_THREADS": "1"}) as sleepy:
        job = await submit(long_speech, model=MODEL)
        await until(owner, job, lambda found: found.position > 0)
        sleepy.signal(signal.SIGSTOP)
        try:
            with running_worker(tmp_path, ENVIRON):
                completed = await finished(owner, job, 120)
                text = (await transcripts.read(completed)).text
        finally:
            sleepy.signal(signal.SIGCONT)
        await asyncio.to_thread(sleepy.until, lambda: sleepy.said("no longer ours"))
        assert sleepy.running
    assert completed.status == Status.COMPLETED
    assert (await transcripts.read(await jobs.find(owner, job.id))).text == text
    await audit(job)


async def test_chunk_that_kills_every_engine_fails_its_job_with_a_reason(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, ENVIRON | {"JOB_ATTEMPTS": "2"}) as worker:
        job = await submit(long_speech, model=MODEL)
        engine = child_of(worker, "engine").pid
        async with asyncio.timeout(90):
            while (await jobs.find(owner, job.id)).status != Status.FAILED:
                if await Chunk.exists().where(Chunk.job == job.id, Chunk.status == "processing"):
                    kill_child(worker, "engine")
                await asyncio.sleep(0.2)
        failed = await jobs.find(owner, job.id)
        assert worker.running
        assert child_of(worker, "decoder").pid != engine
    assert failed.error_code == "engine_crashed"
    assert "smaller model" in failed.error_message


async def test_chunk_whose_sound_is_gone_is_cut_out_of_the_recording_again(
    house: House, owner: UUID, arrive: Arrive, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    job, _ = await jobs.submit(house, owner, await arrive(long_speech), WantedOptions(model=MODEL))
    with running_worker(tmp_path, ENVIRON):
        whole = await transcripts.read(await finished(owner, job, 120))
    again, _ = await jobs.submit(house, owner, await arrive(long_speech), WantedOptions(model=MODEL))
    with running_worker(tmp_path, ENVIRON | {"CPU_THREADS": "1"}) as worker:
        await until(owner, again, lambda found: found.planned_at is not None)
        worker.signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, 25)
    await Chunk.update({Chunk.audio_key: None}).where(Chunk.job == again.id)
    with running_worker(tmp_path, ENVIRON):
        completed = await finished(owner, again, 120)
    assert [segment.text for segment in (await transcripts.read(completed)).segments] == [
        segment.text for segment in whole.segments
    ]


async def test_worker_whose_clock_is_minutes_off_works_like_any_other(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    """What it puts into the queue is due by the database's clock."""
    with running_worker(tmp_path, ENVIRON | skewed(600)):
        completed = await finished(owner, await submit(long_speech, model=MODEL), 90)
    assert completed.status == Status.COMPLETED


async def test_worker_that_stops_while_it_hears_a_short_recording_gives_it_to_the_next(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path, speech: Speech
) -> None:
    """As each deploy does: the only chunk of a short recording never waits in the queue."""
    with running_worker(tmp_path, ENVIRON | {"LEASE_S": "60"}) as worker:
        job = await submit(speech["ls_1998-15444-0004.flac"], model=MODEL)
        while not await Chunk.exists().where(Chunk.job == job.id):  # noqa: ASYNC110 - the moment is short
            await asyncio.sleep(0.005)
        worker.signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 25) == 0
    with running_worker(tmp_path, ENVIRON):
        completed = await finished(owner, job, 20)
    assert completed.status == Status.COMPLETED


async def test_worker_without_room_leaves_the_work_to_others(
    owner: UUID, submit: Submit, servers: Servers, tmp_path: Path
) -> None:
    (nowhere := tmp_path / "nowhere").mkdir()
    with running_worker(tmp_path, ENVIRON | {"TMPDIR": str(nowhere)}) as worker:
        nowhere.rmdir()
        job = await submit(model=MODEL)
        await asyncio.to_thread(worker.until, lambda: worker.said("No such file or directory"))
        assert (await jobs.find(owner, job.id)).attempt == 0
        with running_worker(tmp_path, ENVIRON):
            completed = await finished(owner, job, 40)
    assert (completed.status, completed.attempt) == (Status.COMPLETED, 1)
