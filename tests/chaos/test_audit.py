"""Each check of the audit is set off by the damage that it is there for, and by nothing in a sound state."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.audit import CHECKS, Case, audit
from tests.chaos.schedule import Kind, PlannedJob
from tests.chaos.snapshot import Row, Snapshot
from tests.chaos.stream import GONE, Sent
from tests.chaos.texts import ChunkText, References

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = [
    ChunkText(0.0, 30.0, [(1.0, 4.0, " Ask not"), (5.0, 9.0, " what your country")]),
    ChunkText(30.0, 200.0, [(31.0, 35.0, " can do for you.")]),
]
REFERENCES = References({"long200": TEXT}, {"long200": TEXT}, 10.0, [])


def _job(name: str, status: str, **others: Any) -> Row:
    row = {"id": name, "status": status, "object_key": f"recordings/me/{name}", "duration": 200.0}
    nothing = dict.fromkeys(("lease_token", "lease_until", "working_since", "error_code"))
    return row | nothing | others


def _chunk(job: str, index: int, status: str = "completed") -> Row:
    text = TEXT[index]
    nothing = dict.fromkeys(("lease_token", "lease_until", "queued_at", "audio_key"))
    return {"job": job, "index": index, "start": text.start, "end": text.end, "status": status} | nothing


def _segments(job: str, chunk: int) -> list[Row]:
    return [
        {"job": job, "chunk": chunk, "index": index, "start": start, "end": end, "text": text}
        for index, (start, end, text) in enumerate(TEXT[chunk].segments)
    ]


def _sent(job: str, kind: Kind, end: str) -> Sent:
    return Sent(PlannedJob(0, kind, "long200", at=0.0, web=0, then=0.0), job, {end})


def _sound() -> Case:
    """One job of each end. The second chunk of the cancelled one was begun."""
    found = Snapshot(
        jobs=[
            _job("done", "completed"),
            _job("stopped", "cancelled"),
            _job("broken", "failed", error_code="unknown_format", duration=None),
        ],
        chunks=[
            _chunk("done", 0),
            _chunk("done", 1),
            _chunk("stopped", 0),
            _chunk("stopped", 1, "cancelled"),
        ],
        segments=[*_segments("done", 0), *_segments("done", 1), *_segments("stopped", 0)],
        uploads=[{"key": "uploads/me/done"}],
        objects=["recordings/me/done", "recordings/me/stopped", "recordings/me/broken", "uploads/me/done"],
    )
    found.chunks[3]["audio_key"] = "chunks/me/stopped/1-1"
    found.objects.append("chunks/me/stopped/1-1")
    sent = [
        _sent("done", Kind.LONG, "completed"),
        _sent("stopped", Kind.CANCELLED, "cancelled"),
        _sent("broken", Kind.BROKEN, "failed"),
        _sent("deleted", Kind.DELETED, GONE),
    ]
    return Case(found, sent, REFERENCES)


def test_a_sound_state_passes() -> None:
    assert audit(_sound()) == {name: [] for name in CHECKS}


Damage = Callable[[Case], object]


def _put(row: Row, **columns: Any) -> None:
    row.update(columns)


def _begin_again(case: Case) -> None:
    _put(case.found.jobs[0], status="pending")
    case.found.bells.append("done")


DAMAGE: dict[str, list[Damage]] = {
    "every job that was sent was accepted, once": [
        lambda case: case.sent.append(_sent("", Kind.CLIP, "completed")),
        lambda case: case.sent.append(_sent("done", Kind.CLIP, "completed")),
        lambda case: case.found.jobs.append(_job("unknown", "cancelled", object_key="recordings/me/done")),
    ],
    "every accepted job has ended, as it had to": [
        lambda case: _put(case.found.jobs[0], status="pending"),
        lambda case: _put(case.found.jobs[2], status="cancelled"),
        lambda case: case.found.jobs.append(_job("deleted", "completed")),
    ],
    "a broken file failed for what is wrong with the file": [
        lambda case: _put(case.found.jobs[2], error_code="worker_lost"),
    ],
    "no text is missing, doubled or different": [
        lambda case: case.found.segments.pop(0),
        lambda case: case.found.segments.append({**case.found.segments[0], "index": 2}),
        lambda case: _put(case.found.segments[0], text=" Ask"),
        lambda case: _put(case.found.chunks[0], end=29.0),
        lambda case: case.found.chunks.pop(1),
    ],
    "what a cancelled job keeps is text of its recording": [
        lambda case: _put(case.found.segments[3], text=" Ask"),
        lambda case: case.found.segments.pop(),
        lambda case: case.found.segments.append(
            {"job": "stopped", "chunk": 1, "index": 0, "start": 40.0, "end": 41.0, "text": " Else"}
        ),
    ],
    "chunks follow each other without gap or overlap": [
        lambda case: _put(case.found.chunks[1], start=31.0),
        lambda case: _put(case.found.chunks[1], index=2),
        lambda case: _put(case.found.jobs[0], duration=300.0),
    ],
    "segments are numbered, in order and inside their chunk": [
        lambda case: _put(case.found.segments[1], index=0),
        lambda case: _put(case.found.segments[1], start=0.5),
        lambda case: _put(case.found.segments[1], end=31.0),
    ],
    "every segment belongs to a chunk that is there": [
        lambda case: case.found.segments.append({**case.found.segments[0], "job": "deleted"}),
    ],
    "nobody holds a lease, and no clock runs": [
        lambda case: _put(case.found.chunks[0], lease_token="mine", lease_until=NOW),
        lambda case: _put(case.found.jobs[0], lease_until=NOW),
        lambda case: _put(case.found.jobs[1], working_since=NOW),
    ],
    "no chunk waits in a job that has ended": [
        lambda case: _put(case.found.chunks[3], status="pending"),
        lambda case: _put(case.found.chunks[3], queued_at=NOW),
        lambda case: _put(case.found.chunks[0], status="cancelled"),
    ],
    "no bell waits that would still make a worker do something": [
        _begin_again,
    ],
    "S3 holds the recordings of the jobs that are there": [
        lambda case: case.found.objects.remove("recordings/me/done"),
    ],
    "S3 holds nothing else": [
        lambda case: case.found.objects.append("recordings/me/deleted"),
        lambda case: case.found.objects.append("uploads/me/deleted"),
        lambda case: case.found.objects.append("chunks/me/done/1-0"),
        lambda case: _put(case.found.chunks[3], audio_key="chunks/me/stopped/2-1"),
    ],
    "nothing that is due for removal is still there": [
        lambda case: case.found.removals.append({"prefix": "chunks/me/deleted/", "due_at": NOW}),
    ],
    "no process has lost its worker": [
        lambda case: case.found.orphans.append("4711 python -m tasks.child_main engine 8"),
    ],
    "no folder of a dead worker is left": [
        lambda case: case.found.folders.append("audiotext-work-abc"),
    ],
}


def test_every_check_is_put_to_the_test() -> None:
    assert {*DAMAGE} == {*CHECKS}


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, damage) for name, several in DAMAGE.items() for damage in several],
    ids=[f"{name} {number}" for name, several in DAMAGE.items() for number in range(len(several))],
)
def test_damage_is_found(name: str, damage: Damage) -> None:
    case = deepcopy(_sound())
    damage(case)
    assert audit(case)[name]


def test_an_engine_that_is_undecided_may_say_either() -> None:
    other = [TEXT[0], ChunkText(30.0, 200.0, [(31.0, 35.0, " can do for you")])]
    references = References({"long200": other}, {"long200": TEXT}, 10.0, [])
    assert references.undecided == ["long200, chunk 1"]
    assert references.allows("long200", TEXT)
    assert references.allows("long200", other)
    assert not references.allows("long200", [*TEXT, TEXT[1]])
