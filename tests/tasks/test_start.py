"""A worker that could do nothing says so as it starts, not with somebody's first recording."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from local.servers import Servers
from tasks.transcribe import _explained
from tests.support.domain import Submit
from tests.support.processes import running_worker
from tests.support.waiting import finished
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.tables import Status

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"MODELS": "no-such-model"}, "model no-such-model is not on this server"),
        ({"MODELS": "base", "ENGINE_MEMORY_MB": "500"}, "cannot load its default model"),
    ],
    ids=["no-model", "no-memory"],
)
def test_worker_without_its_model_ends_and_says_why(
    servers: Servers, environ: dict[str, str], reason: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "saq", "tasks.settings"],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert reason in ended.stderr.splitlines()[-1]


async def test_worker_whom_the_storage_refuses_fails_its_jobs_with_words_that_lead_to_it(
    house: House, owner: UUID, submit: Submit, servers: Servers, tmp_path: Path
) -> None:
    wrong = {"MODELS": "tiny.en", "RETRY_DELAY_S": "0", "S3_SECRET_ACCESS_KEY": "an-old-one"}
    with running_worker(tmp_path, wrong) as worker:
        failed = await finished(owner, await submit(model="tiny.en"), 45)
        assert worker.said("SignatureDoesNotMatch")
    assert (failed.status, failed.error_code) == (Status.FAILED, "storage_refused")


def test_error_that_nobody_foresaw_is_a_reason_too() -> None:
    with pytest.raises(JobFailed) as failed, _explained():
        raise ZeroDivisionError
    assert (failed.value.code, failed.value.permanent) == ("worker_failed", False)


# Root may look into every process unless this right is taken from it.
ORDINARY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []


def test_engines_process_cannot_look_into_the_workers(servers: Servers, tmp_path: Path) -> None:
    with running_worker(tmp_path, {"MODELS": "tiny.en"}, ORDINARY) as worker:
        (engine,) = psutil.Process(worker.pid).children()
        assert engine.environ()
        look = [*ORDINARY, "cat", f"/proc/{engine.pid}/environ"]
        assert subprocess.run(look, capture_output=True, check=False).returncode == 0
        look[-1] = f"/proc/{worker.pid}/environ"
        looked = subprocess.run(look, capture_output=True, check=False)
        assert b"Permission denied" in looked.stderr
        assert looked.stdout == b""
