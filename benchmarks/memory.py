"""Memory of decoder, engine and worker over a recording of hours, made by repeating a short one.

Run: python -m benchmarks.memory AUDIO [--hours 2] [--model base]
"""

import argparse
import asyncio
import tempfile
import time
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from benchmarks.through import Children, children, options, samples_of, through
from tasks.environment import ROOT
from tasks.protocol import ChildConfig, Position, Reply
from tasks.samples import RATE

MB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--model", default="base")
    parser.add_argument("--models-dir", type=Path, default=ROOT / ".data" / "models")
    arguments = parser.parse_args()
    config = ChildConfig(models=(arguments.model,), models_dir=arguments.models_dir, max_duration_s=48 * 3600)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        _repeat(arguments.audio, path, arguments.hours, config)
        asyncio.run(_measure(path, arguments.model, config))


def _repeat(audio: Path, path: Path, hours: float, config: ChildConfig) -> None:
    samples = samples_of(audio, config)
    piece = (samples * 32767).astype(np.int16).tobytes()
    with wave.open(str(path), "wb") as long:
        long.setnchannels(1)
        long.setsampwidth(2)
        long.setframerate(RATE)
        for _ in range(round(hours * 3600 * RATE / len(samples)) or 1):
            long.writeframes(piece)


class Peaks:
    """The highest memory seen, in bytes: of each process, and of all of them at one moment."""

    def __init__(self, ours: Children) -> None:
        self.now = self.most = 0
        self.each: dict[str, int] = {}
        self._ours = ours

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.2)

    def look(self) -> None:
        held = {"this process": _held(None)}
        held |= {child.kind: _held(child.pid) for child in self._ours if child.pid}
        self.now = sum(held.values())
        self.most = max(self.most, self.now)
        self.each = {name: max(size, self.each.get(name, 0)) for name, size in held.items()}


def _held(pid: int | None) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


async def _measure(path: Path, model: str, config: ChildConfig) -> None:
    async with children(config) as ours:
        peaks = Peaks(ours)
        watch = asyncio.create_task(peaks.watch())
        begun = time.perf_counter()
        async for reply in through(ours, path, options(model, word_timestamps=True)):
            _tell(reply, peaks, time.perf_counter() - begun)
        watch.cancel()
    for name, most in peaks.each.items():
        print(f"peak of {name}: {most / MB:.0f} MB")
    print(f"peak of all processes: {peaks.most / MB:.0f} MB")


def _tell(reply: Reply, peaks: Peaks, seconds: float) -> None:
    if isinstance(reply, Position):
        print(
            f"{reply.seconds:8.0f} s of sound in {seconds:6.0f} s, {peaks.now / MB:.0f} MB now, "
            f"{peaks.most / MB:.0f} MB at most"
        )


if __name__ == "__main__":
    main()
