"""Samples as the engine wants them, and the tape on which they gather, window by window."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
# Of one channel, or two rows of the same length. Time is always the last axis: `[..., start:end]`.
Samples = NDArray[np.float32]
_Integers = NDArray[np.int16]
_SILENCE: _Integers = np.zeros((2, 10 * RATE), dtype=np.int16)


def length(samples: Samples) -> int:
    return int(samples.shape[-1])


def joined(pieces: Sequence[Samples]) -> Samples:
    return np.concatenate(pieces, axis=-1) if pieces else np.empty(0, np.float32)


@dataclass(frozen=True)
class Span:
    """From one sample to before another."""

    start: int
    end: int

    def within(self, start: int, end: int) -> int:
        return max(0, min(self.end, end) - max(self.start, start))


class Tape:
    """Append on one side, take windows off the other. `length` counts everything ever appended.
    With one channel the windows are of one dimension; with two, what has one is appended to both."""

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self.length = 0
        self._pieces: deque[_Integers] = deque()
        self._waiting = 0

    def append(self, piece: _Integers) -> None:
        """Channels are rows."""
        count = piece.shape[1]
        self._pieces.append(piece[0] if self.channels == 1 else np.broadcast_to(piece, (2, count)))
        self._waiting += count
        self.length += count

    def append_silence(self, count: int) -> None:
        while count > 0:
            piece = _SILENCE[:, :count]
            self.append(piece)
            count -= piece.shape[1]

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
            taken.append(piece[..., :wanted])
            if piece.shape[-1] > wanted:
                self._pieces.appendleft(piece[..., wanted:])
            wanted -= taken[-1].shape[-1]
        self._waiting -= size
        return np.concatenate(taken, axis=-1).astype(np.float32) / 32768.0
