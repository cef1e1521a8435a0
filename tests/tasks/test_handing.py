"""The first chunk of a recording is heard where it was cut, by a real worker with a real model."""

from pathlib import Path
from uuid import uuid4

import pytest

from local.servers import Servers
from tasks.hear import must_be_sure
from tests.support.domain import Submit
from tests.support.processes import running_worker
from tests.support.waiting import audit, finished, until
from webapp.core.clock import now
from webapp.core.house import House
from webapp.core.leases import ChunkClaim
from webapp.core.removals import chunk_key
from webapp.core.tables import Chunk, Job, Status

MODEL = "tiny.en"


async def test_first_chunk_of_a_long_recording_never_goes_to_the_storage(
    house: House, submit: Submit, servers: Servers, tmp_path: Path, long_speech: Path
) -> None:
    with running_worker(tmp_path, {"MODELS": MODEL}):
        job = await submit(long_speech, model=MODEL)
        await until(job.owner, job, lambda found: found.position > 0 and found.planned_at is not None)
        stored = await house.storage.head(chunk_key(job.owner, job.id, 1, 0))
        later = await house.storage.head(chunk_key(job.owner, job.id, 1, 1))
        completed = await finished(job.owner, job, 180)
    assert (stored, bool(later)) == (None, True)
    assert completed.status == Status.COMPLETED
    await audit(job)


@pytest.mark.parametrize(
    ("end", "planned", "sure"),
    [
        (11.0, True, False),
        (10.95, True, False),
        (25.0, True, True),  # it was put back, and others of the job can be asked
        (25.0, False, True),
    ],
)
def test_a_chunk_must_be_sure_of_the_language_where_there_are_others(
    end: float, planned: bool, sure: bool
) -> None:
    duration = 11.0 if end < 12 else 200.0
    job = Job(duration=duration, planned_at=now() if planned else None, _ignore_missing=True)
    chunk = Chunk(index=0, start=0.0, end=end, audio_key=None, _ignore_missing=True)
    assert must_be_sure(ChunkClaim(job, uuid4(), chunk)) is sure
