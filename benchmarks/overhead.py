"""What a job takes beyond its engines: from submission to completion, as a browser sees it on the job's page.

Run: python -m benchmarks.overhead [--model base] [--rounds 5] [FILE ...]
Beside it, in turns: the same file through a warm decoder and engines of the same shape, without any server,
with the same options. FILEs default to recordings of 11 and of 235 seconds. They are in the
storage already.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.beside import Engines, engines
from benchmarks.browsing import COMPLETED, Browser, browser
from benchmarks.instance import ROOT, instance, visit, workers
from benchmarks.repeating import repeated
from benchmarks.serving import Serving, serving

LONG_S = 235


class Round(NamedTuple):
    job: float
    bare: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="base")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("files", type=Path, nargs="*")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as data,
        instance(arguments.model) as folder,
        serving(folder) as server,
        workers(1, folder),
    ):
        asyncio.run(_all(server, arguments.files or _files(Path(data)), arguments.rounds))


def _files(data: Path) -> list[Path]:
    return [ROOT / "tests" / "data" / "jfk.flac", repeated(data / f"{LONG_S}.flac", LONG_S)]


async def _all(server: Serving, files: list[Path], count: int) -> None:
    print("| file | job, s | without servers, s | more, ms (of each round) | ratio |\n|---|---|---|---|---|")
    async with visit(), browser(server) as visitor, engines() as beside:
        for path in files:
            await _round(visitor, beside, path)  # what is done once only, is done
            _report(path, [await _round(visitor, beside, path) for _ in range(count)])


async def _round(visitor: Browser, beside: Engines, path: Path) -> Round:
    upload = await visitor.send(path)
    began = time.monotonic()
    (completed,) = await visitor.sees(await visitor.submit(upload), COMPLETED)
    return Round(completed - began, (await beside.hear(path)).done)


def _report(path: Path, rounds: list[Round]) -> None:
    job, bare = (statistics.median(each) for each in zip(*rounds, strict=True))
    more = [(each.job - each.bare) * 1000 for each in rounds]
    print(
        f"| {path.name} | {job:.2f} | {bare:.2f} | {statistics.median(more):.0f}"
        f" ({', '.join(f'{each:.0f}' for each in more)}) | {job / bare:.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
