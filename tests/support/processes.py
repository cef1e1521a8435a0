"""Web and worker as real processes, started as the Procfile starts them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from redis import Redis

from local.process import die_with_parent

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


class Process:
    """Its output goes to a file, so that a failed test can show it and a full pipe can stop nothing."""

    def __init__(self, command: list[str], log: Path, **environ: str) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self._process.wait(seconds)

    def stop(self) -> None:
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.wait()
            raise

    def until(self, ready: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                state = "too slow" if self.running else "ended"
                raise AssertionError(f"{state}: {self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)

    def said(self, words: str) -> bool:
        return words in self.log.read_text(errors="replace")


@contextmanager
def running_worker(
    folder: Path, environ: Mapping[str, str] | None = None, through: Sequence[str] = ()
) -> Iterator[Process]:
    """Ready: its default model is loaded. `through` is a command that starts the command given to it."""
    process = Process(
        [*through, sys.executable, "-m", "saq", "tasks.settings"],
        folder / f"worker-{time.monotonic_ns()}.log",
        **(environ or {}),
    )
    try:
        process.until(lambda: process.said("worker ready"))
        yield process
    finally:
        process.stop()


def child_of(worker: Process, kind: str) -> psutil.Process:
    """`kind`: decoder or engine."""
    children = psutil.Process(worker.pid).children()
    return next(child for child in children if kind in child.cmdline())


def kill_child(worker: Process, kind: str) -> None:
    child_of(worker, kind).kill()


def flush(url: str) -> None:
    with Redis.from_url(url) as client:
        client.flushall()
