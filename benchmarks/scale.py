"""One long recording on more and more workers: how much of each added worker is of use.

Run: python -m benchmarks.scale real AUDIO [--model base]     1 and 2 workers with one thread each
     python -m benchmarks.scale asleep [--hours 4] [--speed 15] [--workers 1 4 16 64]
                                                              an engine that sleeps in proportion to the sound
Efficiency is the time of one worker, divided by the number of workers and by their time.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.instance import ROOT, instance, submit, visit, workers
from tasks import flac
from tasks.media import opened
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples
from webapp.core import jobs
from webapp.core.tables import TERMINAL, Chunk, Job, Status

READINGS = sorted((ROOT / "tests" / "data").glob("lj_*.flac"))
SLEEPER = ("-m", "benchmarks.sleeper")


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.engine == "real":
            _compare(arguments.audio, [1, 2], arguments.model, CPU_THREADS="1")
        else:
            long = long_recording(Path(folder) / "long.flac", arguments.hours)
            _compare(long, arguments.workers, "tiny.en", SLEEPER_SPEED=str(arguments.speed), ENGINE_BATCH="1")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    engines = parser.add_subparsers(dest="engine", required=True)
    real = engines.add_parser("real")
    real.add_argument("audio", type=Path)
    real.add_argument("--model", default="base")
    asleep = engines.add_parser("asleep")
    asleep.add_argument("--hours", type=float, default=4)
    asleep.add_argument("--speed", type=float, default=15)
    asleep.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64])
    return parser.parse_args()


def _compare(audio: Path, counts: Sequence[int], model: str, **environ: str) -> None:
    command = SLEEPER if "SLEEPER_SPEED" in environ else ("-m", "saq", "tasks.settings")
    print("| workers | s | efficiency | first words, s | planned, s | from last chunk to end, s | chunks |")
    print("|---|---|---|---|---|---|---|")
    alone = 0.0
    with instance(model, DATABASE_POOL_SIZE="2", LEASE_S="60", **environ) as folder:
        for count in counts:
            with workers(count, folder, command):
                taken, line = asyncio.run(_measure(audio, model))
            alone = alone or taken * count
            print(f"| {count} | {taken:.1f} | {alone / count / taken:.2f} | {line} |", flush=True)


async def _measure(audio: Path, model: str) -> tuple[float, str]:
    async with visit() as (house, owner):
        job = await submit(house, owner, audio, model=model, language="en")
        began = time.monotonic()
        first_words = await _until(job, lambda found: found.position > 0, began)
        planned = await _until(job, lambda found: found.planned_at is not None, began)
        taken = await _until(job, lambda found: found.status in TERMINAL, began)
        done = await jobs.find(owner, job.id)
        assert done.status == Status.COMPLETED, done.error_message
        chunks = await Chunk.select(Chunk.finished_at).where(Chunk.job == job.id)
        last = max(chunk["finished_at"] for chunk in chunks)
        merge = (done.finished_at - last).total_seconds()
        return taken, f"{first_words:.1f} | {planned:.1f} | {max(0.0, merge):.2f} | {len(chunks)}"


async def _until(job: Job, reached: object, began: float) -> float:
    while True:
        found = await Job.objects().get(Job.id == job.id)
        assert found is not None
        if callable(reached) and reached(found):
            return time.monotonic() - began
        await asyncio.sleep(0.1)


def long_recording(path: Path, hours: float) -> Path:
    pause = np.zeros(round(0.6 * RATE), dtype=np.float32)
    once = np.concatenate([piece for reading in READINGS for piece in (_samples(reading), pause)])
    flac.write(path, np.tile(once, round(hours * 3600 * RATE / len(once)) or 1))
    return path


def _samples(path: Path) -> Samples:
    with opened(path, ChildConfig(models=(), models_dir=Path())) as recording:
        return np.concatenate(list(recording.windows()))


if __name__ == "__main__":
    main()
