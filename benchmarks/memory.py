"""Memory of the engine's process and its worker over a recording of hours, made by repeating a short one.

Run: python -m benchmarks.memory AUDIO [--hours 2] [--model base]
"""

import argparse
import asyncio
import tempfile
import time
import wave
from contextlib import aclosing, suppress
from pathlib import Path

import numpy as np
import psutil

from tasks.child import ROOT, EngineChild
from tasks.media import opened
from tasks.protocol import EngineConfig, Event, Failed, Position, Transcribe
from tasks.samples import RATE
from webapp.core.options import JobOptions

MB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--model", default="base")
    parser.add_argument("--models-dir", type=Path, default=ROOT / ".data" / "models")
    arguments = parser.parse_args()
    config = EngineConfig(
        models=(arguments.model,), models_dir=arguments.models_dir, max_duration_s=48 * 3600
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        _repeat(arguments.audio, path, arguments.hours, config)
        asyncio.run(_measure(path, arguments.model, config))


def _repeat(audio: Path, path: Path, hours: float, config: EngineConfig) -> None:
    with opened(audio, config) as recording:
        samples = np.concatenate(list(recording.windows()))
    piece = (samples * 32767).astype(np.int16).tobytes()
    with wave.open(str(path), "wb") as long:
        long.setnchannels(1)
        long.setsampwidth(2)
        long.setframerate(RATE)
        for _ in range(round(hours * 3600 * RATE / len(samples)) or 1):
            long.writeframes(piece)


async def _measure(path: Path, model: str, config: EngineConfig) -> None:
    peaks: list[int] = []
    async with EngineChild(config) as child:
        watch = asyncio.create_task(_watch(peaks))
        begun = time.perf_counter()
        request = Transcribe(path=path, options=_options(model))
        async with aclosing(child.transcribe(request)) as events:
            async for event in events:
                _tell(event, peaks, time.perf_counter() - begun)
        watch.cancel()
    print(f"peak of all processes: {max(peaks) / MB:.0f} MB")


async def _watch(peaks: list[int]) -> None:
    worker = psutil.Process()
    while True:
        with suppress(psutil.NoSuchProcess):
            family = [worker, *worker.children(recursive=True)]
            peaks.append(sum(process.memory_info().rss for process in family))
        await asyncio.sleep(0.2)


def _tell(event: Event, peaks: list[int], seconds: float) -> None:
    if isinstance(event, Failed):
        raise SystemExit(event.message)
    if isinstance(event, Position):
        print(
            f"{event.seconds:8.0f} s of sound in {seconds:6.0f} s, {peaks[-1] / MB:.0f} MB now, "
            f"{max(peaks) / MB:.0f} MB at most"
        )


def _options(model: str) -> JobOptions:
    return JobOptions(
        model=model,
        language="en",
        task="transcribe",
        initial_prompt=None,
        hotwords=None,
        vad_filter=True,
        word_timestamps=True,
        beam_size=5,
    )


if __name__ == "__main__":
    main()
