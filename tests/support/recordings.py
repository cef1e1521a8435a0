"""Makes recordings in many containers, whole and broken, for tests of what opens them."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from tasks.samples import RATE, Samples

# name → codec, container, sample rate, layout
KINDS = {
    "wav": ("pcm_s16le", "wav", 16_000, "mono"),
    "mp3": ("mp3", "mp3", 44_100, "stereo"),
    "m4a": ("aac", "ipod", 44_100, "stereo"),
    "flac": ("flac", "flac", 16_000, "mono"),
    "ogg": ("libopus", "ogg", 48_000, "mono"),
    "webm": ("libopus", "webm", 48_000, "mono"),
    "aiff": ("pcm_s16be", "aiff", 16_000, "mono"),
    "aac": ("aac", "adts", 16_000, "mono"),
    "stereo aac": ("aac", "adts", 44_100, "stereo"),
    "ts": ("aac", "mpegts", 16_000, "mono"),
    "mov": ("pcm_s16le", "mov", 48_000, "stereo"),
}


def tone(seconds: float, *, loudness: float = 0.3) -> Samples:
    """A sweep, so that no two places sound alike."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * (200 + 20 * time) * time)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def decoded(path: Path) -> Samples:
    with av.open(str(path)) as recording:
        resampler = AudioResampler("s16", "mono", RATE)
        frames = [*recording.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return (np.concatenate(pieces) / 32768).astype(np.float32)


def encode(
    path: Path,
    kind: str,
    samples: Samples,
    *,
    options: dict[str, str] | None = None,
    pause: tuple[float, float] | None = None,
    picture: bool = False,
) -> Path:
    """`pause` is (at, for) in seconds: the clock goes on and nothing is stored."""
    codec, container, rate, layout = KINDS[kind]
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        if picture:
            add_picture(output)
        for packet in _packets(stream, samples):
            _pause(packet, pause)
            output.mux(packet)
    return path


def _packets(stream: AudioStream, samples: Samples) -> "list[Packet[AudioStream]]":
    context = stream.codec_context
    resampler = AudioResampler(context.format.name, context.layout.name, context.sample_rate)
    whole = AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
    whole.sample_rate = RATE
    whole.pts = 0
    frames = [*resampler.resample(whole), *resampler.resample(None), None]
    return [packet for frame in frames for packet in stream.encode(frame)]


def _pause(packet: "Packet[AudioStream]", pause: tuple[float, float] | None) -> None:
    if pause is None or packet.pts is None or packet.dts is None:
        return
    at, length = pause
    if packet.pts * packet.time_base >= at:
        ticks = round(Fraction(length) / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks


def add_picture(output: OutputContainer) -> None:
    stream = output.add_stream("mpeg4", rate=5)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    black.pts, black.time_base = 0, Fraction(1, 5)
    output.mux([*stream.encode(black), *stream.encode(None)])


def wav_bytes(rate: int, channels: int, data: bytes) -> bytes:
    """Written by hand: encoders refuse to tell such lies."""
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body
