"""Listens to a recording once, from its beginning to its end, and says where somebody speaks.

The detector is given blocks that lie at fixed places of the recording. So what it finds depends on the
recording alone and not on where a job goes on, and nothing is heard twice but a short warm-up before each
block: it begins every block without memory of what came before.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tasks.samples import RATE, Samples, Span, joined, length

Likelihoods = NDArray[np.float32]
Detect = Callable[[Samples], Likelihoods]  # for each window that somebody speaks in it

WINDOW = 512
_WINDOWS = 1000
BLOCK, WARM_UP = _WINDOWS * WINDOW, 64 * WINDOW
SHORTEST_SILENCE = RATE // 5
_SHORTEST = -(-SHORTEST_SILENCE // WINDOW)
# Once somebody speaks, this much less likelihood still passes for speech. Silero's own figures.
_LENIENCE, _LEAST = 0.15, 0.01


class Sound:
    """What lies ahead of a place in the recording. No more is taken from the windows than is asked for, and
    what lies behind is forgotten."""

    def __init__(self, windows: Iterator[Samples], detect: Detect, threshold: float) -> None:
        self._windows = windows
        self._detect = detect
        self._threshold = threshold
        self._held: deque[Samples] = deque()
        self._first = self._end = 0
        self._heard: dict[int, Likelihoods] = {}
        self.place = 0

    def go_to(self, place: int) -> None:
        self.place = place
        self._forget()

    def see(self, count: int) -> Samples:
        """The next samples: fewer only at the recording's end."""
        self._read(self.place + count)
        return self._between(self.place, self.place + count)

    def speech(self, count: int) -> list[Span]:
        """Where somebody speaks in the next samples, counted from here. So many must be there."""
        start, end = self.place, self.place + count
        first, last = start // WINDOW, -(-end // WINDOW)
        blocks = range(first // _WINDOWS, -(-last // _WINDOWS))
        likely = np.concatenate([self._block(number) for number in blocks])
        behind = first - blocks.start * _WINDOWS
        spoken = speech_in(likely[behind : behind + last - first], self._threshold)
        shift = first * WINDOW - start
        return [
            Span(max(0, span.start + shift), min(count, span.end + shift))
            for span in spoken
            if span.end + shift > 0
        ]

    def _block(self, number: int) -> Likelihoods:
        if number not in self._heard:
            start = number * BLOCK
            before = max(0, start - WARM_UP)
            self._read(start + BLOCK)
            heard = self._listen(self._between(before, start + BLOCK))
            self._heard[number] = heard[(start - before) // WINDOW :]
        return self._heard[number]

    def _listen(self, samples: Samples) -> Likelihoods:
        """Of two channels it counts whoever speaks in either."""
        found: Likelihoods = np.max([self._detect(channel) for channel in np.atleast_2d(samples)], axis=0)
        return found

    def _read(self, end: int) -> None:
        while self._end < end and (window := next(self._windows, None)) is not None:
            self._held.append(window)
            self._end += length(window)
            self._forget()

    def _forget(self) -> None:
        block = self.place // BLOCK
        while self._held and self._first + length(self._held[0]) <= block * BLOCK - WARM_UP:
            self._first += length(self._held.popleft())
        for number in [number for number in self._heard if number < block]:
            del self._heard[number]

    def _between(self, start: int, end: int) -> Samples:
        pieces, place = list[Samples](), self._first
        for window in self._held:
            pieces.append(window[..., max(0, start - place) : max(0, end - place)])
            place += length(window)
        return joined(pieces)


def speech_in(likely: Likelihoods, threshold: float) -> list[Span]:
    """From likelihoods of windows to places of samples, by Silero's rules."""
    quiet = max(threshold - _LENIENCE, _LEAST)
    found: list[Span] = []
    start = silence = None
    for place, likelihood in enumerate(likely.tolist()):
        if likelihood >= threshold:
            start, silence = place if start is None else start, None
        elif likelihood < quiet and start is not None:
            silence = place if silence is None else silence
            if place - silence >= _SHORTEST:
                found.append(Span(start * WINDOW, silence * WINDOW))
                start = silence = None
    if start is not None:
        found.append(Span(start * WINDOW, len(likely) * WINDOW))
    return found
