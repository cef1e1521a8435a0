"""Recordings with what is said in them, and how to score a text against that."""

import json
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from benchmarks.through import samples_of
from tasks.environment import ROOT
from tasks.protocol import ChildConfig
from tasks.samples import RATE

DATA = ROOT / "tests" / "data"
PAUSE = np.zeros(round(0.5 * RATE), dtype=np.float32)


class Read(NamedTuple):
    """A recording of somebody who reads this text."""

    path: Path
    text: str


class Score(NamedTuple):
    """Word error rate in percent, and what it is made of."""

    rate: float
    words: int
    wrong: int
    missing: int
    invented: int

    def __str__(self) -> str:
        return f"{self.rate:.2f} % ({self.wrong} wrong, {self.missing} missing, {self.invented} invented)"


def recordings(manifest: Path | None) -> list[Read]:
    """The English ones. A manifest has a line for each, {"file": ..., "ref": ..., "lang": ...}, with paths
    relative to it; without one, the recordings of the tests are used."""
    if manifest is None:
        references: dict[str, str] = json.loads((DATA / "references.json").read_text())
        return [Read(DATA / name, text) for name, text in references.items() if _english(name) and text]
    lines = map(json.loads, manifest.read_text().splitlines())
    return [
        Read(manifest.parent / line["file"], line["ref"])
        for line in lines
        if line["lang"] == "en" and line["ref"]
    ]


def joined(parts: Iterable[Read], path: Path, config: ChildConfig) -> Read:
    """One long recording of them all, with pauses between."""
    texts = []
    with wave.open(str(path), "wb") as whole:
        whole.setnchannels(1)
        whole.setsampwidth(2)
        whole.setframerate(RATE)
        for part in parts:
            samples = np.concatenate([samples_of(part.path, config), PAUSE])
            whole.writeframes((samples * 32767).astype(np.int16).tobytes())
            texts.append(part.text)
    return Read(path, " ".join(texts))


def score(found: Sequence[str], expected: Sequence[str]) -> Score:
    normal = EnglishTextNormalizer()
    errors = jiwer.process_words([normal(text) for text in expected], [normal(text) for text in found])
    words = errors.hits + errors.substitutions + errors.deletions
    return Score(100 * errors.wer, words, errors.substitutions, errors.deletions, errors.insertions)


def _english(name: str) -> bool:
    return not name.startswith(("es_", "fr_"))
