"""A worker that could do nothing says so as it starts, not with somebody's first recording."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.servers import Servers

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
