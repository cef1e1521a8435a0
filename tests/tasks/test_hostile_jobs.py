"""Hostile files through the whole of it: uploaded under hostile names, taken up by a worker, answered."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from local.servers import Servers
from tests.support.domain import Arrive, Submit
from tests.support.hostile import DECODED, Case, all_cases
from tests.support.names import KNOWN
from tests.support.processes import Process, child_of, running_worker
from tests.support.traps import Traps, set_traps
from tests.support.waiting import audit, finished
from webapp.core import jobs, transcripts
from webapp.core.errors import LASTING
from webapp.core.house import House
from webapp.core.options import WantedOptions
from webapp.core.tables import Job, Status

MODEL = "tiny.en"
CHOSEN = (
    *("truncated: flac after 50%", "truncated: m4a after 95%", "spliced: mp3 and m4a", "noise: 20000 bytes"),
    *("wrong extension: PDF", "video only: mov", "playlist: HLS with http", "playlist: HLS with a file URL"),
    *(
        "concat script: a script with an absolute path",
        "SDP: SDP",
        "channels: WAV of 64",
        "channels: WAV of 9",
    ),
    *("reference in a recording: MOV in another file", "sample rate: WAV of 999 Hz"),
    *("long silence: FLAC that claims two seconds", "bomb: MOV whose head unpacks to 300 MB"),
)


@pytest.fixture(scope="module")
def worker(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    environ = {"MODELS": MODEL, "MAX_DURATION_H": "0.05", "CPU_THREADS": "1"}
    with running_worker(tmp_path_factory.mktemp("worker"), environ) as process:
        yield process


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Traps]:
    for folder in (vault := tmp_path / "vault", beside := tmp_path / "beside"):
        folder.mkdir()
    with set_traps(vault, beside) as traps:
        yield traps


@pytest.fixture
def chosen(traps: Traps, tmp_path: Path) -> list[Case]:
    cases = {str(case): case for case in all_cases(traps.elsewhere, tmp_path)}
    return [cases[name] for name in CHOSEN]


def wrong(case: Case, job: Job) -> str:
    """Empty if it ended as it should, at the first attempt."""
    end = DECODED if job.status == Status.COMPLETED else job.error_code
    clear = end == DECODED or (end in LASTING and (job.error_message or "").endswith("."))
    fine = end in case.ends and clear and job.attempt == 1
    return "" if fine else f"{case}: {job.status} {end} {job.error_message} after {job.attempt}"


async def test_each_ends_with_a_clear_word_and_the_worker_goes_on(
    house: House,
    owner: UUID,
    arrive: Arrive,
    submit: Submit,
    worker: Process,
    chosen: list[Case],
    traps: Traps,
    tmp_path: Path,
) -> None:
    decoder = child_of(worker, "decoder").pid
    sent: list[tuple[Case, Job]] = []
    traps.sprung()
    for case, name in zip(chosen, KNOWN.values(), strict=False):
        (file := tmp_path / "sent").write_bytes(case.content)
        upload = await arrive(file, name=f"{name} talk.flac")
        job, _ = await jobs.submit(house, owner, upload, WantedOptions(model=MODEL))
        sent.append((case, job))
    ended = [(case, await finished(owner, job)) for case, job in sent]
    assert not [problem for case, job in ended if (problem := wrong(case, job))]
    assert {job.status for _, job in ended} == {Status.COMPLETED, Status.FAILED}
    assert worker.running
    assert child_of(worker, "decoder").pid == decoder
    assert traps.sprung() == set()

    good = await finished(owner, await submit(model=MODEL))
    assert good.status == Status.COMPLETED
    assert "ask not what your country can do for you" in (await transcripts.read(good)).text.lower()
    await audit(good)
