"""Cuts a recording into chunks at its silences, in memory that does not grow with its length.

Where a cut falls depends only on where its chunk starts, on how long the file claims to be, and on the sound
after that: a job that goes on at a chunk's border cuts the rest as it would have been cut the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tasks.listening import SHORTEST_SILENCE, Detect, Sound
from tasks.samples import RATE, Samples, Span, length

# Up to this length a recording is one chunk, and nothing is lost at a cut.
LONGEST = 180 * RATE
# The first words of a long recording come soon; later chunks are long, for a cut costs context.
FIRST, LATER = 15 * RATE, 120 * RATE
# Towards the end they become short again, a quarter of what is left, or all workers would wait for the one
# with the last long chunk. Whisper hears half a minute at a time, so anything between wastes some of that.
# Where chunks are few, what a cut costs weighs more.
SHARE, STEP = 4, 27 * RATE
LONG = 1800 * RATE
SHORTEST = 20 * RATE
# Cuts lie on whole milliseconds, so that a start survives being stored as one.
MILLISECOND = RATE // 1000


@dataclass(frozen=True)
class Chunk:
    """Somebody speaks at `spans`, which count from the chunk's start, and for so many seconds of `speech`."""

    index: int
    first_sample: int
    samples: Samples
    speech: float
    last: bool = True
    spans: list[Span] = field(default_factory=list)

    @property
    def start(self) -> float:
        return self.first_sample / RATE

    @property
    def end(self) -> float:
        return (self.first_sample + length(self.samples)) / RATE


def cut_into_chunks(
    windows: Iterator[Samples],
    detect: Detect,
    *,
    first_sample: int,
    first_index: int,
    threshold: float = 0.5,
    duration: float | None = None,
) -> Iterator[Chunk]:
    """`duration` is what the file claims, if it does: a wrong one costs evenness, nothing else."""
    sound, index = Sound(windows, detect, threshold), first_index
    sound.go_to(first_sample)
    claimed = None if duration is None else round(duration * RATE)
    while length(samples := sound.see(LONGEST + 1)):
        aim = _aim(index, sound.place, claimed)
        end, speech = _end_of_chunk(sound, samples, aim, first=index == 0)
        last = end == length(samples)
        yield Chunk(index, sound.place, samples[..., :end], _seconds(speech), last, speech)
        sound.go_to(sound.place + end)
        index += 1


def _aim(index: int, place: int, claimed: int | None) -> int:
    if index == 0:
        return FIRST
    # A recording that goes on behind its claimed end may do so for hours.
    if claimed is None or claimed <= place:
        return LATER
    share = (claimed - place) // SHARE
    return min(LATER, max(STEP if claimed >= LONG else 2 * STEP, share - share % STEP))


def _end_of_chunk(sound: Sound, samples: Samples, aim: int, *, first: bool) -> tuple[int, list[Span]]:
    seen = length(samples)
    longest = min(LONGEST, seen)
    if seen <= (LONGEST if first else aim + aim // 2):
        return seen, sound.speech(seen)
    # What is far from the aim fills the model's half minutes badly.
    earliest = aim // 2 if first else max(SHORTEST, aim * 3 // 4)
    # Most often a silence lies in reach, and the rest of what we see need not be listened to yet.
    for reach in (aim, min(2 * aim, longest), longest):
        speech = sound.speech(reach)
        if end := _cut_in_silence(speech, earliest, reach):
            return end, _up_to(end, speech)
    end = _quietest_moment(samples, aim, longest)
    return end, _up_to(end, speech)


def _up_to(end: int, speech: list[Span]) -> list[Span]:
    return [Span(span.start, min(span.end, end)) for span in speech if span.start < end]


def _seconds(speech: list[Span]) -> float:
    return sum(span.end - span.start for span in speech) / RATE


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
    count = (latest - earliest) // step
    reach = samples[..., earliest : earliest + count * step]
    energy = np.square(reach.reshape(-1, count, step)).mean(axis=(0, 2))
    return _whole_milliseconds(earliest + int(energy.argmin()) * step + step // 2)


def _whole_milliseconds(sample: int) -> int:
    return sample - sample % MILLISECOND
