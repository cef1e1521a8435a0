"""Sound between the decoder and the engine: 16 kHz mono FLAC, which keeps every sample as it is."""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from tasks.samples import RATE, Samples

_BLOCK = 4096
_OPTIONS = {"format_whitelist": "flac", "codec_whitelist": "flac", "protocol_whitelist": "file"}


def write(path: Path, samples: Samples) -> None:
    whole = np.round(samples * 32768.0).clip(-32768, 32767).astype(np.int16)
    with av.open(str(path), mode="w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        for start in range(0, len(whole), _BLOCK):
            container.mux(stream.encode(_frame(whole, start)))
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


def _frame(whole: "np.ndarray[tuple[int], np.dtype[np.int16]]", start: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(whole[None, start : start + _BLOCK], format="s16", layout="mono")
    frame.sample_rate = RATE
    frame.pts = start
    return frame
