"""Gives hostile files to the process that opens strangers' recordings, and notes what comes of it."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from tasks.answers import ChildCrashed
from tasks.child import Decoder
from tasks.protocol import Cut, Failed, Reply
from tests.support.children import chunks_cut, everything
from tests.support.hostile import DECODED, Case
from tests.support.traps import Traps, seen_open

PATIENCE_S = 20


@dataclass
class Outcome:
    case: Case
    end: str = "crashed"
    message: str = ""
    permanent: bool = True
    seconds: float = 0.0
    peak_mb: int = 0
    stored: int = 0
    written: int = 0
    speech: float = 0.0
    touched: frozenset[str] = frozenset()

    def __str__(self) -> str:
        facts = f"{self.seconds:.1f} s, {self.peak_mb} MB, {self.stored} of {self.written} bytes stored"
        return f"{self.case}: {self.end} {self.message} {facts} {sorted(self.touched)}"

    @property
    def decoded(self) -> bool:
        return self.end == DECODED


class Bench:
    """Gives one file after another to a warm process, whose working folder is the vault with the decoy."""

    def __init__(self, decoder: Decoder, traps: Traps, vault: Path, work: Path, *, warm_up: bytes) -> None:
        self._decoder = decoder
        self._warm_up = warm_up
        self._known: int | None = None
        self._traps = traps
        self._vault = vault
        self._work = work

    async def outcome(self, case: Case) -> Outcome:
        pid = await self._warm()
        process, outcome = Path(f"/proc/{pid}"), Outcome(case)
        path = self._work / case.file_name
        path.write_bytes(case.content)
        (process / "clear_refs").write_text("5")  # the peak is measured from here
        self._traps.sprung()
        written, begun = _written(process), time.monotonic()
        async with seen_open(pid) as seen:
            await self._cut(path, outcome)
        outcome.seconds = time.monotonic() - begun
        outcome.touched = frozenset(self._traps.sprung() | _foreign(seen, self._work))
        if self._decoder.pid == pid:
            outcome.peak_mb, outcome.written = _peak_mb(process), _written(process) - written
        outcome.stored = self._clear(path)
        return outcome

    async def _warm(self) -> int:
        """What a new process reads for itself, such as the detector of speech, is not put down to a case."""
        with chdir(self._vault):
            await self._decoder.start()
        assert self._decoder.pid
        if self._decoder.pid != self._known:
            (path := self._work / "recording").write_bytes(self._warm_up)
            await everything(self._decoder.cut(Cut(path=path, folder=self._work)))
            self._clear(path)
            self._known = self._decoder.pid
        return self._known

    async def _cut(self, path: Path, outcome: Outcome) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                told = await everything(self._decoder.cut(Cut(path=path, folder=self._work)))
        except ChildCrashed as problem:
            outcome.message = str(problem)
        except TimeoutError:
            outcome.end = "hung"
        else:
            _note(outcome, told)

    def _clear(self, path: Path) -> int:
        """How many bytes of chunks there were."""
        path.unlink()
        chunks = list(self._work.glob("*.flac"))
        size = sum(chunk.stat().st_size for chunk in chunks)
        for chunk in chunks:
            chunk.unlink()
        return size


def _note(outcome: Outcome, told: list[Reply]) -> None:
    outcome.speech = sum(chunk.speech for chunk in chunks_cut(told))
    match told[-1]:
        case Failed(code=code, message=message, permanent=permanent):
            outcome.end, outcome.message, outcome.permanent = code, message, permanent
        case _:
            outcome.end = DECODED


def _foreign(seen: Iterable[str], work: Path) -> set[str]:
    """Sockets beyond the one to the worker, and files that it neither had to begin with nor was given."""
    usual = ("pipe:", "anon_inode:", "socket:", str(work))
    sockets = {name for name in seen if name.startswith("socket:")}
    return {name for name in seen if not name.startswith(usual)} | (sockets if len(sockets) > 1 else set())


def _peak_mb(process: Path) -> int:
    lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) >> 10


def _written(process: Path) -> int:
    """Bytes it gave to the kernel, wherever they were to go."""
    lines = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
    return int(lines["wchar"])
