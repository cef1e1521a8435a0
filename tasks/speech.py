"""Cuts a recording into chunks at its silences, in memory that does not grow with its length.

Where a cut falls depends only on where its chunk starts and on the sound after that: a job that
goes on at a chunk's border cuts the rest as it would have been cut the first time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tasks.samples import RATE, Samples, Span

# Up to this length a recording is one chunk, and nothing is lost at a cut.
LONGEST = 180 * RATE
# A long recording's first checkpoint comes early; later chunks are long, for a cut costs context.
FIRST, LATER = 30 * RATE, 120 * RATE
# Cuts lie on whole milliseconds, so that a start survives being stored as one.
MILLISECOND = RATE // 1000
SHORTEST_SILENCE = 200 * MILLISECOND


@dataclass(frozen=True)
class Chunk:
    index: int
    first_sample: int
    samples: Samples
    speech: float  # seconds
    last: bool = True

    @property
    def start(self) -> float:
        return self.first_sample / RATE

    @property
    def end(self) -> float:
        return (self.first_sample + len(self.samples)) / RATE


FindSpeech = Callable[[Samples], list[Span]]


def cut_into_chunks(
    windows: Iterator[Samples],
    find_speech: FindSpeech,
    *,
    first_sample: int,
    first_index: int,
) -> Iterator[Chunk]:
    ahead = _Ahead(windows)
    ahead.drop(first_sample)
    position, index = first_sample, first_index
    while len(samples := ahead.see(LONGEST + 1)):
        end, speech = _end_of_chunk(samples, index, find_speech)
        yield Chunk(index, position, samples[:end], speech, last=end == len(samples))
        ahead.drop(end)
        position, index = position + end, index + 1


class _Ahead:
    """Looks ahead into the windows without taking from them more than asked for."""

    def __init__(self, windows: Iterator[Samples]) -> None:
        self._windows = windows
        self._held: Samples = np.empty(0, dtype=np.float32)

    def see(self, count: int) -> Samples:
        pieces = [self._held]
        while sum(map(len, pieces)) < count and (window := next(self._windows, None)) is not None:
            pieces.append(window)
        self._held = np.concatenate(pieces)
        return self._held[:count]

    def drop(self, count: int) -> None:
        while count > len(self._held) and (window := next(self._windows, None)) is not None:
            count -= len(self._held)
            self._held = window
        self._held = self._held[count:]


def _end_of_chunk(samples: Samples, index: int, find_speech: FindSpeech) -> tuple[int, float]:
    aim = FIRST if index == 0 else LATER
    if len(samples) <= LONGEST:
        return len(samples), _seconds(find_speech(samples), len(samples))
    # Most often a silence lies in reach, and the rest of what we see need not be listened to yet.
    for reach in (aim, LONGEST):
        speech = find_speech(samples[:reach])
        if end := _cut_in_silence(speech, aim // 2, reach):
            return end, _seconds(speech, end)
    end = _quietest_moment(samples, aim, LONGEST)
    return end, _seconds(speech, end)


def _seconds(speech: list[Span], end: int) -> float:
    return sum(span.within(0, end) for span in speech) / RATE


def _cut_in_silence(speech: list[Span], earliest: int, latest: int) -> int | None:
    """The middle of the longest silence in reach."""
    starts = [0, *(span.end for span in speech)]
    ends = [*(span.start for span in speech), latest]
    silences = [Span(max(start, earliest), end) for start, end in zip(starts, ends, strict=True)]
    longest = max(silences, key=lambda silence: silence.end - silence.start)
    if longest.end - longest.start < SHORTEST_SILENCE:
        return None
    return _whole_milliseconds((longest.start + longest.end) // 2)


def _quietest_moment(samples: Samples, earliest: int, latest: int) -> int:
    """For sound without a pause: music, a crowd, a machine."""
    step = 100 * MILLISECOND
    reach = samples[earliest : latest - (latest - earliest) % step]
    energy = np.square(reach.reshape(-1, step)).mean(axis=1)
    return _whole_milliseconds(earliest + int(energy.argmin()) * step + step // 2)


def _whole_milliseconds(sample: int) -> int:
    return sample - sample % MILLISECOND
