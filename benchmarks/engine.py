"""Speed and word error rate of each mode, beside faster-whisper called directly, on the same sound.

Run: python -m benchmarks.engine --model base [--manifest FILE.jsonl] [--rounds 2]
Ours is what a worker of this machine's shape does: a decoder cuts, engines hear. What it is compared with
gets all cores as threads. "original" are the settings of the system that this one follows: one process, the
whole file, beam 5, VAD, and what was said before as a prompt.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.recordings import Read, joined, recordings, score
from benchmarks.through import options
from tasks.child import Decoder, EngineChild
from tasks.environment import ROOT
from tasks.protocol import ChildConfig, ChunkCut, Cut, Hear, SegmentFound
from tasks.samples import RATE
from webapp.core.modes import MODES

TOGETHER = 4
# A joined recording is about this long, in seconds.
LONG = 900.0
PLAIN: dict[str, dict[str, Any]] = {
    "original": {"beam_size": 5, "vad_filter": True, "condition_on_previous_text": True},
    "sequential": {"beam_size": 5, "condition_on_previous_text": False},
    "batched": {"beam_size": 5, "batch_size": 8},
}


class Result(NamedTuple):
    seconds: float
    texts: list[str]


def main() -> None:
    arguments = _arguments()
    cores = len(os.sched_getaffinity(0))
    config = ChildConfig(models=(arguments.model,), models_dir=arguments.models_dir, cpu_threads=1)
    with tempfile.TemporaryDirectory() as folder:
        read = list(_long(recordings(arguments.manifest), Path(folder), config))
        seconds = sum((one.path.stat().st_size - 44) / 2 / RATE for one in read)
        results: dict[str, list[Result]] = {}
        for _ in range(arguments.rounds):
            for name in PLAIN:
                results.setdefault(name, []).append(_plainly(name, read, arguments, cores))
            for mode in MODES:
                results.setdefault(mode, []).append(asyncio.run(_ours(mode, read, config, cores)))
    print(f"{seconds:.0f} s of speech, model {arguments.model}, {cores} cores, best of {arguments.rounds}")
    print("| way | x real time | against the original's settings | word error rate |\n|---|---|---|---|")
    base = min(result.seconds for result in results["original"])
    for name, rounds in results.items():
        best = min(rounds)
        rate = score(best.texts, [one.text for one in read])
        print(f"| {name} | {seconds / best.seconds:.1f} | {base / best.seconds:.2f} | {rate} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="base")
    parser.add_argument("--models-dir", type=Path, default=ROOT / ".data" / "models")
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--plainly", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def _long(read: list[Read], folder: Path, config: ChildConfig) -> Iterator[Read]:
    """Short recordings joined: what is said in half a minute says little about long ones."""
    waiting: list[Read] = []
    total = 0.0
    for number, one in enumerate(read):
        waiting.append(one)
        total += _seconds(one)
        if total >= LONG or number == len(read) - 1:
            yield joined(waiting, folder / f"{number}.wav", config)
            waiting, total = [], 0.0


def _seconds(one: Read) -> float:
    import av

    with av.open(str(one.path)) as container:
        return float((container.duration or 0) / 1_000_000)


async def _ours(mode: str, read: list[Read], config: ChildConfig, cores: int) -> Result:
    async with AsyncExitStack() as stack:
        decoder = await stack.enter_async_context(Decoder(config))
        engines = [await stack.enter_async_context(EngineChild(config)) for _ in range(cores)]
        for engine in engines:
            await engine.load(config.models[0])
        await decoder.start()
        begun = time.perf_counter()
        texts = await _texts(mode, read, decoder, engines)
        return Result(time.perf_counter() - begun, texts)


async def _texts(mode: str, read: list[Read], decoder: Decoder, engines: list[EngineChild]) -> list[str]:
    """As crew and turns would share the chunks out."""
    found: dict[tuple[int, int], asyncio.Task[str]] = {}
    places = {engine: asyncio.Semaphore(TOGETHER) for engine in engines}
    turn = cycle(engines)
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(read):
            cuts = Path(folder) / str(number)
            cuts.mkdir()
            async with aclosing(decoder.cut(Cut(path=one.path, folder=cuts))) as replies:
                async for cut in replies:
                    if isinstance(cut, ChunkCut) and cut.speech:
                        engine = next(turn)
                        hearing = _hear(mode, cut, engine, places[engine])
                        found[number, cut.index] = asyncio.create_task(hearing)
        await asyncio.gather(*found.values())
    return [
        "".join(found[key].result() for key in sorted(found) if key[0] == number)
        for number in range(len(read))
    ]


async def _hear(mode: str, cut: ChunkCut, engine: EngineChild, place: asyncio.Semaphore) -> str:
    wanted = options(engine.config.models[0], word_timestamps=False, mode=mode)
    request = Hear(path=cut.path, options=wanted, start=cut.start, language="en", spans=cut.spans)
    async with place, aclosing(engine.hear(request)) as replies:
        return "".join([reply.segment.text async for reply in replies if isinstance(reply, SegmentFound)])


def _plainly(name: str, read: list[Read], arguments: argparse.Namespace, cores: int) -> Result:
    """In a process of its own, as an application that calls faster-whisper would be."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.engine", "--plainly", name, "--threads", str(cores)),
            *("--model", arguments.model, "--models-dir", str(arguments.models_dir)),
            *(str(one.path) for one in read),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return Result(**json.loads(done.stdout))


def _plain(arguments: argparse.Namespace) -> None:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(
        str(arguments.models_dir / arguments.model), compute_type="int8", cpu_threads=arguments.threads
    )
    way: Any = BatchedInferencePipeline(model) if arguments.plainly == "batched" else model
    begun = time.perf_counter()
    texts = [
        "".join(
            segment.text for segment in way.transcribe(path, language="en", **PLAIN[arguments.plainly])[0]
        )
        for path in arguments.paths
    ]
    print(json.dumps({"seconds": time.perf_counter() - begun, "texts": texts}))


if __name__ == "__main__":
    given = _arguments()
    _plain(given) if given.plainly else main()
