"""Sound between the decoder and the engine: 16 kHz FLAC, of one channel or two, which keeps every sample."""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from tasks.samples import RATE, Samples

_BLOCK = 4096
_OPTIONS = {"format_whitelist": "flac", "codec_whitelist": "flac", "protocol_whitelist": "file"}


def write(path: Path, samples: Samples) -> None:
    rows = np.atleast_2d(np.round(samples * 32768.0).clip(-32768, 32767).astype(np.int16))
    layout, whole = "mono" if len(rows) == 1 else "stereo", np.ascontiguousarray(rows.T)
    with av.open(str(path), mode="w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout=layout)
        assert isinstance(stream, AudioStream)
        for start in range(0, len(whole), _BLOCK):
            container.mux(stream.encode(_frame(whole, start, layout)))
        container.mux(stream.encode(None))


def read(path: Path) -> Samples:
    """Of the only channel."""
    (samples,) = read_channels(path)
    return samples


def read_channels(path: Path) -> list[Samples]:
    with av.open(str(path), mode="r", options=dict(_OPTIONS)) as container:
        count = container.streams.audio[0].channels
        pieces = [frame.to_ndarray().reshape(-1, count) for frame in container.decode(audio=0)]
    whole = np.concatenate([np.empty((0, count), np.int16), *pieces]).astype(np.float32) / 32768.0
    return list(np.ascontiguousarray(whole.T))


def _frame(whole: NDArray[np.int16], start: int, layout: str) -> AudioFrame:
    """The channels' samples lie beside each other."""
    block = whole[start : start + _BLOCK].reshape(1, -1)
    frame = AudioFrame.from_ndarray(block, format="s16", layout=layout)
    frame.sample_rate = RATE
    frame.pts = start
    return frame
