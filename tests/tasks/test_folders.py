"""Recordings that a worker fetched do not stay behind, however it ended."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tasks.folders import clear_left_behind, private_folder

ROOT = Path(__file__).parents[2]
WORKER = """
import time
from tasks.folders import private_folder

with private_folder() as folder:
    (folder / "recording").write_bytes(b"somebody's voice")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of other tests have their folders elsewhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_folder_of_a_killed_worker_goes_and_that_of_a_living_one_stays() -> None:
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        folder = Path(worker.stdout.readline().strip())
        clear_left_behind()
        assert (folder / "recording").exists()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert (folder / "recording").exists()
    clear_left_behind()
    assert not folder.exists()


def test_folder_of_an_earlier_worker_with_our_process_id_goes() -> None:
    """In a container every worker has the same one."""
    with private_folder() as ours:
        (left := ours.with_name(f"audiotext-work-{os.getpid()}-left")).mkdir()
        clear_left_behind()
        assert ours.exists()
        assert not left.exists()
    assert not ours.exists()


def test_what_a_link_points_to_is_not_cleared(tmp_path: Path) -> None:
    (kept := tmp_path / "kept").mkdir()
    with private_folder() as ours:
        ours.with_name(f"{ours.name}link").symlink_to(kept)
        clear_left_behind()
    assert kept.exists()
