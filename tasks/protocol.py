"""What the worker and the engine's process say to each other, and how a message lies on the wire.

A frame is a four-byte length and that many bytes of MessagePack. The engine's process handles
hostile files, so the worker believes nothing it says beyond these types and sizes.
"""

import os
import struct
from pathlib import Path

import msgspec

from webapp.core.options import JobOptions
from webapp.core.transcript import Segment

MAX_FRAME = 4 * 1024 * 1024
_HEADER = struct.Struct(">I")
HEADER_SIZE = _HEADER.size


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    models: tuple[str, ...]
    models_dir: Path
    device: str = "auto"
    compute_type: str = "auto"
    cpu_threads: int = 0
    vad_threshold: float = 0.5
    vad_min_silence_ms: int = 500
    max_duration_s: float = 6 * 3600
    max_channels: int = 16
    min_sample_rate: int = 4_000
    max_sample_rate: int = 384_000
    memory_mb: int = 0


class Load(msgspec.Struct, frozen=True, tag=True):
    model: str


class Transcribe(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """`start`, `first_chunk` and `language` carry on where an earlier attempt stopped."""

    path: Path
    options: JobOptions
    start: float = 0.0
    first_chunk: int = 0
    language: str | None = None


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has started and takes requests."""


class Loaded(msgspec.Struct, frozen=True, tag=True):
    model: str
    device: str
    compute_type: str


class Opened(msgspec.Struct, frozen=True, tag=True):
    """`duration` is what the file claims or its packets show: good for progress, not a truth."""

    duration: float | None


class ChunkStarted(msgspec.Struct, frozen=True, tag=True):
    index: int
    start: float
    end: float


class LanguageDetected(msgspec.Struct, frozen=True, tag=True):
    language: str
    probability: float


class SegmentFound(msgspec.Struct, frozen=True, tag=True):
    chunk: int
    segment: Segment


class Position(msgspec.Struct, frozen=True, tag=True):
    """How far into the recording the work has come, also where nobody speaks."""

    seconds: float


class ChunkDone(msgspec.Struct, frozen=True, tag=True):
    index: int


class Done(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """`duration` was decoded; `missing` seconds of the claimed length were not in the file."""

    duration: float
    speech: float
    damaged_packets: int
    missing: float


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    code: str
    message: str
    permanent: bool


Request = Load | Transcribe
Event = Opened | ChunkStarted | LanguageDetected | SegmentFound | Position | ChunkDone | Done | Failed
Reply = Ready | Loaded | Event


def _path(kind: type, value: str) -> Path:
    return Path(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=os.fspath)
_requests = msgspec.msgpack.Decoder(Request, dec_hook=_path)
_replies = msgspec.msgpack.Decoder(Reply)
_configs = msgspec.msgpack.Decoder(EngineConfig, dec_hook=_path)


class ProtocolError(Exception):
    """The other side sent something that is no message."""


def frame(message: Request | Reply | EngineConfig) -> bytes:
    body = _encoder.encode(message)
    return _HEADER.pack(len(body)) + body


def body_size(header: bytes) -> int:
    (size,) = _HEADER.unpack(header)
    if size > MAX_FRAME:
        raise ProtocolError(f"a message of {size} bytes")
    return int(size)


def read_request(body: bytes) -> Request:
    request: Request = _requests.decode(body)
    return request


def read_config(body: bytes) -> EngineConfig:
    return _configs.decode(body)


def read_reply(body: bytes) -> Reply:
    try:
        reply: Reply = _replies.decode(body)
    except msgspec.DecodeError as problem:
        raise ProtocolError(str(problem)) from problem
    return reply
