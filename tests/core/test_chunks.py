"""Where a text has gaps, while its chunks are heard in any order."""

from typing import Any
from uuid import uuid4

import pytest

from webapp.core.chunks import ChunkText, Gaps, gaps
from webapp.core.clock import now
from webapp.core.tables import Job
from webapp.core.transcript import Gap, Segment

DONE, PART, BEGUN, SILENT, WAITS = "done", "part", "begun", "silent", "waits"
STATUS = {DONE: "completed", PART: "processing", BEGUN: "processing", SILENT: "completed", WAITS: "pending"}


def chunk(index: int, kind: str) -> ChunkText:
    """Of ten seconds. One that is partly heard has come to its middle."""
    start = index * 10.0
    text = [Segment(start, start + 4.0, " Words.")] if kind in (DONE, PART) else []
    position = start + {PART: 5.0, BEGUN: 3.0}.get(kind, 0.0)
    return ChunkText(
        id=uuid4(),
        index=index,
        start=start,
        end=start + 10.0,
        position=position,
        status=STATUS[kind],
        segments=text,
    )


def found(*kinds: str, **job: Any) -> Gaps:
    facts: dict[str, Any] = {"status": "processing", "planned_at": now(), "duration": 100.0} | job
    return gaps(Job(_ignore_missing=True, **facts), [chunk(index, kind) for index, kind in enumerate(kinds)])


@pytest.mark.parametrize(
    ("kinds", "between"),
    [
        ([DONE, WAITS, DONE], {1: Gap(10.0, 20.0)}),
        ([WAITS, WAITS, DONE], {0: Gap(0.0, 20.0)}),
        ([PART, DONE], {0: Gap(5.0, 10.0)}),
        ([PART, WAITS, PART, WAITS, DONE], {0: Gap(5.0, 20.0), 2: Gap(25.0, 40.0)}),
        ([DONE, WAITS, BEGUN, WAITS, DONE], {1: Gap(10.0, 40.0)}),
        ([DONE, SILENT, DONE], {}),
        ([], {}),
    ],
)
def test_what_is_missing_in_a_row_is_one_gap(kinds: list[str], between: dict[int, Gap]) -> None:
    assert found(*kinds) == Gaps(between, None)


@pytest.mark.parametrize(
    ("job", "rest"),
    [
        ({}, Gap(15.0, 30.0)),
        ({"planned_at": None}, None),
        ({"planned_at": None, "status": "pending"}, None),
        ({"planned_at": None, "status": "failed"}, Gap(15.0, 100.0)),
        ({"planned_at": None, "status": "cancelled", "duration": None}, Gap(15.0, None)),
        ({"status": "cancelled"}, Gap(15.0, 30.0)),
    ],
)
def test_nothing_is_promised_behind_a_text_that_is_still_being_cut(
    job: dict[str, Any], rest: Gap | None
) -> None:
    assert found(DONE, PART, WAITS, **job) == Gaps({}, rest)


def test_behind_the_last_chunk_that_was_cut_text_may_be_missing() -> None:
    assert found(DONE, DONE, planned_at=None, status="cancelled").all == [Gap(20.0, 100.0)]
    assert found(DONE, DONE).all == []


def test_a_completed_text_has_no_gap() -> None:
    assert found(DONE, WAITS, DONE, status="completed").all == []


def test_less_than_a_second_is_no_gap() -> None:
    nearly = ChunkText(uuid4(), 0, 0.0, 10.0, 9.2, "processing", [Segment(0.0, 9.0, " Words.")])
    job = Job(status="processing", planned_at=now(), _ignore_missing=True)
    assert gaps(job, [nearly, chunk(1, DONE)]) == Gaps()
    assert gaps(job, [nearly]) == Gaps()
