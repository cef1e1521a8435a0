"""Jobs per minute with one and with two workers, beside one process of faster-whisper over the same files.

Run: python -m benchmarks.throughput [--model base] [--workers 1 2] [--rounds 2] [--manifest FILE --count 40]
Without a manifest: the tests' English readings, one of four minutes and some of one. All are submitted at
once, with the language given. faster-whisper has all cores as threads, beam 5, VAD and times of words, and
takes one file after the other. Workers share the machine's cores.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from benchmarks.instance import MODELS, instance, submit, visit, workers
from benchmarks.recordings import recordings
from benchmarks.repeating import repeated
from tasks.shape import shape
from webapp.core import jobs
from webapp.core.settings import get_settings
from webapp.core.tables import Job, Status

# Seconds of those that are made, beside the short readings.
MADE = (240, 60, 60, 60, 30, 30)


def main() -> None:
    arguments = _arguments()
    if arguments.plainly:
        _plain(arguments)
        return
    with tempfile.TemporaryDirectory() as data, instance(arguments.model) as folder:
        paths = _paths(arguments, Path(data))
        found: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            found.setdefault("faster-whisper", []).append(_plainly(paths, arguments))
            for count in arguments.workers:
                engines = max(1, shape(get_settings()).engines // count)
                with workers(count, folder, environ={"WORKER_CONCURRENCY": str(engines), "CPU_THREADS": "1"}):
                    name = f"{count} workers of {engines} engines"
                    found.setdefault(name, []).append(asyncio.run(_ours(paths, arguments.model)))
    _report(found, len(paths))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="base")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--count", type=int, default=40, help="files of the manifest")
    parser.add_argument("--plainly", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def _paths(arguments: argparse.Namespace, data: Path) -> list[Path]:
    short = [each.path for each in recordings(arguments.manifest)]
    if arguments.manifest:
        return short[: arguments.count]
    return [*short, *(repeated(data / f"{number}.flac", seconds) for number, seconds in enumerate(MADE))]


async def _ours(paths: Sequence[Path], model: str) -> float:
    async with visit() as (house, owner):
        began = time.monotonic()
        options = {"model": model, "language": "en"}
        made = await asyncio.gather(*(submit(house, owner, path, **options) for path in paths))
        await _all_ended(owner)
        taken = time.monotonic() - began
        ended = [await jobs.find(owner, job.id) for job in made]
    assert all(job.status == Status.COMPLETED for job in ended), [job.error_message for job in ended]
    return taken


async def _all_ended(owner: UUID) -> None:
    while True:
        if not await Job.exists().where(Job.owner == owner, Job.finished_at.is_null()):
            return
        await asyncio.sleep(0.1)


def _plainly(paths: Sequence[Path], arguments: argparse.Namespace) -> float:
    """In a process of its own, as an application that calls faster-whisper would be, once it is loaded."""
    command = (sys.executable, "-m", "benchmarks.throughput", "--plainly", "--model", arguments.model)
    done = subprocess.run([*command, *map(str, paths)], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def _plain(arguments: argparse.Namespace) -> None:
    from faster_whisper import WhisperModel

    threads = len(os.sched_getaffinity(0))
    model = WhisperModel(str(MODELS / arguments.model), compute_type="int8", cpu_threads=threads)
    began = time.monotonic()
    for path in arguments.paths:
        list(model.transcribe(path, language="en", beam_size=5, vad_filter=True, word_timestamps=True)[0])
    print(json.dumps(time.monotonic() - began))


def _report(found: dict[str, list[float]], count: int) -> None:
    base = statistics.median(found["faster-whisper"])
    print(f"{count} files\n| by | s (of each round) | jobs per minute | ratio |\n|---|---|---|---|")
    for name, rounds in found.items():
        seconds = statistics.median(rounds)
        each = ", ".join(f"{one:.1f}" for one in rounds)
        print(f"| {name} | {seconds:.1f} ({each}) | {60 * count / seconds:.1f} | {base / seconds:.2f} |")


if __name__ == "__main__":
    main()
