"""A real worker with a real model, from the bell to the end of the job."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from local.servers import Servers
from tests.support.domain import Arrive, Submit
from tests.support.processes import Process, kill_child, running_worker
from tests.support.speech import Speech
from tests.support.waiting import audit, finished, finished_chunks, until
from webapp.core import accounts, jobs, transcripts, turns, upkeep
from webapp.core.house import House
from webapp.core.options import WantedOptions
from webapp.core.queue import Doorbell
from webapp.core.tables import Chunk, Job, SegmentRow, Status

MODEL = "tiny.en"


@pytest.fixture(scope="module")
def worker(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    environ = {"MODELS": f"{MODEL},base", "RETRY_DELAY_S": "0", "LEASE_S": "5"}
    with running_worker(tmp_path_factory.mktemp("worker"), environ) as process:
        yield process


async def test_recording_becomes_text_with_times_words_and_language(
    house: House, owner: UUID, submit: Submit, worker: Process
) -> None:
    job = await finished(owner, await submit(model=MODEL))
    assert job.status == Status.COMPLETED, job.error_message
    transcript = await transcripts.read(job)
    assert "ask not what your country can do for you" in transcript.text.lower()
    assert transcript.duration == pytest.approx(11.0, abs=0.05)
    assert job.position == job.duration
    assert transcript.language == "en"
    assert job.processing_seconds > 0
    words = [word for segment in transcript.segments for word in segment.words or []]
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert not transcript.partial


async def test_text_arrives_while_nobody_watches(
    house: House, owner: UUID, submit: Submit, worker: Process, speech: Speech
) -> None:
    """The original wrote results only while a browser held a socket open."""
    job = await finished(owner, await submit(speech["lj_LJ001-0001.flac"], model=MODEL))
    assert job.status == Status.COMPLETED
    assert (await transcripts.read(job)).text


async def test_silence_completes_with_an_empty_transcript(
    owner: UUID, submit: Submit, worker: Process, speech: Speech
) -> None:
    job = await finished(owner, await submit(speech["silence30.flac"], model=MODEL))
    assert job.status == Status.COMPLETED
    assert (await transcripts.read(job)).segments == []


async def test_what_is_no_recording_fails_once_with_a_reason(
    owner: UUID, submit: Submit, worker: Process, tmp_path: Path
) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(os.urandom(5000))
    job = await finished(owner, await submit(rubbish, model=MODEL))
    assert job.status == Status.FAILED
    assert job.attempt == 1
    assert job.error_code
    assert job.error_message
    assert str(tmp_path) not in job.error_message


async def test_lost_audio_is_explained(house: House, owner: UUID, arrive: Arrive, worker: Process) -> None:
    unheard = replace(house, doorbell=Doorbell(house.redis, "elsewhere"))
    job, _ = await jobs.submit(unheard, owner, await arrive(), WantedOptions(model=MODEL))
    await house.storage.delete(job.object_key)
    await turns.ring(house, job.id)
    failed = await finished(owner, job)
    assert (failed.status, failed.error_code) == (Status.FAILED, "upload_missing")


async def test_cancel_stops_the_engine_and_keeps_the_text_so_far(
    house: House, owner: UUID, submit: Submit, worker: Process, long_speech: Path
) -> None:
    job = await submit(long_speech, model=MODEL)
    await until(owner, job, lambda found: found.position > 0)
    await jobs.cancel(house, owner, job.id)
    await asyncio.sleep(2)
    children = psutil.Process(worker.pid).children(recursive=True)
    assert all(child.cpu_percent(0.3) < 20 for child in children)
    assert (await jobs.find(owner, job.id)).status == Status.CANCELLED
    assert await SegmentRow.count().where(SegmentRow.job == job.id) > 0
    # And the worker is free for the next one.
    assert (await finished(owner, await submit(model=MODEL))).status == Status.COMPLETED


async def test_killed_engine_costs_one_attempt_and_no_finished_chunk(
    house: House, owner: UUID, submit: Submit, worker: Process, long_speech: Path
) -> None:
    job = await submit(long_speech, model=MODEL)
    done = await finished_chunks(job)
    kill_child(worker, "engine")
    completed = await finished(owner, job, 180)
    assert (completed.status, completed.attempt) == (Status.COMPLETED, 1)
    attempts = {row["id"]: row["attempt"] for row in await Chunk.select().where(Chunk.job == job.id)}
    assert all(attempts[row["id"]] == 1 for row in done)
    assert max(attempts.values()) == 2
    await audit(job)


async def test_jobs_survive_the_loss_of_everything_in_redis(
    house: House, owner: UUID, submit: Submit, servers: Servers, worker: Process
) -> None:
    servers.valkey.kill()
    job = await submit(model=MODEL)
    assert job.status == Status.PENDING
    servers.valkey.start()
    await Job.update({"next_attempt_at": job.next_attempt_at.replace(year=2020)}).where(Job.id == job.id)
    await upkeep.reconcile(house)
    assert (await finished(owner, job)).status == Status.COMPLETED


async def test_stranger_sees_none_of_it(owner: UUID, stranger: UUID, submit: Submit, worker: Process) -> None:
    await finished(owner, await submit(model=MODEL))
    assert (await jobs.page(stranger)).jobs == []
    assert (await accounts.tokens(stranger)) == []


async def test_recording_that_was_cut_off_yields_what_is_there_and_says_what_is_not(
    owner: UUID, submit: Submit, worker: Process, speech: Speech, tmp_path: Path
) -> None:
    whole = speech["jfk.flac"].read_bytes()
    (cut := tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    job = await finished(owner, await submit(cut, model=MODEL))
    assert job.status == Status.COMPLETED
    assert job.missing_seconds == pytest.approx(5.5, abs=1.5)
    assert "fellow americans" in (await transcripts.read(job)).text.lower()
