"""A whole instance as `make run` starts it, and the processes that belong to it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
READY_SECONDS = 90


class Machine:
    def __init__(self, data: Path, models: Path) -> None:
        self.data = data
        self._output = data.with_suffix(".out")
        self._models = models
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int = 8000) -> None:
        command = [sys.executable, "-m", "local", "--data", str(self.data), "--port", str(port)]
        environment = {**os.environ, "MODELS": "tiny.en", "MODELS_DIR": str(self._models)}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> str:
        """The address that it prints."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            found = re.search(r"Audiotext is ready: (\S+)", self.output)
            if found:
                return found[1]
            assert self.supervisor.poll() is None, self.output
            time.sleep(0.1)
        raise AssertionError(f"It did not get ready:\n{self.output}")

    def send(self, number: signal.Signals) -> None:
        self.supervisor.send_signal(number)

    def wait(self, seconds: float = 15) -> int:
        return self.supervisor.wait(seconds)

    def wait_until_gone(self, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < deadline, self.processes()
            time.sleep(0.1)

    def processes(self) -> dict[int, str]:
        """Every process on this machine that was started with our data folder, or works in it."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._belongs(folder):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(folder.name)] = command
            except OSError:
                continue  # ended meanwhile, or another user's
        return found

    def _belongs(self, process: Path) -> bool:
        """Some servers write their title over their environment, so look where they are too."""
        mark = f"AUDIOTEXT_DATA={self.data}".encode()
        try:
            started_here = mark in (process / "environ").read_bytes().split(b"\0")
        except PermissionError:  # workers let nobody but root look into them
            return self._started(int(process.name))
        return started_here or (process / "cwd").readlink().is_relative_to(self.data)

    def _started(self, pid: int) -> bool:
        try:
            return self.supervisor.pid in [each.pid for each in psutil.Process(pid).parents()]
        except psutil.Error:
            return False

    def pid_of(self, words: str) -> int:
        return next(pid for pid, command in self.processes().items() if words in command)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.wait_until_gone()

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    @property
    def supervisor(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process
