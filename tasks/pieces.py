"""A chunk as pieces that are decoded side by side: cut in its pauses, the long ones left out."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from tasks.samples import RATE, Samples, Span

FULL = 3000

# Seconds of a pause that stay on either side of it: the detector cuts the first and last sound short.
MARGIN_S = 0.75
# Each piece has its own first and last words to decode.
DECODING = 1.5
# Cutting in the middle of a sentence costs context; between sentences there is half a second.
SPOILT, GOOD_PAUSE = 1.5, 0.5 * RATE


@dataclass(frozen=True)
class Piece:
    """Some stretches of a chunk in a row. `speech` are the places in the piece where somebody speaks, None if
    nobody has listened for it."""

    samples: Samples
    stretches: list[Span]
    speech: list[Span] | None
    channel: int | None = None

    def original(self, seconds: float, *, ends: bool = False) -> float:
        """A moment in the piece as one in the chunk. An end belongs to what lies before it, even where
        the model puts it behind a pause that was left out."""
        place = seconds * RATE
        starts = [0, *accumulate(span.end - span.start for span in self.stretches)]
        index = bisect_right(starts, place - (1 if ends else 0)) - 1
        index = min(max(index, 0), len(self.stretches) - 1)
        if ends and index and self.speech is not None and not self.spoken(starts[index] / RATE, seconds):
            return self.stretches[index - 1].end / RATE
        stretch = self.stretches[index]
        return min(stretch.start + place - starts[index], stretch.end) / RATE

    def spoken(self, start: float, end: float) -> float:
        """Seconds of speech between two moments in the piece; 0 if nobody knows."""
        first, last = round(start * RATE), round(end * RATE)
        return sum(span.within(first, last) for span in self.speech or []) / RATE


def whole(samples: Samples, channel: int | None = None) -> Piece:
    return Piece(samples, [Span(0, len(samples))], None, channel)


def pieces(
    samples: Samples,
    speech: Sequence[Span],
    *,
    longest: float,
    pause: float,
    margin: float = MARGIN_S,
    channel: int | None = None,
) -> Iterator[Piece]:
    """In none is speech longer than `longest` seconds, if there are pauses to cut in; of pauses longer than
    `pause` seconds only the margins stay."""
    beside = round(margin * RATE)
    for part, around in _bounded(list(_parts(speech, round(longest * RATE), beside)), len(samples)):
        stretches = list(_stretches(part, around, round(pause * RATE), beside))
        yield Piece(
            np.concatenate([samples[span.start : span.end] for span in stretches]),
            stretches,
            list(_moved(part, stretches)),
            channel,
        )


def _parts(speech: Sequence[Span], longest: int, margin: int) -> Iterator[Sequence[Span]]:
    """The cheapest way to cut, of all that leave no part longer; found from the end to the front."""
    ways = [(0.0, 0)] * (len(speech) + 1)  # from each span on: what it costs, and before which one to cut
    for first in range(len(speech) - 1, -1, -1):
        ways[first] = min(_ways(speech, first, longest, margin, ways))
    first = 0
    while first < len(speech):
        last = ways[first][1]
        yield speech[first:last]
        first = last


def _ways(
    speech: Sequence[Span], first: int, longest: int, margin: int, ways: Sequence[tuple[float, int]]
) -> Iterator[tuple[float, int]]:
    for end in range(first + 1, len(speech) + 1):
        length = speech[end - 1].end - speech[first].start
        if length > longest and end > first + 1:
            return
        pause = speech[end].start - speech[end - 1].end if end < len(speech) else RATE
        yield _cost(length + 2 * margin, pause) + ways[end][0], end


def _cost(length: int, pause: int) -> float:
    """What it takes to decode a piece, plus what cutting behind it may spoil. Tenths of a second of one core
    with the model `base`; what matters are the proportions."""
    frames = 100 * length // RATE
    encoding = 3.1 * max(1.0, frames / FULL) if frames > 1600 else 1.6 if frames > 1100 else 1.1
    return encoding + DECODING + SPOILT * max(0.0, 1 - pause / GOOD_PAUSE)


def _bounded(parts: Sequence[Sequence[Span]], length: int) -> Iterator[tuple[Sequence[Span], Span]]:
    """Each with what it may take in: up to the middle of the pauses around it. Otherwise a word that begins
    before the detector notices would be heard in two pieces."""
    borders = [0, *((before[-1].end + after[0].start) // 2 for before, after in pairwise(parts)), length]
    for part, start, end in zip(parts, borders, borders[1:], strict=False):
        yield part, Span(start, end)


def _stretches(part: Sequence[Span], around: Span, pause: int, margin: int) -> Iterator[Span]:
    start = max(around.start, part[0].start - margin)
    for before, after in pairwise(part):
        if after.start - before.end > max(pause, 2 * margin):
            yield Span(start, before.end + margin)
            start = after.start - margin
    yield Span(start, min(around.end, part[-1].end + margin))


def _moved(part: Sequence[Span], stretches: Sequence[Span]) -> Iterator[Span]:
    """From the chunk's samples to the piece's."""
    left = 0
    for stretch in stretches:
        for span in part:
            if stretch.start <= span.start < stretch.end:
                yield Span(left + span.start - stretch.start, left + span.end - stretch.start)
        left += stretch.end - stretch.start
