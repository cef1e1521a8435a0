"""A transcript as files. Times are whole milliseconds, rounded once for all formats."""

import math
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import msgspec

from webapp.core.paragraphs import Paragraph, channel_name, in_order, joined, paragraphs, tidy
from webapp.core.transcript import Gap, Segment, Transcript, Word

MAX_NAME_BYTES = 200  # file systems stop at 255, and browsers append " (1)"

# A spreadsheet would run such a cell; an apostrophe makes it text. Some take full-width signs too.
_FORMULA = re.compile(r"^[=+\-@\uff1d\uff0b\uff0d\uff20]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character, which UTF-8 cannot carry
_ENDING = re.compile(r"\.(?=\d*[A-Za-z])[A-Za-z0-9]{2,5}\s*$")
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # could disguise the ending
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows
_NOT_PLAIN = re.compile(r"[^ !#$&\'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")
_ATTR_CHARS = "!#$&+-.^_`|~"


class Format(msgspec.Struct, frozen=True):
    extension: str
    media_type: str
    render: Callable[[Transcript], Iterator[str]]


class Cue(msgspec.Struct, frozen=True):
    """A segment as every format shows it. `start` and `end` are milliseconds."""

    start: int
    end: int
    text: str
    segment: Segment

    @property
    def channel(self) -> str | None:
        return channel_name(self.segment)


def milliseconds(seconds: float) -> int:
    """Half a millisecond goes to the even neighbour, as Python's `round` does."""
    exact = seconds * 1000
    return max(0, round(exact)) if math.isfinite(exact) else 0


def cues(transcript: Transcript) -> Iterator[Cue]:
    """In order, each at least a millisecond long: WebVTT demands it, engines do not promise it."""
    earliest = 0
    for segment in in_order(transcript.segments):
        text = tidy(segment.text)
        if not text:
            continue
        earliest = max(earliest, milliseconds(segment.start))
        yield Cue(earliest, max(earliest + 1, milliseconds(segment.end)), text, segment)


def txt(transcript: Transcript) -> Iterator[str]:
    """Without times nobody could tell that a partial text has gaps, so they are marked."""
    for index, block in enumerate(_blocks(transcript)):
        yield f"\n{block}\n" if index else f"{block}\n"


def _blocks(transcript: Transcript) -> Iterator[str]:
    segments = in_order(transcript.segments)
    for gap in transcript.gaps:
        behind = (place for place, segment in enumerate(segments) if segment.start > gap.start)
        place = next(behind, len(segments))
        yield from map(_labelled, paragraphs(segments[:place]))
        yield _mark(gap)
        segments = segments[place:]
    yield from map(_labelled, paragraphs(segments))


def _labelled(part: Paragraph | Cue) -> str:
    return f"{part.channel}: {part.text}" if part.channel else part.text


def _mark(gap: Gap) -> str:
    if gap.end is None:
        return f"[not transcribed from {_moment(gap.start)} on]"
    return f"[{_moment(gap.start)} to {_moment(gap.end)} not transcribed]"


def _moment(seconds: float) -> str:
    return clock(milliseconds(seconds), ".").partition(".")[0]


def srt(transcript: Transcript) -> Iterator[str]:
    for number, cue in enumerate(cues(transcript), start=1):
        # SubRip knows no escapes, and some players take any line with an arrow for a timing line.
        text = _labelled(cue).replace("-->", "→")
        yield f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{text}\n\n"


def vtt(transcript: Transcript) -> Iterator[str]:
    yield "WEBVTT\n"
    for cue in cues(transcript):
        text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        voice = f"<v {cue.channel}>" if cue.channel else ""
        yield f"\n{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n{voice}{text}\n"


def tsv(transcript: Transcript) -> Iterator[str]:
    """Quoted as spreadsheets expect it: else one unpaired `"` swallows the rows that follow."""
    channels = any(segment.channel is not None for segment in transcript.segments)
    yield "start\tend\ttext\tchannel\n" if channels else "start\tend\ttext\n"
    for cue in cues(transcript):
        text = _FORMULA.sub(r"'\g<0>", cue.text)
        if '"' in text:
            text = '"' + text.replace('"', '""') + '"'
        last = f"\t{cue.channel or ''}" if channels else ""
        yield f"{cue.start}\t{cue.end}\t{text}{last}\n"


def json(transcript: Transcript) -> Iterator[str]:
    """Times are seconds. A score that is not a number becomes null."""
    yield _json_head(transcript).removesuffix("}") + ',"segments":['
    for index, cue in enumerate(cues(transcript)):
        yield (",\n" if index else "\n") + _encoded(_json_segment(cue))
    yield "\n]}\n"


def _json_head(transcript: Transcript) -> str:
    duration = transcript.duration
    return _encoded(
        {
            "title": tidy(transcript.title),
            "language": transcript.language,
            "language_probability": transcript.language_probability,
            "duration": None if duration is None else milliseconds(duration) / 1000,
            "model": transcript.model,
            "task": transcript.task,
            "partial": transcript.partial,
            "gaps": [_json_gap(gap) for gap in transcript.gaps],
            "text": joined(segment.text for segment in in_order(transcript.segments)),
        }
    )


def _json_gap(gap: Gap) -> dict[str, float | None]:
    end = None if gap.end is None else milliseconds(gap.end) / 1000
    return {"start": milliseconds(gap.start) / 1000, "end": end}


def _json_segment(cue: Cue) -> dict[str, object]:
    segment = cue.segment
    words = segment.words
    return {
        "start": cue.start / 1000,
        "end": cue.end / 1000,
        "text": cue.text,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
        "temperature": segment.temperature,
        "channel": segment.channel,
        "language": segment.language,
        "doubts": segment.doubts,
        "words": None if words is None else [_json_word(word) for word in words],
    }


def _json_word(word: Word) -> dict[str, object]:
    start = milliseconds(word.start)
    return {
        "start": start / 1000,
        "end": max(start, milliseconds(word.end)) / 1000,
        "word": _SURROGATE.sub("", word.word),
        "probability": word.probability,
    }


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()


def clock(moment: int, point: str) -> str:
    seconds, millis = divmod(moment, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{millis:03}"


FORMATS: dict[str, Format] = {
    "txt": Format("txt", "text/plain; charset=utf-8", txt),
    "srt": Format("srt", "application/x-subrip; charset=utf-8", srt),
    "vtt": Format("vtt", "text/vtt; charset=utf-8", vtt),
    "json": Format("json", "application/json", json),
    "tsv": Format("tsv", "text/tab-separated-values; charset=utf-8", tsv),
}


def filename(title: str, extension: str) -> str:
    """A download name that every file system takes, in place of the recording's own ending."""
    stem = _FORBIDDEN.sub("_", _BIDI.sub("", tidy(_ENDING.sub("", title))))
    stem = stem.encode(errors="ignore")[:MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
    if _RESERVED.fullmatch(stem):
        stem = f"_{stem}"
    return f"{stem or 'transcript'}.{extension}"


def content_disposition(name: str) -> str:
    """RFC 6266: a plain name for old clients, the real one percent-encoded beside it (RFC 8187)."""
    plain = _NOT_PLAIN.sub("_", name)
    header = f'attachment; filename="{plain}"'
    if plain == name:
        return header
    return f"{header}; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS, errors='replace')}"
