"""Several pieces decoded in one batch, each of them on its own way through its sound.

faster-whisper decodes one window at a time, and reads all of the model's weights for each word of it. Here
they are read once for a word of each piece. Its own batched way gives neither real segments nor other
attempts, and drops text.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from tasks.track import Found, Track
from tasks.whisper import FULL, Alignment, Decoded

# Seconds of one core with the model `base`, for a window and for a call that decodes full ones; what matters
# are the proportions.
ENCODING, CALL = {1000: 0.06, 1500: 0.11, 2000: 0.16, FULL: 0.31}, 0.5
T = TypeVar("T")
_Split = tuple[list[dict[str, Any]], int, bool]


class Lockstep:
    """Tracks may come and go between two steps."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    def __len__(self) -> int:
        return len(self._tracks)

    def add(self, tracks: Iterable[Track]) -> None:
        """They begin where those are that have had fewest turns: neither before nor behind the others."""
        least = min((track.rank for track in self._tracks), default=0)
        for track in tracks:
            track.rank = least
            self._tracks.append(track)

    def drop(self, owner: Hashable) -> None:
        self._tracks = [track for track in self._tracks if track.owner != owner]

    def turn(self) -> list[Track]:
        """Whose windows are decoded next. One that has had fewest turns is first, so that what has
        just come need not wait for what is long; with it go those that can be decoded together with it."""
        if not self._tracks:
            return []
        first = min(self._tracks, key=lambda track: track.rank)
        whisper, frames = first.manner.whisper, first.frames
        same = [track for track in self._tracks if track.manner.whisper is whisper]
        same.sort(key=lambda track: (track is not first, abs(track.frames - frames), track.rank))
        return same[: whisper.width]

    def step(self, turn: Sequence[Track]) -> Iterator[tuple[Track, Found]]:
        _open(turn)
        taken: list[tuple[Track, Decoded]] = []
        for group in _groups(turn, _kind):
            taken += _decoded(group)
        yield from _closed(taken)
        self._tracks = [track for track in self._tracks if not track.done]


def _open(turn: Sequence[Track]) -> None:
    for track in turn:
        if track.window is None and (encoded := track.take_ahead()) is not None:
            track.open(encoded)
    sizes = common_sizes([track.frames for track in turn])
    sounds = [(track, track.sound(sizes[track.frames])) for track in turn if track.window is None]
    for group in _groups(sounds, lambda pair: pair[1].shape):
        windows = group[0][0].manner.whisper.encode([sound for _, sound in group])
        for (track, _), encoded in zip(group, windows, strict=True):
            track.open(encoded)


def common_sizes(frames: Sequence[int]) -> dict[int, int]:
    """To how many frames windows of so many are filled up: to those of others in the same step, where
    encoding more of them costs less than another call to decode them."""
    counts = Counter(frames)
    sizes = {size: size for size in counts}
    for small, large in pairwise(sorted(counts)):
        if counts[small] * (ENCODING[large] - ENCODING[small]) < CALL * small / FULL:
            counts[large] += counts[small]
            sizes = {size: large if chosen == small else chosen for size, chosen in sizes.items()}
    return sizes


def _kind(track: Track) -> tuple[Any, ...]:
    """Windows of one kind can be decoded together."""
    prompt = track.prompt
    begins = prompt.index(track.tokenizer.sot)
    return (track.opened.frames, len(prompt), begins, track.opened.attempts[0])


def _decoded(group: Sequence[Track]) -> Iterator[tuple[Track, Decoded]]:
    found = group[0].manner.whisper.decode(
        [track.opened.encoded for track in group],
        [track.prompt for track in group],
        [track.tokenizer for track in group],
        group[0].opened.attempts[0],
    )
    for track, decoded in zip(group, found, strict=True):
        if taken := track.judge(decoded):
            yield track, taken


def _closed(taken: Sequence[tuple[Track, Decoded]]) -> Iterator[tuple[Track, Found]]:
    splits = [track.split(decoded) for track, decoded in taken]
    worded = [
        (track, split)
        for (track, _), split in zip(taken, splits, strict=True)
        if track.manner.words and split[0]
    ]
    alignments = dict(_alignments(worded))
    for (track, decoded), split in zip(taken, splits, strict=True):
        yield track, track.close(decoded, split, alignments.get(id(track)))


def _alignments(worded: Sequence[tuple[Track, _Split]]) -> Iterator[tuple[int, Alignment]]:
    for group in _groups(worded, lambda pair: (id(pair[0].tokenizer), pair[0].opened.frames)):
        first = group[0][0]
        found = first.manner.whisper.align(
            first.tokenizer,
            [split[0] for _, split in group],
            [track.opened.encoded for track, _ in group],
            [track.opened.size for track, _ in group],
        )
        for (track, _), alignment in zip(group, found, strict=True):
            yield id(track), alignment


def _groups(things: Iterable[T], kind: Callable[[T], Hashable]) -> list[list[T]]:
    """Those of a kind together, in the order in which each kind came first."""
    groups: dict[Hashable, list[T]] = {}
    for thing in things:
        groups.setdefault(kind(thing), []).append(thing)
    return list(groups.values())
