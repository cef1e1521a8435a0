"""What is sent when, and what breaks when: all of it drawn beforehand from one seed.

Both decks are dealt out whole before anything comes a second time, so even a short run sees every kind.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.chaos.recordings import BROKEN, CLIPS, LONG

T = TypeVar("T")
# While Redis hears nobody, a job is sent in any case: the bell after its commit fails.
REFUSING = "Redis: refuses writes, so that the bell after a commit fails"
SILENT = "Redis: answers nobody for some seconds (CLIENT PAUSE)"
SILENCING = (REFUSING, SILENT)


class Kind(StrEnum):
    UNDISTURBED = "undisturbed, before the first fault"
    CLIP = "short"
    LONG = "long"
    BROKEN = "broken"
    CANCELLED = "cancelled at a random moment"
    DELETED = "deleted at a random moment"
    RETRIED = "cancelled, then tried again"


# The shares in which they are sent.
DECK = [
    *[Kind.CLIP] * 5,
    *[Kind.LONG] * 2,
    Kind.BROKEN,
    *[Kind.CANCELLED] * 2,
    *[Kind.DELETED] * 2,
    *[Kind.RETRIED] * 2,
]


@dataclass(frozen=True)
class PlannedJob:
    """Sent `at` this second, first to web process `web`. What is done to it is done `then` seconds later.
    A `twin` is sent to both web processes at once. An `extra` is sent even if much is under way already."""

    number: int
    kind: Kind
    recording: str
    at: float
    web: int
    then: float
    twin: bool = False
    start_over: bool = False
    extra: bool = False


@dataclass(frozen=True)
class PlannedFault:
    """`target` chooses among processes of a kind, `seconds` is for faults that last."""

    name: str
    at: float
    target: int
    seconds: float
    later: bool  # on the other side: clocks go forward or back


@dataclass(frozen=True)
class Schedule:
    seed: int
    seconds: float
    jobs: list[PlannedJob]
    faults: list[PlannedFault]


def draw(seed: int, seconds: float, faults: Sequence[str], gap: float, long: Sequence[str]) -> Schedule:
    """`gap` is the mean pause between two faults, and `long` names the long recordings to choose from."""
    rng = random.Random(seed)  # noqa: S311
    planned = list(_faults(rng, seconds, faults, gap))
    jobs = [*_jobs(rng, seconds, long), *_jobs_without_bell(rng, planned)]
    return Schedule(seed, seconds, jobs, planned)


def _faults(rng: random.Random, seconds: float, names: Sequence[str], gap: float) -> Iterator[PlannedFault]:
    at = 3.0
    for name in _dealt(rng, names):
        if at > seconds:
            return
        yield PlannedFault(
            name, round(at, 2), rng.randrange(2), round(rng.uniform(3, 7), 1), rng.random() < 0.5
        )
        at += rng.uniform(0.4, 1.6) * gap


def _jobs(rng: random.Random, seconds: float, long: Sequence[str]) -> Iterator[PlannedJob]:
    at = 0.0
    for number, kind in enumerate(_dealt(rng, DECK)):
        if at > seconds:
            return
        recording, twin, over = _recording(rng, kind, long), rng.random() < 0.15, rng.random() < 0.5
        then = _then(rng, recording)
        yield PlannedJob(number, kind, recording, round(at, 2), rng.randrange(2), then, twin, over)
        at += rng.uniform(0.2, 2.0)


def _jobs_without_bell(rng: random.Random, faults: list[PlannedFault]) -> Iterator[PlannedJob]:
    """While Redis listens to nobody somebody must ring."""
    for number, fault in enumerate(faults, 10_000):
        if fault.name in SILENCING:
            at = round(fault.at + 0.5, 2)
            clip, web = rng.choice([*CLIPS]), rng.randrange(2)
            yield PlannedJob(number, Kind.CLIP, clip, at, web, then=0.0, extra=True)


def _recording(rng: random.Random, kind: Kind, long: Sequence[str]) -> str:
    if kind == Kind.BROKEN:
        return rng.choice(BROKEN)
    if kind == Kind.CLIP:
        return rng.choice([*CLIPS])
    if kind == Kind.LONG:
        return rng.choice([*long])
    return rng.choice([*long] if rng.random() < 0.6 else [*CLIPS])


def _then(rng: random.Random, recording: str) -> float:
    """Most often while it is worked on: a long one takes some seconds, a short one waits longer than that."""
    return round(rng.uniform(0.0, LONG.get(recording, 60.0) / 20), 2)


def _dealt(rng: random.Random, deck: Sequence[T]) -> Iterator[T]:
    while True:
        yield from rng.sample(deck, len(deck))
