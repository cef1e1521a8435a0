"""Word error rate of our way through decoder and engine beside faster-whisper called directly, same options.

Run: python -m benchmarks.accuracy --model base [--manifest FILE.jsonl] [--joined]
A manifest has a line per recording, {"file": ..., "ref": ...}, with paths relative to it; without
one, the recordings of the tests are used. --joined makes one long recording of them, so that the
cuts between chunks are judged too.
"""

import argparse
import asyncio
import json
import tempfile
import time
import wave
from pathlib import Path

import jiwer
import numpy as np
from faster_whisper import WhisperModel
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from benchmarks.through import Children, children, options, samples_of, through
from tasks.child import ROOT
from tasks.protocol import ChildConfig, SegmentFound
from tasks.samples import RATE

DATA = ROOT / "tests" / "data"
PAUSE = np.zeros(round(0.8 * RATE), dtype=np.float32)


def main() -> None:
    arguments = _arguments()
    config = ChildConfig(models=(arguments.model,), models_dir=arguments.models_dir)
    recordings = _recordings(arguments.manifest)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.joined:
            recordings = [_joined(recordings, Path(folder) / "joined.wav", config)]
        paths, references = zip(*recordings, strict=True)
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


def _recordings(manifest: Path | None) -> list[tuple[Path, str]]:
    if manifest is None:
        references: dict[str, str] = json.loads((DATA / "references.json").read_text())
        return [(DATA / name, text) for name, text in references.items() if _english(name) and text]
    lines = map(json.loads, manifest.read_text().splitlines())
    folder = manifest.parent
    return [(folder / line["file"], line["ref"]) for line in lines if line["lang"] == "en" and line["ref"]]


def _english(name: str) -> bool:
    return not name.startswith(("es_", "fr_"))


def _joined(recordings: list[tuple[Path, str]], path: Path, config: ChildConfig) -> tuple[Path, str]:
    with wave.open(str(path), "wb") as joined:
        joined.setnchannels(1)
        joined.setsampwidth(2)
        joined.setframerate(RATE)
        for recording, _ in recordings:
            samples = np.concatenate([samples_of(recording, config), PAUSE])
            joined.writeframes((samples * 32767).astype(np.int16).tobytes())
    return path, " ".join(text for _, text in recordings)


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
    normal = EnglishTextNormalizer()
    errors = jiwer.process_words([normal(text) for text in references], [normal(text) for text in texts])
    words = errors.hits + errors.substitutions + errors.deletions
    print(
        f"{name}: WER {100 * errors.wer:.2f} % of {words} words "
        f"({errors.substitutions} wrong, {errors.deletions} missing, {errors.insertions} invented) "
        f"in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
