"""How soon the first words are on a job's page, for a short recording and for a long one.

Run: python -m benchmarks.first_words [--model base] [--seconds 10 60 235 7200] [--rounds 3] [--form flac|mp3]
From the moment a browser submits the job, then opening its page. The file is in the storage already, the one
worker is idle, and options are as the page has them: language by detection, times of words. Beside it, in the
same call and on the same file: the first chunk's way through decoder and engine without any server.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from benchmarks.beside import Engines, engines
from benchmarks.browsing import COMPLETED, WORDS, Browser, browser
from benchmarks.instance import instance, visit, workers
from benchmarks.repeating import repeated
from benchmarks.serving import Serving, serving
from tasks.shape import shape
from webapp.core import jobs
from webapp.core.errors import Conflict
from webapp.core.house import House
from webapp.core.settings import get_settings


class Round(NamedTuple):
    """Seconds until the submission was answered, until there were words, and the same without servers."""

    submitted: float
    words: float
    bare: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="base")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 60, 235, 7200])
    parser.add_argument("--form", choices=["flac", "mp3"], default="flac")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as data,
        instance(arguments.model) as folder,
        serving(folder) as server,
        workers(1, folder),
    ):
        asyncio.run(_all(server, Path(data), arguments))


async def _all(server: Serving, data: Path, arguments: argparse.Namespace) -> None:
    print("| sound, s | MB | submitted, s | first words, s | at most | without servers, s | ratio |")
    print("|---" * 7 + "|")
    short = repeated(data / "short.flac", 10)
    async with visit() as (house, _), browser(server) as visitor, engines() as beside:
        for seconds in arguments.seconds:
            audio = repeated(data / f"{seconds:.0f}.{arguments.form}", seconds)
            rounds = []
            for _ in range(arguments.rounds):
                await _warm(visitor, short)
                rounds.append(await _round(house, visitor, beside, audio))
            _report(seconds, audio, rounds)
            audio.unlink()


async def _warm(visitor: Browser, short: Path) -> None:
    """All engines: a job that is cancelled takes the processes with it that worked on it alone."""
    uploads = [await visitor.send(short) for _ in range(shape(get_settings()).engines)]
    made = await asyncio.gather(*map(visitor.submit, uploads))
    await asyncio.gather(*(visitor.sees(job, COMPLETED) for job in made))


async def _round(house: House, visitor: Browser, beside: Engines, audio: Path) -> Round:
    bare = await beside.hear(audio, first_only=True)
    upload = await visitor.send(audio)
    began = time.monotonic()
    job = await visitor.submit(upload)
    submitted = time.monotonic() - began
    (words,) = await visitor.sees(job, WORDS)
    with suppress(Conflict):  # it is done
        await jobs.cancel(house, visitor.owner, UUID(job))
    return Round(submitted, words - began, bare.words)


def _report(seconds: float, audio: Path, rounds: list[Round]) -> None:
    submitted, words, bare = (statistics.median(each) for each in zip(*rounds, strict=True))
    most = max(each.words for each in rounds)
    print(
        f"| {seconds:.0f} | {audio.stat().st_size / 1e6:.1f} | {submitted:.2f} | {words:.2f} | {most:.2f}"
        f" | {bare:.2f} | {words / bare:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
