"""Web and worker processes under somebody who starts them again whenever they end, as platforms do."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.ports import LOOPBACK
from tests.chaos.waiting import until
from tests.support.processes import ROOT, Process

# A worker is asked to be gone in this time. The platform gives it a little more before it kills.
GRACE_S = 10
AGAIN_AFTER_S = 0.5
_LOOK_EVERY_S = 0.1
_SKEWED = Path(__file__).parent / "skewed"


@dataclass(frozen=True)
class Ended:
    """`told`: it was sent SIGTERM; `asked`: seconds from then to the end, if it could hear of it."""

    service: str
    code: int
    killed: bool
    told: bool
    asked: float | None


class Service:
    def __init__(self, name: str, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.endings: list[Ended] = []
        self.started_at = 0.0
        self._command = command
        self._folder = folder
        self._environ = dict(environ)
        self._starts = 0
        self._asked_at: float | None = None
        self._killed = self._excused = False
        self.process: Process

    def start(self) -> None:
        self._asked_at, self._killed, self._excused = None, False, False
        self._starts += 1
        self.started_at = time.time()
        log = self._folder / f"{self.name}-{self._starts}.log"
        self.process = Process(self._command, log, **self._environ)

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self.process.running:
                self._note_ending()
                await asyncio.sleep(AGAIN_AFTER_S)
                self.start()

    def kill(self) -> None:
        self._killed = True
        self.process.signal(signal.SIGKILL)

    def ask_to_stop(self) -> None:
        self._asked_at = self._asked_at or time.monotonic()
        self.process.signal(signal.SIGTERM)

    async def stop(self) -> None:
        """For good. `keep` has been cancelled."""
        if self.process.running:
            self.ask_to_stop()
        if not await until(self._ended, GRACE_S + 5, _LOOK_EVERY_S):
            self.kill()
            await asyncio.to_thread(self.process.wait)
        self._note_ending()

    async def _ended(self) -> bool:
        return not self.process.running

    def excuse(self) -> None:
        """It is frozen, so nobody can expect it to stop when it is asked to."""
        self._excused = True

    def turn_clock(self, seconds: float) -> None:
        """From the next start on."""
        self._environ |= skewed(seconds)

    def tree(self) -> list[psutil.Process]:
        """The process and its children, as far as they live."""
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.Error:
            return []

    @property
    def logs(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self.name}-*.log"))

    def _note_ending(self) -> None:
        heard = self._asked_at is not None and not self._excused
        asked = time.monotonic() - (self._asked_at or 0) if heard else None
        told = self._asked_at is not None
        self.endings.append(Ended(self.name, self.process.wait(), self._killed, told, asked))


def skewed(seconds: float) -> dict[str, str]:
    return {"CHAOS_SKEW_S": str(seconds), "PYTHONPATH": os.pathsep.join([str(_SKEWED), str(ROOT)])}


def web(name: str, port: int, folder: Path, environ: Mapping[str, str]) -> Service:
    options = ["--host", LOOPBACK, "--port", str(port), "--timeout-graceful-shutdown", "5"]
    command = [sys.executable, "-m", "uvicorn", "webapp.app:app", "--ws-max-size", "65536", *options]
    return Service(name, command, folder, environ)


def worker(name: str, folder: Path, environ: Mapping[str, str]) -> Service:
    return Service(name, [sys.executable, "-m", "saq", "tasks.settings"], folder, environ)
