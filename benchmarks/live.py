"""Open streams on one web process: memory each, and how soon a change reaches them, beside a bare server.

Run: python -m benchmarks.live [--streams 1000 3000 5000] [--seconds 20]

`apart`: each stream is of another space, some of whose recordings are worked on. `together`: all are of one.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks import fill
from benchmarks.instance import instance, visit
from benchmarks.serving import WEB, Serving, serving
from local.process import die_with_parent
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.visitors import COOKIE

BARE = ("benchmarks.bare",)
JOBS_EACH = 20  # as many as a page of the list has
SETTLE_S = 3
Change = Callable[[House, str, UUID, UUID], Awaitable[None]]
Report = Callable[[], Awaitable[dict[str, Any]]]


class Crowd(NamedTuple):
    """`secrets` and `working`, the job that somebody works on, are by owner."""

    streams: int
    secrets: dict[UUID, str]
    working: dict[UUID, UUID]
    seconds: float

    @property
    def cookies(self) -> list[str]:
        return list(itertools.islice(itertools.cycle(self.secrets.values()), self.streams))

    @property
    def changes(self) -> int:
        return round(len(self.working) * self.seconds)


class Measured(NamedTuple):
    kilobytes: float
    p50: float
    p99: float
    busy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1000, 3000, 5000])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--active", type=float, default=0.01, help="share of spaces with a job at work")
    parser.add_argument("--only", choices=["apart", "together"])
    arguments = parser.parse_args()
    with instance() as folder:
        print("| spaces | streams | changes a second | kB each | p50, ms | p99, ms | processor"
              " | bare: kB each | p50, ms | p99, ms | p99, ratio |\n|---" + "|---" * 10 + "|")  # fmt: skip
        for together, count in itertools.product((False, True), arguments.streams):
            if arguments.only in (None, "together" if together else "apart"):
                asyncio.run(_compare(folder, count, together, arguments))


async def _compare(folder: Path, count: int, together: bool, arguments: argparse.Namespace) -> None:
    async with visit() as (house, _):
        crowd = await _spaces(count, together, arguments)
        ours = await _measure(folder, WEB, _change, house, crowd)
        bare = await _measure(folder, BARE, _bare_change, house, crowd)
        await Job.raw("TRUNCATE users CASCADE")
    print(
        f"| {'together' if together else 'apart'} | {count:,} | {len(crowd.working)} | {ours.kilobytes:.1f}"
        f" | {ours.p50:.0f} | {ours.p99:.0f} | {ours.busy:.0%} | {bare.kilobytes:.1f} | {bare.p50:.0f}"
        f" | {bare.p99:.0f} | {ours.p99 / bare.p99:.1f} |",
        flush=True,
    )


async def _spaces(count: int, together: bool, arguments: argparse.Namespace) -> Crowd:
    secrets = await fill.spaces(1 if together else count)
    await fill.finished_jobs(secrets, JOBS_EACH)
    working = await fill.one_at_work(list(secrets)[: max(1, round(arguments.active * len(secrets)))])
    return Crowd(count, secrets, working, arguments.seconds)


async def _measure(
    folder: Path, command: tuple[str, ...], change: Change, house: House, crowd: Crowd
) -> Measured:
    with serving(folder, command) as server:
        before = server.memory
        async with _opened(server, crowd.cookies) as report:
            await asyncio.sleep(SETTLE_S)
            each = (server.memory - before) / crowd.streams / 1000
            await report()
            spent, began = server.spent, time.monotonic()
            await _keep_changing(change, house, crowd)
            busy = (server.spent - spent) / (time.monotonic() - began)
            await asyncio.sleep(1)
            told = await report()
    _check(told, crowd)
    percentiles = statistics.quantiles(told["ages"], n=100)
    return Measured(each, percentiles[49], percentiles[98], busy)


def _check(told: dict[str, Any], crowd: Crowd) -> None:
    expected = crowd.streams / len(crowd.secrets) * crowd.changes
    if len(told["ages"]) < 0.99 * expected or told["ended"]:
        print(f"{len(told['ages'])} of {expected:.0f} came, {told['ended']} streams ended", file=sys.stderr)


async def _keep_changing(change: Change, house: House, crowd: Crowd) -> None:
    """One change a second for each job at work, by the clock, whether or not those before have arrived."""
    began = time.monotonic()
    turns = itertools.cycle(crowd.working.items())
    for number in range(crowd.changes):
        await asyncio.sleep(began + number / len(crowd.working) - time.monotonic())
        owner, job = next(turns)
        await change(house, crowd.secrets[owner], owner, job)


async def _change(house: House, secret: str, owner: UUID, job: UUID) -> None:
    """As a worker does it: the row, then the hint."""
    name = f"t-{time.monotonic_ns()}.flac"
    await Job.update({Job.filename: name}).where(Job.id == job)
    await house.events.publish(owner, job)


async def _bare_change(house: House, secret: str, owner: UUID, job: UUID) -> None:
    await house.redis.publish(f"bare:{secret}", f"t-{time.monotonic_ns()}.flac")


@asynccontextmanager
async def _opened(server: Serving, cookies: list[str]) -> AsyncIterator[Report]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.crowd", str(server.port)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 28,
        preexec_fn=die_with_parent,
    )
    assert process.stdin
    assert process.stdout

    async def report() -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"\n")
        return dict(json.loads(await process.stdout.readline()))

    process.stdin.writelines(f"/events {COOKIE}={cookie}\n".encode() for cookie in cookies)
    opened = await report()
    print(f"{len(cookies)} opened in {opened['seconds']:.1f} s", file=sys.stderr)
    try:
        yield report
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    main()
