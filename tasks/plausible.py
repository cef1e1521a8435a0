"""What a child may say, beyond the types of the protocol.

A crafted recording may have taken it over. What it says then must not lead the worker to files that it did
not ask for, nor put nonsense into the database.
"""

from itertools import pairwise
from math import isfinite

from tasks.protocol import (
    ChunkCut,
    Cut,
    CutDone,
    CutOut,
    Failed,
    Hear,
    LanguageHeard,
    Opened,
    Position,
    Reply,
    SegmentFound,
)
from webapp.core.doubts import DOUBTS
from webapp.core.endings import OUTAGES
from webapp.core.languages import LANGUAGES
from webapp.core.transcript import Segment

# Of a chunk, in seconds, with much to spare.
LONGEST_CHUNK_S = 600.0
SHORTEST_SPAN_S = 0.05
LONGEST_MESSAGE = 1000
MOST_CHANNELS = 64
MOST_DOUBTS = 8
# Seconds: times are whole milliseconds, and rounding may lie on either side.
SLACK = 0.002


class Cuts:
    """Chunks that follow each other, in files whose names we know."""

    def __init__(self, request: Cut | CutOut, longest: float) -> None:
        self._request = request
        self._longest = longest + 60
        self._over = isinstance(request, CutOut)
        self._index = 0 if isinstance(request, CutOut) else request.first_chunk
        self._end = request.start

    def allow(self, reply: Reply) -> bool:
        match reply:
            case ChunkCut():
                return self._follows(reply)
            case Opened(duration):
                return duration is None or self._within(duration)
            case Position(seconds):
                return self._within(seconds)
            case Failed():
                return failed(reply)
            case CutDone(duration=duration, damaged_packets=damaged, missing=missing):
                return self._within(duration) and 0 <= damaged < 1 << 31 and self._within(missing)
        return True

    def _follows(self, cut: ChunkCut) -> bool:
        named = isinstance(self._request, Cut) and cut.path == self._request.folder / f"{cut.index}.flac"
        follows = cut.index == self._index and abs(cut.start - self._end) < SLACK
        spoken = cut.start < cut.end and 0 <= cut.speech <= cut.end - cut.start + SLACK
        placed = _in_order(cut.spans, cut.end - cut.start)
        allowed = named and follows and spoken and placed and self._within(cut.end) and not self._over
        self._index, self._end, self._over = self._index + 1, cut.end, cut.last
        return allowed

    def _within(self, seconds: float) -> bool:
        return isfinite(seconds) and 0 <= seconds <= self._longest


def _in_order(spans: list[tuple[int, int]], seconds: float) -> bool:
    """Within a chunk of so many seconds, none overlaps the next, and there are not too many to be true."""
    places = [place for span in spans for place in span]
    within = not places or (places[0] >= 0 and places[-1] <= (seconds + SLACK) * 1000)
    rising = all(start < end for start, end in spans) and all(a <= b for a, b in pairwise(places))
    return within and rising and len(spans) <= 1 + seconds / SHORTEST_SPAN_S


def failed(reply: Failed) -> bool:
    """A reason of a child's own, and not one for which an attempt costs nothing."""
    short = len(reply.message) <= LONGEST_MESSAGE and reply.message.isprintable()
    return short and reply.code.isidentifier() and len(reply.code) < 50 and reply.code not in OUTAGES


def heard(request: Hear, reply: Reply) -> bool:
    match reply:
        case SegmentFound(segment):
            return _measured(request, segment) and _described(segment)
        case Failed():
            return failed(reply)
        case Position(seconds):
            return isfinite(seconds)
        case LanguageHeard(weights, windows):
            return all(0 <= weight <= windows + SLACK for weight in weights.values()) and windows < 1 << 20
    return True


def _measured(request: Hear, segment: Segment) -> bool:
    """Its times lie in the chunk, and all its figures are numbers."""
    scores = [segment.avg_logprob, segment.compression_ratio, segment.no_speech_prob]
    scores += [segment.temperature, *(word.probability for word in segment.words or [])]
    times = [segment.start, segment.end]
    times += [time for word in segment.words or [] for time in (word.start, word.end)]
    within = request.start - SLACK <= min(times) and max(times) <= request.start + LONGEST_CHUNK_S
    return within and all(map(isfinite, (*scores, *times)))


def _described(segment: Segment) -> bool:
    """What is said about it are words of ours."""
    somewhere = segment.channel is None or 0 <= segment.channel < MOST_CHANNELS
    spoken = segment.language is None or segment.language in LANGUAGES
    doubted = len(segment.doubts) <= MOST_DOUBTS and set(segment.doubts) <= DOUBTS.keys()
    return somewhere and spoken and doubted
