"""What the worker and its children say to each other, and how a message lies on the wire.

There are two kinds of child: the decoder opens strangers' files, the engine listens to what the decoder made
of them. A frame is a four-byte length, a four-byte ticket and that many bytes of MessagePack. What answers a
request bears its ticket. The worker believes nothing that a child says beyond these types and sizes.
"""

import os
import struct
from pathlib import Path

import msgspec

from webapp.core.options import JobOptions
from webapp.core.transcript import Segment

MAX_FRAME = 4 * 1024 * 1024
_HEADER = struct.Struct(">II")
HEADER_SIZE = _HEADER.size


class ChildConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`memory_mb` is what the process may allocate; 0 for no limit."""

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


class Cut(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """To the decoder: cut a recording into chunks, each a FLAC file in `folder`. `start` and `first_chunk`
    carry on where an earlier attempt stopped."""

    path: Path
    folder: Path
    start: float = 0.0
    first_chunk: int = 0


class CutOut(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """To the decoder: one stretch of a recording, as a FLAC file at `target`."""

    path: Path
    target: Path
    start: float
    end: float


class Load(msgspec.Struct, frozen=True, tag=True):
    """To the engine: make this model warm."""

    model: str


class Hear(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """To the engine: what is said in the FLAC file at `path`, which is the recording from `start` on.
    Without a language it is detected; with `only_if_sure` nothing more is done if that stays open. `spans`
    are those of the chunk, unless nobody has listened for them."""

    path: Path
    options: JobOptions
    start: float
    language: str | None = None
    only_if_sure: bool = False
    spans: list[tuple[int, int]] | None = None


class Drop(msgspec.Struct, frozen=True, tag=True):
    """To the engine: nobody waits for the answer to the request with this ticket any more."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has started and takes requests."""


class Loaded(msgspec.Struct, frozen=True, tag=True):
    model: str
    device: str
    compute_type: str


class Opened(msgspec.Struct, frozen=True, tag=True):
    """`duration` is what the file claims or its packets show: good for progress, not a truth."""

    duration: float | None


class ChunkCut(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Seconds on the recording's timeline, `speech` of them with somebody speaking. `last`: none follows.
    `spans` are where somebody speaks, in milliseconds from the chunk's start."""

    index: int
    start: float
    end: float
    speech: float
    path: Path
    last: bool
    spans: list[tuple[int, int]] = []


class CutDone(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """`duration` was decoded; `missing` seconds of the claimed length were not in the file."""

    duration: float
    damaged_packets: int
    missing: float


class LanguageHeard(msgspec.Struct, frozen=True, tag=True):
    """The sum, over so many windows, of the probabilities of the likeliest languages."""

    weights: dict[str, float]
    windows: int


class SegmentFound(msgspec.Struct, frozen=True, tag=True):
    segment: Segment


class Position(msgspec.Struct, frozen=True, tag=True):
    """How far into the recording the work has come, also where nobody speaks."""

    seconds: float


class Heard(msgspec.Struct, frozen=True, tag=True):
    """The chunk is done; or not begun, where its language was to be sure and is not."""

    done: bool


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    code: str
    message: str
    permanent: bool


Request = Cut | CutOut | Load | Hear | Drop
Reply = (
    Ready | Loaded | Opened | ChunkCut | CutDone | LanguageHeard | SegmentFound | Position | Heard | Failed
)
# Whichever of these comes ends the answer to a request.
LAST = Loaded | CutDone | Heard | Failed
_OF_CUTTING = (Opened, Position, ChunkCut, CutDone, Failed)
# What a request may be answered with. A child that says anything else is not to be believed any more.
ANSWERS: dict[type[Request], tuple[type[Reply], ...]] = {
    Cut: _OF_CUTTING,
    CutOut: _OF_CUTTING,
    Load: (Loaded, Failed),
    Hear: (LanguageHeard, SegmentFound, Position, Heard, Failed),
}


def _path(kind: type, value: str) -> Path:
    return Path(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=os.fspath)
_requests = msgspec.msgpack.Decoder(Request, dec_hook=_path)
_replies = msgspec.msgpack.Decoder(Reply, dec_hook=_path)
_configs = msgspec.msgpack.Decoder(ChildConfig, dec_hook=_path)


class ProtocolError(Exception):
    """The other side sent something that is no message."""


def frame(message: Request | Reply | ChildConfig, ticket: int = 0) -> bytes:
    body = _encoder.encode(message)
    return _HEADER.pack(len(body), ticket) + body


def read_header(header: bytes) -> tuple[int, int]:
    """The size of what follows, and its ticket."""
    size, ticket = _HEADER.unpack(header)
    if size > MAX_FRAME:
        raise ProtocolError(f"a message of {size} bytes")
    return size, ticket


def read_request(body: bytes) -> Request:
    request: Request = _requests.decode(body)
    return request


def read_config(body: bytes) -> ChildConfig:
    return _configs.decode(body)


def read_reply(body: bytes) -> Reply:
    try:
        reply: Reply = _replies.decode(body)
    except msgspec.DecodeError as problem:
        raise ProtocolError(str(problem)) from problem
    return reply
