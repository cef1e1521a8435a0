"""How recognised text reads, on pages and in exports: tidied, joined, and set in paragraphs."""

import re
from collections.abc import Iterable

import msgspec

from webapp.core.transcript import Segment

PAUSE_S = 2.0
LONG_ENOUGH = 400
TOO_LONG = 1500  # characters; an engine may forget punctuation for minutes

_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_SENTENCE_END = re.compile(r"[.!?…。\uff01\uff1f؟।][\"'”\u2019»)\]」』]*$")
# Thai, Lao, Burmese, Khmer, Chinese and Japanese put no space between sentences.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uff9f]")


class Paragraph(msgspec.Struct, frozen=True):
    segments: list[Segment]

    @property
    def start(self) -> float:
        return self.segments[0].start

    @property
    def end(self) -> float:
        return self.segments[-1].end

    @property
    def channel(self) -> str | None:
        return channel_name(self.segments[0])

    @property
    def anchor(self) -> str:
        """A second is enough, unless several speak in it."""
        channel = self.segments[0].channel
        return f"t={int(self.start)}" if channel is None else f"t={self.start:.3f}-{channel + 1}"

    @property
    def text(self) -> str:
        return joined(segment.text for segment in self.segments)

    @property
    def pieces(self) -> list[str]:
        """The text cut where its segments begin. Joined without anything between they give `text`."""
        found: list[str] = []
        text = ""
        for segment in self.segments:
            longer = joined((text, segment.text))
            found.append(longer[len(text) :])
            text = longer
        return found

    @property
    def marked(self) -> list[tuple[str, Segment]]:
        """Each piece with the segment that it is the text of."""
        return list(zip(self.pieces, self.segments, strict=True))


def paragraphs(segments: Iterable[Segment]) -> list[Paragraph]:
    """Decided from left to right: a segment that is spoken later never changes an earlier paragraph."""
    found: list[Paragraph] = []
    for segment in in_order(segments):
        if not tidy(segment.text):
            continue
        if found and not _ends_before(found[-1], segment):
            found[-1].segments.append(segment)
        else:
            found.append(Paragraph([segment]))
    return found


def _ends_before(paragraph: Paragraph, segment: Segment) -> bool:
    if segment.channel != paragraph.segments[0].channel or segment.start - paragraph.end >= PAUSE_S:
        return True
    text = paragraph.text
    if len(text) >= TOO_LONG:
        return True
    return len(text) >= LONG_ENOUGH and _SENTENCE_END.search(text) is not None


def in_order(segments: Iterable[Segment]) -> list[Segment]:
    """As they are spoken. Channels are heard one after the other, and people talk at the same time."""
    found = list(segments)
    if all(segment.channel is None for segment in found):
        return found
    return sorted(found, key=lambda segment: segment.start)


def channel_name(segment: Segment) -> str | None:
    return None if segment.channel is None else f"Channel {segment.channel + 1}"


def joined(texts: Iterable[str]) -> str:
    parts: list[str] = []
    for text in filter(None, map(tidy, texts)):
        if parts and not (_UNSPACED.match(parts[-1][-1]) and _UNSPACED.match(text[0])):
            parts.append(" ")
        parts.append(text)
    return "".join(parts)


def tidy(text: str) -> str:
    """One line without control characters, which could break out of a cue or a row."""
    return _BREAKS.sub(" ", text).strip()
