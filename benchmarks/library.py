"""Lists of a library with a million jobs: how long the database takes, by which plan, beside a small library.

Run: python -m benchmarks.library [--jobs 1000000] [--segments 20000000] [--plans]

The statements are those that the pages and the API send, caught on their way. A fifth of all jobs belong to
one owner, a thousandth wait; another owner made many, and none for long.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg

from benchmarks import fill
from benchmarks.instance import instance, visit
from webapp.core import jobs, transcripts
from webapp.core.database import Database, database
from webapp.core.settings import get_settings
from webapp.core.tables import Status
from webapp.pages.views import job_view, list_view

SMALL = 1_000
OWNERS = 10_000
TIMES = 15
Statement = tuple[str, tuple[Any, ...]]
Question = Callable[[], Awaitable[object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--segments", type=int, default=20_000_000)
    parser.add_argument("--plans", action="store_true", help="print the whole plan of each statement")
    arguments = parser.parse_args()
    each = max(1, round(arguments.segments / arguments.jobs))
    with instance():
        small = asyncio.run(_measure(SMALL, each, plans=False))
        large = asyncio.run(_measure(arguments.jobs, each, plans=arguments.plans))
    print("| what | statements | ms | with 1,000 jobs | ratio | slowest statement | reads the table whole |")
    print("|---|---|---|---|---|---|---|")
    for name, (ms, slowest, count, whole) in large.items():
        before = small[name][0]
        print(f"| {name} | {count} | {ms:.2f} | {before:.2f} | {ms / before:.1f} | {slowest:.2f} | {whole} |")


async def _measure(count: int, each: int, *, plans: bool) -> dict[str, tuple[float, float, int, str]]:
    began = time.monotonic()
    connection = await asyncpg.connect(get_settings().database_url)
    try:
        owner, idle = await fill.library(connection, count, each, min(OWNERS, count // 10))
        size = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
        took = time.monotonic() - began
        print(f"{count:,} jobs with {each} segments each, {size}: filled in {took:.0f} s", flush=True)
        async with visit():
            return {
                name: await _asked(connection, name, question, plans=plans)
                for name, question in (await _questions(owner, idle)).items()
            }
    finally:
        await connection.close()


async def _questions(owner: UUID, idle: UUID) -> dict[str, Question]:
    newest = (await jobs.page(owner, limit=100)).jobs
    middle = await fill.in_the_middle(owner)
    finished = next(job for job in newest if job.status == Status.COMPLETED)

    async def of_the_api(**asked: Any) -> None:
        await jobs.places_in_queue((await jobs.page(owner, **asked)).jobs)

    return {
        "page of the list": lambda: list_view(owner, None),
        "page of the list, in the middle": lambda: list_view(owner, middle),
        "page of the list, all of it old": lambda: list_view(idle, None),
        "API: 20 jobs": of_the_api,
        "API: 100 jobs, in the middle": lambda: of_the_api(limit=100, after=middle),
        "API: completed": lambda: of_the_api(status=Status.COMPLETED),
        "API: failed, in the middle": lambda: of_the_api(status=Status.FAILED, after=middle),
        "API: waiting": lambda: of_the_api(status=Status.PENDING),
        "page of a job": lambda: job_view(finished),
        "text of a job": lambda: transcripts.read(finished),
    }


async def _asked(
    connection: "asyncpg.Connection[Any]", name: str, question: Question, *, plans: bool
) -> tuple[float, float, int, str]:
    with _caught() as statements:
        await question()
    found = [await _explained(connection, *statement) for statement in statements]
    for (sql, _), (_, plan) in zip(statements, found, strict=True):
        if plans:
            print(f"\n{name}: {sql[:300]}\n{json.dumps(plan, indent=1)}")
    scans = sorted({scan for _, plan in found for scan in _whole(plan)})
    times = [ms for ms, _ in found]
    return sum(times), max(times), len(found), ", ".join(scans) or "none"


@contextmanager
def _caught() -> Iterator[list[Statement]]:
    statements: list[Statement] = []
    run = database()._run_in_pool

    async def note(engine: Database, query: str, args: Any = None) -> Any:
        statements.append((query, tuple(args or ())))
        return await run(query, args)

    with patch.object(Database, "_run_in_pool", note):
        yield statements


async def _explained(
    connection: "asyncpg.Connection[Any]", sql: str, args: tuple[Any, ...]
) -> tuple[float, dict[str, Any]]:
    """Planning and execution, the median of some times."""
    times = []
    for _ in range(TIMES):
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *args)
        (answer,) = json.loads(found)
        times.append(answer["Planning Time"] + answer["Execution Time"])
    return statistics.median(times), answer["Plan"]


def _whole(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _whole(part)


if __name__ == "__main__":
    main()
