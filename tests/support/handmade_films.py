"""MOV, MP4 and Matroska written byte by byte, with one track of sound."""

import struct
import zlib

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_HERE = b"url ", b"\0\0\0\1"
FTYP = b"\0\0\0\x14ftypqt  \0\0\2\0qt  "
SOUND = bytes(4000)


def atom(name: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I4s", len(data) + 8, name) + data


def mov(moov: bytes, data: bytes = SOUND) -> bytes:
    return FTYP + atom(b"mdat", data) + moov


def moov(
    samples: int,
    size: int = 2,
    *,
    codec: bytes = b"sowt",
    edits: int = 0,
    elsewhere: tuple[bytes, bytes] = _HERE,
    fragments: bool = False,
) -> bytes:
    """A table of so many samples of the same size. `elsewhere`: the file that they are said to lie in."""
    media = atom(b"mdia", _mdhd(), _hdlr(), _minf(samples, size, codec, elsewhere))
    edit = struct.pack(">II", 0, edits) + struct.pack(">III", 10, 0, 0x10000) * edits
    cuts = atom(b"edts", atom(b"elst", edit)) if edits else b""
    extends = atom(b"mvex", atom(b"trex", struct.pack(">6I", 0, 1, 1, 1024, 2, 0))) if fragments else b""
    return atom(b"moov", _mvhd(), atom(b"trak", _tkhd(), cuts, media), extends)


def moof(samples: int) -> bytes:
    """A fragment with a run of so many samples, each of the default size."""
    run = atom(b"trun", struct.pack(">II", 0, samples))
    track = atom(b"traf", atom(b"tfhd", struct.pack(">II", 0x20000, 1)), run)
    return atom(b"moof", atom(b"mfhd", struct.pack(">II", 0, 1)), track) + atom(b"mdat", SOUND)


def packed_moov(moov: bytes, claim: int | None = None) -> bytes:
    """Compressed, as QuickTime once did."""
    size = struct.pack(">I", len(moov) if claim is None else claim)
    return atom(b"moov", atom(b"cmov", atom(b"dcom", b"zlib"), atom(b"cmvd", size, zlib.compress(moov, 9))))


def _mvhd() -> bytes:
    return atom(b"mvhd", struct.pack(">5IIH10x", 0, 0, 0, 1000, 1000, 0x10000, 256), _MATRIX, bytes(28))


def _tkhd() -> bytes:
    return atom(b"tkhd", struct.pack(">6I8xHHHH", 7, 0, 0, 1, 0, 1000, 0, 0, 256, 0), _MATRIX, bytes(8))


def _mdhd() -> bytes:
    return atom(b"mdhd", struct.pack(">5IHH", 0, 0, 0, 16_000, 16_000, 0, 0))


def _hdlr() -> bytes:
    return atom(b"hdlr", bytes(8), b"soun", bytes(13))


def _minf(samples: int, size: int, codec: bytes, elsewhere: tuple[bytes, bytes]) -> bytes:
    references = atom(b"dinf", atom(b"dref", struct.pack(">II", 0, 1), atom(*elsewhere)))
    entry = atom(codec, struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, 16_000 << 16))
    table = atom(
        b"stbl",
        atom(b"stsd", struct.pack(">II", 0, 1), entry),
        atom(b"stts", struct.pack(">4I", 0, 1, samples, 1)),
        atom(b"stsc", struct.pack(">5I", 0, 1, 1, samples, 1)),
        atom(b"stsz", struct.pack(">3I", 0, size, samples)),
        atom(b"stco", struct.pack(">3I", 0, 1, len(FTYP) + 8)),
    )
    return atom(b"minf", atom(b"smhd", bytes(8)), references, table)


def element(identity: str, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return bytes.fromhex(identity) + (1 << 56 | len(data)).to_bytes(8, "big") + data


def number(value: int) -> bytes:
    return value.to_bytes(max(1, value.bit_length() + 7 >> 3), "big")


def mkv(
    tracks: list[bytes], blocks: list[bytes], *, seconds: float = 1.0, every: int = 0, more: bytes = b""
) -> bytes:
    """A block comes every so many milliseconds. `seconds` is what the header claims."""
    head = element("1A45DFA3", element("4282", b"matroska"), element("4285", number(2)))
    about = element("1549A966", element("4489", struct.pack(">d", seconds * 1000)), more)
    clusters = [
        element("1F43B675", element("E7", number(index * every)), block) for index, block in enumerate(blocks)
    ]
    return head + element("18538067", about, element("1654AE6B", *tracks), *clusters)


def track(
    *, rate: float = 16_000.0, channels: int = 1, bits: int = 16, index: int = 1, more: bytes = b""
) -> bytes:
    return element(
        "AE",
        element("D7", number(index)),
        element("73C5", number(index)),
        element("83", number(2)),
        element("86", b"A_PCM/INT/LIT"),
        element(
            "E1",
            element("B5", struct.pack(">d", rate)),
            element("9F", number(channels)),
            element("6264", number(bits)),
        ),
        more,
    )


def packing(algorithm: int, settings: bytes = b"") -> bytes:
    """How a track's blocks are compressed: 0 is zlib, 2 is LZO, 3 leaves out a beginning that all share."""
    how = element("5034", element("4254", number(algorithm)), element("4255", settings))
    return element("6D80", element("6240", how))


def block(data: bytes, *, lacing: int = 0) -> bytes:
    return element("A3", struct.pack(">BhB", 0x81, 0, 0x80 | lacing) + data)
