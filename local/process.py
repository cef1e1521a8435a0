"""A server as a child process that never outlives the process that started it."""

import ctypes
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from local.locks import hold

START_SECONDS = 60
STOP_SECONDS = 10
LOG_BYTES = 5_000_000
PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    pass


def die_with_parent(number: signal.Signals = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Ask the kernel for a signal when the parent ends, even by SIGKILL. Exec keeps this.

    A parent that ended before we asked is noticed by who is our parent now.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")
    if parent not in (None, os.getppid()):
        os._exit(1)


class Server(ABC):
    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder / self.name
        self.port = port
        self.log = folder / "logs" / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder fit to start in, whatever the last run left there."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def environment(self) -> Mapping[str, str]:
        return {}

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if self.running:
            return
        # The server inherits the lock: whoever holds it knows that no server of an
        # earlier run, even one orphaned a moment ago, still writes in this folder.
        lock = hold(self.folder.with_suffix(".lock"), wait=STOP_SECONDS)
        try:
            self.prepare()
            self._spawn(lock)
        finally:
            os.close(lock)
        self._wait_until_it_answers()

    def wait(self) -> None:
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])

    def _spawn(self, lock: int) -> None:
        self._make_room_in_log()
        # A session of its own keeps a terminal's Ctrl-C from reaching the server before
        # those who still talk to it.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", self.stop_signal.name, "--", *self.command()],
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                pass_fds=[lock],
                start_new_session=True,
            )

    def _make_room_in_log(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} did not start. Its log ends:\n{self.last_lines()}")
            time.sleep(0.05)
