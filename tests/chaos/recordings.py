"""What is sent: short clips, long readings that are cut into several chunks, files that nobody can hear."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.samples import RATE, Samples
from tests.support.processes import ROOT
from tests.support.recordings import decoded, encode, silence

DATA = ROOT / "tests" / "data"
READINGS = (
    "jfk",
    *(f"lj_LJ001-000{n}" for n in (1, 2, 3, 4)),
    *("ls_1688-142285-0001", "ls_1688-142285-0002", "ls_1998-15444-0004", "ls_2033-164914-0003"),
)
CLIPS = {
    "jfk": 11.0,
    "lj_LJ001-0001": 9.7,
    "lj_LJ001-0002": 1.9,
    "ls_1688-142285-0001": 12.6,
    "ls_2033-164914-0003": 6.0,
    "silence30": 30.0,
}
LONG = {"long200": 200.0, "long320": 320.0, "long600": 600.0}
SECONDS = CLIPS | LONG
BROKEN = ("noise.mp3", "words.wav", "cut.m4a", "playlist.mp3")


@dataclass(frozen=True)
class Recordings:
    """By the names that schedules use."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        if name in CLIPS:
            return DATA / f"{name}.flac"
        return self.folder / (f"{name}.flac" if name in LONG else name)


def make(folder: Path, long: list[str]) -> Recordings:
    folder.mkdir()
    readings = [decoded(DATA / f"{name}.flac") for name in READINGS]
    for name in long:
        encode(folder / f"{name}.flac", "flac", _joined(readings, LONG[name]))
    _break(folder)
    return Recordings(folder)


def _joined(readings: list[Samples], seconds: float) -> Samples:
    """In a new order each time round, with pauses between; the same in every run."""
    order = random.Random(round(seconds))  # noqa: S311
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < seconds * RATE:
        for reading in order.sample(readings, len(readings)):
            pieces += [reading, silence(order.uniform(0.3, 1.2))]
    return np.concatenate(pieces)[: round(seconds * RATE)]


def _break(folder: Path) -> None:
    (folder / "noise.mp3").write_bytes(random.Random(0).randbytes(50_000))  # noqa: S311
    (folder / "words.wav").write_text("This was never a recording. " * 500)
    (folder / "playlist.mp3").write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    whole = encode(folder / "whole.m4a", "m4a", decoded(DATA / "jfk.flac"))
    # What says where everything lies stands at the end of such a file.
    (folder / "cut.m4a").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
