"""How fast a cancelled job lets go of the processor, and how much is heard again after a worker was killed.

Run: python -m benchmarks.interrupt [--cancels 50] [--kills 10] [--model tiny.en] [--seed 1]
"""

import argparse
import asyncio
import random
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import UUID

import psutil

from benchmarks.instance import instance, submit, visit, workers
from benchmarks.scale import long_recording
from webapp.core import jobs
from webapp.core.house import House
from webapp.core.tables import TERMINAL, Chunk, Job, Status

STILL_S = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cancels", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as data, instance(arguments.model, LEASE_S="5") as folder:
        audio = long_recording(Path(data) / "long.flac", 0.15)
        with workers(1, folder) as (worker,):
            asyncio.run(_cancels(worker, audio, arguments.cancels, chance))
        asyncio.run(_kills(folder, audio, arguments.kills, chance))


async def _cancels(worker: "subprocess.Popen[bytes]", audio: Path, count: int, chance: random.Random) -> None:
    async with visit() as (house, owner):
        taken = sorted([await _cancel(house, owner, worker.pid, audio, chance) for _ in range(count)])
    p95 = taken[max(0, round(0.95 * len(taken)) - 1)]
    print(
        f"cancel to idle processor, {count} times: p50 {statistics.median(taken):.2f} s, p95 {p95:.2f} s,"
        f" most {taken[-1]:.2f} s"
    )


async def _cancel(house: House, owner: UUID, worker: int, audio: Path, chance: random.Random) -> float:
    """At a random moment of the job's first seconds: amid its planning, its first chunk or a later one."""
    job = await submit(house, owner, audio)
    await asyncio.sleep(chance.uniform(0.05, 4.0))
    children = psutil.Process(worker).children(recursive=True)
    asked = time.monotonic()
    await jobs.cancel(house, owner, job.id)
    return await _idle_after(children, asked)


async def _idle_after(processes: list[psutil.Process], asked: float) -> float:
    """When the last of them was seen computing. A tick of the kernel's clock is 10 ms."""
    last, moved = _ticks(processes), asked
    while time.monotonic() - moved < STILL_S:
        await asyncio.sleep(0.01)
        now = _ticks(processes)
        if now > last + 0.015:
            last, moved = now, time.monotonic()
    return moved - asked


def _ticks(processes: list[psutil.Process]) -> float:
    spent = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


async def _kills(folder: Path, audio: Path, count: int, chance: random.Random) -> None:
    again, seconds = 0, 0.0
    async with visit() as (house, owner):
        for _ in range(count):
            job = await submit(house, owner, audio)
            with workers(1, folder) as (worker,):
                await asyncio.sleep(chance.uniform(1.0, 6.0))
                worker.send_signal(signal.SIGKILL)
                await asyncio.to_thread(worker.wait)
            with workers(1, folder):
                await _finished(job)
            begun_again = Chunk.attempt > 1
            rows = await Chunk.select(Chunk.start, Chunk.end).where(Chunk.job == job.id, begun_again)
            again += len(rows)
            seconds += sum(row["end"] - row["start"] for row in rows)
    print(f"killed workers: {count}; chunks begun again: {again} ({seconds:.0f} s of sound at most)")


async def _finished(job: Job) -> None:
    while True:
        found = await Job.objects().get(Job.id == job.id)
        assert found is not None
        if found.status in TERMINAL:
            assert found.status == Status.COMPLETED, found.error_message
            return
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
