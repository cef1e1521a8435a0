"""The web process as the Procfile starts it, and a bare one to hold it against."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from local.ports import LOOPBACK, free_ports
from local.process import die_with_parent

ROOT = Path(__file__).parents[1]
READY_S = 60
WEB = ("uvicorn", "webapp.app:app", "--timeout-graceful-shutdown", "5", "--port")


class Serving(NamedTuple):
    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)

    @property
    def spent(self) -> float:
        """Seconds of processor."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def serving(
    folder: Path, command: tuple[str, ...] = WEB, environ: Mapping[str, str] | None = None
) -> Iterator[Serving]:
    """Ready: it answers `/health/live`. `command` is a module and what it is told, the port last."""
    (port,) = free_ports(1)
    log = folder / f"{command[0]}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)],
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
    try:
        _wait_until_ready(process, port, log)
        yield Serving(process.pid, port)
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(f"http://{LOOPBACK}:{port}/health/live"):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"A server did not get ready:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, ConnectionError):
        return False
