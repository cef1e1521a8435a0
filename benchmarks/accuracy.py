"""Word error rate of our way through decoder and engine beside faster-whisper called directly, same options.

Run: python -m benchmarks.accuracy --model base [--manifest FILE.jsonl] [--joined]
A manifest has a line per recording, {"file": ..., "ref": ...}, with paths relative to it; without
one, the recordings of the tests are used. --joined makes one long recording of them, so that the
cuts between chunks are judged too.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from faster_whisper import WhisperModel

from benchmarks.recordings import joined, recordings, score
from benchmarks.through import Children, children, options, through
from tasks.environment import ROOT
from tasks.protocol import ChildConfig, SegmentFound


def main() -> None:
    arguments = _arguments()
    config = ChildConfig(models=(arguments.model,), models_dir=arguments.models_dir)
    read = recordings(arguments.manifest)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.joined:
            read = [joined(read, Path(folder) / "joined.wav", config)]
        paths, references = zip(*read, strict=True)
        begun = time.perf_counter()
        ours = asyncio.run(_ours(paths, arguments.model, config))
        middle = time.perf_counter()
        direct = _direct(paths, arguments.model, config)
        end = time.perf_counter()
    _report("ours", ours, references, middle - begun)
    _report("direct", direct, references, end - middle)
    print(f"same text: {sum(map(str.__eq__, ours, direct))} of {len(ours)} recordings")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="base")
    parser.add_argument("--models-dir", type=Path, default=ROOT / ".data" / "models")
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--joined", action="store_true")
    return parser.parse_args()


async def _ours(paths: tuple[Path, ...], model: str, config: ChildConfig) -> list[str]:
    async with children(config) as ours:
        return [await _text(ours, path, model) for path in paths]


async def _text(ours: Children, path: Path, model: str) -> str:
    replies = through(ours, path, options(model, word_timestamps=False))
    return "".join([reply.segment.text async for reply in replies if isinstance(reply, SegmentFound)])


def _direct(paths: tuple[Path, ...], model: str, config: ChildConfig) -> list[str]:
    whisper = WhisperModel(str(config.models_dir / model), compute_type=config.compute_type)
    return [
        "".join(
            segment.text
            for segment in whisper.transcribe(
                str(path),
                language="en",
                beam_size=5,
                vad_filter=True,
                vad_parameters={"min_silence_duration_ms": config.vad_min_silence_ms},
                condition_on_previous_text=False,
            )[0]
        )
        for path in paths
    ]


def _report(name: str, texts: list[str], references: tuple[str, ...], seconds: float) -> None:
    print(f"{name}: WER {score(texts, references)} in {seconds:.1f} s")


if __name__ == "__main__":
    main()
