"""More than two hundred broken or hostile files, the same ones every time, made from small pieces."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import av

from tests.support import bombs, pointers
from tests.support.pointers import Elsewhere
from tests.support.recordings import KINDS, add_picture, encode, tone

DECODED = "decoded"
# What damage may lead to: something is heard all the same, or the person is told why not.
DAMAGED = frozenset(
    {
        *(DECODED, "unknown_format", "nothing_decoded", "no_sound_track", "unknown_codec"),
        *("sample_rate", "channels", "too_long"),
    }
)
UNKNOWN = frozenset({"unknown_format"})


@dataclass(frozen=True)
class Case:
    """`ends` holds the codes of the failures it may end with, or `DECODED`."""

    kind: str
    name: str
    content: bytes = field(repr=False)
    ends: frozenset[str] | set[str]
    file_name: str = "recording"

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def all_cases(elsewhere: Elsewhere, folder: Path) -> list[Case]:
    """`folder` is for the recordings that they are made from."""
    random = Random(20)  # noqa: S311
    whole = {kind: encode(folder / "piece", kind, tone(2)).read_bytes() for kind in KINDS}
    return [
        *_truncated(whole),
        *_flipped(whole, random),
        *_spliced(whole),
        *_noise(whole, random),
        *_misnamed(whole, elsewhere),
        *_films(folder),
        *_pointing(whole, elsewhere),
        *_measured(whole),
    ]


def _truncated(whole: dict[str, bytes]) -> list[Case]:
    return [
        Case("truncated", f"{kind} after {share:.0%}", content[: round(len(content) * share)], DAMAGED)
        for kind, content in whole.items()
        for share in (0.003, 0.03, 0.5, 0.95)
    ]


def _flipped(whole: dict[str, bytes], random: Random) -> list[Case]:
    """One flip, some all over, and some in the head, where the lies about the rest stand. An MPEG transport
    stream may seem to begin new tracks on the way, so of that there are more."""
    cases: list[Case] = []
    for kind, content in whole.items():
        for count, reach in (
            (1, None),
            (40, None),
            (1000, None),
            (8, 400),
            *([(1000, None)] * 6 * (kind == "ts")),
        ):
            changed = bytearray(content)
            for place in random.choices(range(len(content[:reach])), k=count):
                changed[place] ^= 1 << random.randrange(8)
            name = f"{kind}, {count} bits{' of its head' if reach else ''} ({len(cases)})"
            cases.append(Case("bit-flipped", name, bytes(changed), DAMAGED))
    return cases


def _spliced(whole: dict[str, bytes]) -> list[Case]:
    kinds = list(whole)
    return [
        Case(
            "spliced",
            f"{head} and {tail}",
            _half(whole[head]) + whole[tail][len(whole[tail]) // 2 :],
            DAMAGED,
        )
        for head, tail in zip(kinds, kinds[1:] + kinds[:1], strict=True)
    ]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _noise(whole: dict[str, bytes], random: Random) -> list[Case]:
    noise = random.randbytes(20_000)
    return [
        Case("noise", "nothing at all", b"", {"empty_file"}),
        *(Case("noise", f"{size} bytes", noise[:size], DAMAGED) for size in (1, 100, 20_000)),
        Case("noise", "zeros", bytes(20_000), DAMAGED),
        Case("noise", "ones", b"\xff" * 20_000, DAMAGED),
        *(
            Case("noise", f"after a head of {kind}", head[:64] + noise, DAMAGED)
            for kind, head in whole.items()
        ),
    ]


def _misnamed(whole: dict[str, bytes], elsewhere: Elsewhere) -> list[Case]:
    """The worker gives every file the same name. Whatever it is called, its content counts."""
    playlist = pointers.playlists(elsewhere)["HLS with a file URL"]
    script = pointers.concat_scripts(elsewhere)["a script with a relative name"]
    described = pointers.session_descriptions(elsewhere)["SDP"]
    others = {
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(200),
        "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 9,
        "ZIP": b"PK\3\4" + bytes(200),
        "ELF": b"\x7fELF\2\1\1" + bytes(200),
        "HTML": b"<!doctype html><title>Not found</title>" * 9,
        "JSON": b'{"error": "not found"}' * 9,
        "XML with an entity": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><a>&b;</a>",
        "text": b"This is no recording.\n" * 99,
        "subtitles": b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n" * 9,
    }
    names = ("a.m3u8", "a.ffconcat", "a.sdp", "a.jpg", "a.png", "a.txt", "-i.wav", "concat:a")
    return [
        *(Case("wrong extension", what, content, UNKNOWN, "a.mp3") for what, content in others.items()),
        *(Case("wrong extension", f"FLAC as {name}", whole["flac"], {DECODED}, name) for name in names),
        Case("wrong extension", "HLS as a.m3u8", playlist, UNKNOWN, "a.m3u8"),
        Case("wrong extension", "HLS as a.wav", playlist, UNKNOWN, "a.wav"),
        Case("wrong extension", "a script as a.ffconcat", script, UNKNOWN, "a.ffconcat"),
        Case("wrong extension", "SDP as a.sdp", described, UNKNOWN, "a.sdp"),
    ]


def _films(folder: Path) -> list[Case]:
    forms = ("matroska", "mov", "mp4", "avi", "mpegts", "mpeg", "asf")
    return [Case("video only", form, _film(folder / "film", form), {"no_sound_track"}) for form in forms]


def _film(path: Path, form: str) -> bytes:
    with av.open(str(path), "w", format=form) as output:
        add_picture(output)
    return path.read_bytes()


def _pointing(whole: dict[str, bytes], elsewhere: Elsewhere) -> list[Case]:
    inside = pointers.inside_recordings(elsewhere, whole["mp3"])
    return [
        *_all("playlist", pointers.playlists(elsewhere), UNKNOWN),
        *_all("concat script", pointers.concat_scripts(elsewhere), UNKNOWN),
        *_all("SDP", pointers.session_descriptions(elsewhere), UNKNOWN),
        *_all("reference in a recording", inside, frozenset({DECODED, "nothing_decoded"})),
    ]


def _all(kind: str, contents: dict[str, bytes], ends: frozenset[str]) -> list[Case]:
    return [Case(kind, name, content, ends) for name, content in contents.items()]


def _measured(whole: dict[str, bytes]) -> list[Case]:
    groups = {
        "long silence": bombs.long_silences(),
        "bomb": bombs.decompression_bombs(whole["mp3"]),
        "sample rate": bombs.sample_rates(),
        "channels": bombs.channels(),
    }
    return [
        Case(kind, name, content, ends)
        for kind, group in groups.items()
        for name, (content, ends) in group.items()
    ]
