"""A worker that could do nothing says so as it starts, not with somebody's first recording."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from local.servers import Servers
from tasks.answers import ChildCrashed
from tasks.duty import explained
from tests.support.domain import Submit
from tests.support.processes import child_of, running_worker
from tests.support.waiting import finished
from webapp.core.errors import JobFailed, LeaseLost, Unavailable
from webapp.core.house import House
from webapp.core.tables import Status

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"MODELS": "no-such-model"}, "model no-such-model is not on this server"),
        ({"MODELS": "base", "ENGINE_MEMORY_MB": "300"}, "cannot load its default model"),
        ({"MODELS": "tiny.en", "DECODER_MEMORY_MB": "50"}, "cannot start its decoder"),
    ],
    ids=["no-model", "no-memory", "no-memory-for-the-decoder"],
)
def test_worker_without_what_it_needs_ends_and_says_why(
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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ChildCrashed("decoder", -9), "decoder_crashed"),
        (ChildCrashed("engine", None), "engine_crashed"),
        (OSError(errno.ENOSPC, "No space left on device"), "worker_disk"),
        (Unavailable("The storage does not answer.", code="storage_down"), "storage_down"),
        (ZeroDivisionError(), "worker_failed"),
    ],
    ids=repr,
)
def test_whatever_goes_wrong_around_a_child_is_a_reason(error: Exception, code: str) -> None:
    with pytest.raises(JobFailed) as failed, explained():
        raise error
    assert (failed.value.code, failed.value.permanent) == (code, False)
    assert failed.value.message.endswith(".")


@pytest.mark.parametrize(
    "error",
    [JobFailed("too_long", "It is too long.", permanent=True), LeaseLost(), ConnectionRefusedError()],
    ids=repr,
)
def test_what_is_a_reason_already_or_passes_is_left_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as left, explained():
        raise error
    assert left.value is error


# Root may look into every process unless this right is taken from it.
ORDINARY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []


def test_neither_of_its_processes_can_look_into_the_worker(servers: Servers, tmp_path: Path) -> None:
    with running_worker(tmp_path, {"MODELS": "tiny.en"}, ORDINARY) as worker:
        children = [child_of(worker, kind) for kind in ("decoder", "engine")]
        assert len(psutil.Process(worker.pid).children(recursive=True)) == len(children)
        for child in children:
            assert child.environ()
            assert child.uids() == psutil.Process(worker.pid).uids()
            assert looked(child.pid).returncode == 0
        into_the_worker = looked(worker.pid)
        assert b"Permission denied" in into_the_worker.stderr
        assert into_the_worker.stdout == b""


def looked(pid: int) -> "subprocess.CompletedProcess[bytes]":
    """As any process of the same user may, and so both of the worker's."""
    return subprocess.run([*ORDINARY, "cat", f"/proc/{pid}/environ"], capture_output=True, check=False)
