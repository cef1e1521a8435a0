"""Samples as the engine wants them, and the tape on which they gather, window by window."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Samples = NDArray[np.float32]
_Integers = NDArray[np.int16]
_SILENCE: _Integers = np.zeros(10 * RATE, dtype=np.int16)


@dataclass(frozen=True)
class Span:
    """From one sample to before another."""

    start: int
    end: int

    def within(self, start: int, end: int) -> int:
        return max(0, min(self.end, end) - max(self.start, start))


class Tape:
    """Append on one side, take windows off the other. `length` counts everything ever appended."""

    def __init__(self) -> None:
        self.length = 0
        self._pieces: deque[_Integers] = deque()
        self._waiting = 0

    def append(self, piece: _Integers) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        self.length += len(piece)

    def append_silence(self, count: int) -> None:
        while count > 0:
            piece = _SILENCE[:count]
            self.append(piece)
            count -= len(piece)

    def take(self, size: int, *, rest: bool = False) -> Iterator[Samples]:
        while self._waiting >= size:
            yield self._cut(size)
        if rest and self._waiting:
            yield self._cut(self._waiting)

    def _cut(self, size: int) -> Samples:
        taken: list[_Integers] = []
        wanted = size
        while wanted:
            piece = self._pieces.popleft()
            taken.append(piece[:wanted])
            if len(piece) > wanted:
                self._pieces.appendleft(piece[wanted:])
            wanted -= len(taken[-1])
        self._waiting -= size
        return np.concatenate(taken).astype(np.float32) / 32768.0
