"""From what was found in a piece to segments on the recording's timeline."""

from collections.abc import Callable, Iterator
from typing import Any

from tasks.doubting import doubts
from tasks.numbers import number
from tasks.track import Found, Track
from webapp.core.transcript import Segment, Word

Clock = Callable[..., float]


def segments(
    found: Found, track: Track, start: float, seconds: float, language: str | None
) -> Iterator[Segment]:
    """Of a chunk that lasts so many `seconds` from `start` on. The model may see the end of its half minute
    instead of the end of the sound."""

    def clock(moment: float, *, ends: bool = False) -> float:
        original = track.piece.original(max(number(moment), 0.0), ends=ends)
        return round(start + min(original, seconds), 3)

    for segment in found.segments:
        text = track.tokenizer.decode(segment["tokens"])
        if segment["start"] != segment["end"] and text.strip():
            yield _segment(segment, text, found, track, language, clock)


def _segment(
    segment: dict[str, Any], text: str, found: Found, track: Track, language: str | None, clock: Clock
) -> Segment:
    decoded, words = found.decoded, segment.get("words") if track.manner.words else None
    begin = clock(segment["start"])
    return Segment(
        start=begin,
        end=max(begin, clock(segment["end"], ends=True)),
        text=text,
        words=None if words is None else [_word(word, clock) for word in words],
        avg_logprob=number(decoded.avg_logprob),
        compression_ratio=number(decoded.compression_ratio),
        no_speech_prob=number(decoded.no_speech_prob),
        temperature=decoded.attempt.temperature,
        channel=track.piece.channel,
        language=language,
        doubts=doubts(segment, text, decoded, few=found.few),
    )


def _word(word: dict[str, Any], clock: Clock) -> Word:
    begin = clock(word["start"])
    end = max(begin, clock(word["end"], ends=True))
    return Word(start=begin, end=end, word=word["word"], probability=number(word["probability"]))
