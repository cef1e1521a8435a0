"""Sound files written byte by byte: encoders refuse to tell the lies that the tests need told."""

import struct
import zlib
from functools import cache

_PCM = bytes.fromhex("0100000000001000800000aa00389b71")
FLAC_BLOCK = 65_535


def wav(rate: int, channels: int, data: bytes, *, speakers: int | None = None, bits: int = 16) -> bytes:
    """`speakers`: which loudspeaker each channel is for, as a set of bits."""
    size = 2 * channels & 0xFFFF
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * size & 0xFFFFFFFF, size, bits)
    if speakers is not None:
        fmt = b"\xfe\xff" + fmt[2:] + struct.pack("<HHI", 22, bits, speakers) + _PCM
    return riff((b"fmt ", fmt), (b"data", data))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def aiff(rate: str, channels: int, data: bytes) -> bytes:
    """`rate` is a floating-point number of ten bytes, in hexadecimal."""
    about = struct.pack(">hIh", channels, len(data) // 2, 16) + bytes.fromhex(rate)
    sound = bytes(8) + data
    body = b"AIFFCOMM" + _sized(about) + b"SSND" + _sized(sound)
    return b"FORM" + _sized(body)


def au(rate: int, channels: int, data: bytes) -> bytes:
    return struct.pack(">4sIIIII", b".snd", 24, 0xFFFFFFFF, 3, rate, channels) + data


def caf(rate: float, data: bytes, *, packet: int = 2, packets: int | None = None) -> bytes:
    about = struct.pack(">d4sIIIII", rate, b"lpcm", 0, packet, min(packet, 1), 1, 16)
    table = b"" if packets is None else _caf_chunk(b"pakt", struct.pack(">qqii", packets, packets, 0, 0))
    return b"caff\0\1\0\0" + _caf_chunk(b"desc", about) + table + _caf_chunk(b"data", bytes(4) + data)


def flac_silence(hours: float, *, claim: int | None = None, rate: int = 16_000, channels: int = 1) -> bytes:
    """Fifteen bytes for each four seconds. `claim` is how many samples the header speaks of."""
    frames = round(hours * 3600 * rate / FLAC_BLOCK)
    total = frames * FLAC_BLOCK if claim is None else claim
    about = rate << 44 | (channels - 1) << 41 | 15 << 36 | total
    info = struct.pack(">HH", FLAC_BLOCK, FLAC_BLOCK) + bytes(6) + about.to_bytes(8, "big") + bytes(16)
    return flac(info) + _flac_frames(frames, channels)


def flac(info: bytes, *more: tuple[int, bytes]) -> bytes:
    """The head alone."""
    blocks = [(0, info), *more, (0x81, bytes(4))]
    return b"fLaC" + b"".join(bytes([kind]) + len(data).to_bytes(3, "big") + data for kind, data in blocks)


def flac_with(whole: bytes, *more: tuple[int, bytes]) -> bytes:
    """More blocks of metadata for a file from `flac_silence`."""
    return flac(whole[8:42], *more) + whole[50:]


def id3(*frames: bytes) -> bytes:
    body = b"".join(frames)
    size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + body


def id3_frame(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + bytes(2) + data


def id3_packed(name: bytes, data: bytes, claim: int | None = None) -> bytes:
    """A compressed frame, which says how large it will be."""
    body = struct.pack(">I", len(data) if claim is None else claim) + zlib.compress(data, 9)
    return name + struct.pack(">I", len(body)) + b"\0\x80" + body


def flv_script(values: bytes) -> bytes:
    tag = b"\x12" + len(values).to_bytes(3, "big") + bytes(7) + values
    return b"FLV\1\4\0\0\0\x09\0\0\0\0" + tag + struct.pack(">I", len(tag))


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _caf_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">q", len(data)) + data


@cache
def _flac_frames(count: int, channels: int) -> bytes:
    return b"".join(_flac_frame(index, channels) for index in range(count))


def _flac_frame(index: int, channels: int) -> bytes:
    head = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 8]) + chr(index).encode()
    head += struct.pack(">H", FLAC_BLOCK - 1)
    frame = head + bytes([_crc(head, 0x07, 8)]) + bytes(3 * channels)
    return frame + struct.pack(">H", _crc(frame, 0x8005, 16))


def _crc(data: bytes, polynomial: int, width: int) -> int:
    crc, mask = 0, (1 << width) - 1
    for byte in data:
        crc = (crc << 8 ^ _crc_of_a_byte(crc >> width - 8 ^ byte, polynomial, width)) & mask
    return crc


@cache
def _crc_of_a_byte(byte: int, polynomial: int, width: int) -> int:
    crc = byte << width - 8
    for _ in range(8):
        crc = crc << 1 ^ (polynomial if crc >> width - 1 & 1 else 0)
    return crc & (1 << width) - 1
