"""Small files that want to become large, and files that lie about their measures."""

import struct
import zlib

from tests.support.handmade import (
    aiff,
    au,
    caf,
    flac_silence,
    flac_with,
    flv_script,
    id3,
    id3_frame,
    id3_packed,
    wav,
)
from tests.support.handmade_films import (
    FTYP,
    SOUND,
    atom,
    block,
    mkv,
    moof,
    moov,
    mov,
    packed_moov,
    packing,
    track,
)

SECOND = bytes(32_000)
MOST = 0xFFFFFFFF
REFUSED_FORMAT, NO_TRACK, NO_SOUND = {"unknown_format"}, {"no_sound_track"}, {"nothing_decoded"}
DECODED = {"decoded"}
Expected = tuple[bytes, set[str]]
NaN, INFINITE = float("nan"), float("inf")


def long_silences() -> dict[str, Expected]:
    """Ten hours each, in an eighth of a megabyte or less."""
    pauses = mkv([track()], [block(bytes(320))] * 61, every=590_000)
    return {
        "FLAC that says so": (flac_silence(10), {"too_long"}),
        "FLAC that claims two seconds": (flac_silence(10, claim=32_000), {"too_long"}),
        "FLAC that claims nothing": (flac_silence(10, claim=0), {"too_long"}),
        "FLAC at the lowest rate": (flac_silence(10, claim=8_000, rate=4_000), {"too_long"}),
        "FLAC of eight channels": (flac_silence(10, claim=32_000, channels=8), {"too_long"}),
        "FLAC that claims a million hours": (flac_silence(0.01, claim=(1 << 36) - 1), DECODED),
        "WAV that claims as much as it can": (wav(16_000, 1, SECOND)[:40] + b"\xff" * 4 + SECOND, DECODED),
        "Matroska that claims an eternity": (mkv([track()], [block(SOUND)], seconds=1e300), DECODED),
        "Matroska that claims less than nothing": (mkv([track()], [block(SOUND)], seconds=-5.0), DECODED),
        "Matroska that claims no number": (mkv([track()], [block(SOUND)], seconds=NaN), DECODED),
        "a header that all blocks share": (_shared_header(), {"too_long"}),
        "Matroska of pauses": (pauses, {"too_long"}),
    }


def decompression_bombs(mp3: bytes) -> dict[str, Expected]:
    empty, runs = moov(2000), FTYP + moov(0, fragments=True)
    slow = track(rate=4000.0, bits=8)
    tracks = [track(index=n + 1) for n in range(5000)]
    titles = [id3_packed(b"TXXX", b"\0" + b"A" * 2_000_000)] * 100
    comments = 4, struct.pack("<II", 0, MOST)
    return {
        "MOV whose head unpacks to 300 MB": (mov(packed_moov(bytes(300_000_000))), NO_TRACK),
        "MOV whose head claims to unpack to 2 GB": (mov(packed_moov(empty, 2_000_000_000)), REFUSED_FORMAT),
        "MOV whose head claims to unpack to 4 GB": (mov(packed_moov(empty, MOST)), REFUSED_FORMAT),
        "MOV of 4 billion samples": (mov(moov(MOST)), DECODED),
        "MOV of 5 million packets": (mov(moov(5_000_000, codec=b"mp4a")), NO_SOUND),
        "MOV of 100 million packets": (mov(moov(100_000_000, codec=b"mp4a")), NO_SOUND),
        "MOV of 4 billion packets": (mov(moov(MOST, codec=b"mp4a")), NO_SOUND),
        "MOV with packets of 4 GB": (mov(moov(1000, MOST, codec=b"mp4a")), NO_SOUND),
        "MOV with a hundred cuts": (mov(moov(20_000, edits=100)), DECODED),
        "MOV in MOV in MOV": (FTYP + _nested(2000), REFUSED_FORMAT),
        "MP4 with a run of 2 million": (runs + moof(2_000_000), DECODED),
        "MP4 with a run of 4 billion": (runs + moof(MOST), REFUSED_FORMAT),
        "MP4 with 20 runs of a million": (runs + moof(1_000_000) * 20, {"too_long"}),
        "Matroska with blocks of 9 MB": (_packed_blocks(9_000_000, 50), {"too_long"}),
        "Matroska with blocks of 100 MB": (_packed_blocks(100_000_000, 3), NO_SOUND),
        "Matroska with a block of 110 MB": (mkv([slow], [block(bytes(110_000_000))]), NO_SOUND),
        "Matroska with 5,000 tracks": (mkv(tracks, [block(SOUND)]), DECODED),
        "Matroska with empty laces": (mkv([track()], [_empty_laces()] * 2000), NO_SOUND),
        "Matroska in LZO": (mkv([track(more=packing(2))], [block(b"\xff" * 40_000)] * 20), NO_SOUND),
        "MP3 with a title of 100 MB": (id3(id3_packed(b"TIT2", b"\0" + b"A" * 100_000_000)) + mp3, DECODED),
        "MP3 with a title of 2 GB": (id3(id3_packed(b"TIT2", b"\0A", 0x7FFFFFFF)) + mp3, DECODED),
        "MP3 with 100 titles of 2 MB": (id3(*titles) + mp3, DECODED),
        "MP3 with a tag of 256 MB": (b"ID3\3\0\0\x7f\x7f\x7f\x7f" + mp3, REFUSED_FORMAT),
        "MP3 with a picture of 30,000 by 30,000": (id3(id3_frame(b"APIC", _picture())) + mp3, DECODED),
        "FLAC with 4 billion comments": (flac_with(flac_silence(0.01), comments), DECODED),
        "FLAC with 50,000 gaps": (flac_with(flac_silence(0.01), *[(1, b"")] * 50_000), DECODED),
        "CAF with a trillion packets": (caf(16e3, SECOND, packet=0, packets=1 << 40), REFUSED_FORMAT),
        "CAF with packets of 2 GB": (caf(16e3, SECOND, packet=0x7FFFFFFF), NO_SOUND),
        "FLV with nested values": (flv_script(b"\2\0\x0aonMetaData" + b"\3\0\1a" * 50_000), REFUSED_FORMAT),
        "a PNG of 30,000 by 30,000": (_png(), REFUSED_FORMAT),
        "gzip of 50 MB": (_gzip(bytes(50_000_000)), REFUSED_FORMAT),
    }  # fmt: skip


def sample_rates() -> dict[str, Expected]:
    bad, broken = {"sample_rate"}, REFUSED_FORMAT
    rates = {
        0: broken,
        1: bad | {"too_long"},
        999: bad,
        3_999: bad,
        4_000: DECODED,
        384_000: DECODED,
        384_001: bad,
    }
    large = {0x7FFFFFFF: bad, 0x80000000: broken, MOST: broken}
    films = {0.0: NO_TRACK, 0.5: NO_TRACK, 2e9: bad, 5e9: DECODED, NaN: DECODED, INFINITE: DECODED}
    ten_bytes = {
        "nothing": "0" * 20,
        "less than nothing": "c00cfa00000000000000",
        "infinity": "7fff8000000000000000",
        "no number": "7fffffffffffffffffff",
    }
    return (
        {f"WAV of {rate} Hz": (wav(rate, 1, bytes(2000)), ends) for rate, ends in (rates | large).items()}
        | {
            f"Matroska of {rate} Hz": (mkv([track(rate=rate)], [block(SOUND)]), e)
            for rate, e in films.items()
        }
        | {f"AIFF of {what}": (aiff(rate, 1, SECOND), broken) for what, rate in ten_bytes.items()}
        | {f"AU of {rate} Hz": (au(rate, 1, SECOND), broken) for rate in (0, MOST)}
        | {f"CAF of {rate} Hz": (caf(rate, SECOND), NO_TRACK) for rate in (0.0, NaN)}
    )


def channels() -> dict[str, Expected]:
    """Also those that have no place among the loudspeakers: recorders make them."""
    rate, many = "400cfa00000000000000", {"channels"}
    counts = {0: NO_TRACK} | dict.fromkeys(range(9, 17), DECODED) | dict.fromkeys((17, 64, 255, 512), many)
    speakers = {(2, 0x600): DECODED, (3, 0x700000): DECODED, (10, 0x3FF): DECODED, (5, 0x3FF): DECODED}
    return (
        {f"WAV of {n}": (wav(16_000, n, bytes(max(n, 1) * 4000)), ends) for n, ends in counts.items()}
        | {f"WAV of {n} at {where:x}": (wav(16_000, n, bytes(n * 4000), speakers=where), e)
           for (n, where), e in speakers.items()}
        | {f"Matroska of {n}": (mkv([track(channels=n)], [block(SOUND)]), e)
           for n, e in {0: NO_TRACK, 64: many, 1 << 31: REFUSED_FORMAT, 1 << 40: REFUSED_FORMAT}.items()}
        | {"AIFF of 64": (aiff(rate, 64, SECOND), many), "AIFF of -1": (aiff(rate, -1, SECOND), NO_TRACK)}
        | {"AU of none": (au(16_000, 0, SECOND), REFUSED_FORMAT), "AU of 64": (au(16_000, 64, SECOND), many)}
    )  # fmt: skip


def _shared_header() -> bytes:
    return mkv([track(more=packing(3, bytes(100_000)))], [block(b"")] * 200)


def _packed_blocks(size: int, count: int) -> bytes:
    return mkv([track(more=packing(0))], [block(zlib.compress(bytes(size), 9))] * count)


def _nested(depth: int) -> bytes:
    inside = b""
    for _ in range(depth):
        inside = atom(b"moov", inside)
    return inside


def _empty_laces() -> bytes:
    return block(b"\xff" + bytes(255), lacing=2)


def _png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 30_000, 30_000, 8, 6, 0, 0, 0, 0)


def _picture() -> bytes:
    return b"\0image/png\0\3\0" + _png()


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(data) + packer.flush()
