"""Lists cost what they show, however many jobs there are, and wherever an owner's lie among them."""

import json
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from webapp.core import jobs
from webapp.core.database import Database, database
from webapp.core.house import House
from webapp.core.tables import Job, Status

MANY, OLD = 30_000, 5_000
_FILL = """
WITH wanted AS (
    SELECT uuidv7() AS id, uuidv7() AS upload, number,
        CASE WHEN number <= {} THEN {}::uuid ELSE {}::uuid END AS owner
    FROM generate_series(1, {}::int) AS number
), uploads AS (
    INSERT INTO uploads (id, owner, key, filename, content_type, options, expires_at)
    SELECT upload, owner, upload::text, 'a', 'a', jsonb_build_object(), now() FROM wanted RETURNING id
)
INSERT INTO jobs (id, owner, upload, filename, object_key, object_size, object_etag, model, task, vad_filter,
    word_timestamps, attempt_limit, status, finished_at)
SELECT wanted.id, owner, upload, 'a', 'a', 1, 'a', 'base', 'transcribe', true, true, 3, 'completed', now()
FROM wanted JOIN uploads ON uploads.id = upload ORDER BY wanted.id
"""


@pytest.mark.parametrize("status", [None, Status.COMPLETED])
async def test_a_page_reads_no_jobs_of_others_though_its_owners_are_all_old(
    house: House, owner: UUID, stranger: UUID, status: Status | None
) -> None:
    """The planner takes an owner's jobs to lie evenly among all, and would read the newest of all first."""
    await Job.raw(_FILL, OLD, owner, stranger, MANY)
    await Job.raw("VACUUM ANALYZE jobs")  # as it does by itself, in time
    (statement,) = await _statements(owner, status)
    assert _removed(await _explained(*statement)) == 0


async def test_a_page_of_many_takes_as_many_statements_as_one_of_few(house: House, owner: UUID) -> None:
    for many in (1, 100):
        await Job.raw(_FILL, many, owner, owner, many)
        assert len(await _statements(owner, None)) == 1
    assert len((await jobs.page(owner, limit=100)).jobs) == 100


async def _statements(owner: UUID, status: Status | None) -> list[tuple[str, tuple[Any, ...]]]:
    caught: list[tuple[str, tuple[Any, ...]]] = []
    run = database()._run_in_pool

    async def note(engine: Database, query: str, args: Any = None) -> Any:
        caught.append((query, tuple(args or ())))
        return await run(query, args)

    with patch.object(Database, "_run_in_pool", note):
        page = await jobs.page(owner, limit=20, status=status)
        await jobs.places_in_queue(page.jobs)
    return caught


async def _explained(query: str, args: tuple[Any, ...]) -> dict[str, Any]:
    rows = await database()._run_in_pool(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", list(args))
    (answer,) = json.loads(rows[0]["QUERY PLAN"])
    plan: dict[str, Any] = answer["Plan"]
    return plan


def _removed(plan: dict[str, Any]) -> int:
    """Rows that were read for nothing."""
    return int(plan.get("Rows Removed by Filter", 0)) + sum(map(_removed, plan.get("Plans", ())))
