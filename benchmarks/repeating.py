"""Recordings of any length, made of the tests' short readings."""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from benchmarks.instance import ROOT
from benchmarks.through import samples_of
from tasks.protocol import ChildConfig
from tasks.samples import RATE

READINGS = sorted((ROOT / "tests" / "data").glob("lj_*.flac"))
_BLOCK = 4096
# Each encoder, and how it takes samples.
_CODECS = {".flac": ("flac", "s16"), ".mp3": ("libmp3lame", "s16p")}


def repeated(path: Path, seconds: float) -> Path:
    """So long to the sample, in the format that its name says: .flac or .mp3."""
    config = ChildConfig(models=(), models_dir=Path())
    pause = np.zeros(round(0.6 * RATE), dtype=np.float32)
    once = np.concatenate([part for each in READINGS for part in (samples_of(each, config), pause)])
    whole = (once * 32767).astype(np.int16)
    _write(path, np.resize(whole, round(seconds * RATE)))
    return path


def _write(path: Path, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
    codec, kind = _CODECS[path.suffix]
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        for start in range(0, len(samples), _BLOCK):
            frame = AudioFrame.from_ndarray(samples[None, start : start + _BLOCK], format=kind, layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
