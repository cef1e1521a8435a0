"""From what faster-whisper found in a chunk to segments on the recording's timeline."""

import math
from typing import Any

from tasks.speech import Chunk
from webapp.core.transcript import Segment, Word


def worth_keeping(segment: Any) -> bool:
    """Where the model hears no speech and is unsure of its words, the words are invented."""
    invented = segment.no_speech_prob > 0.6 and segment.avg_logprob < -1.0
    return bool(segment.text.strip()) and not invented


def placed(segment: Any, chunk: Chunk) -> Segment:
    """From the chunk's timeline to the recording's."""
    words = segment.words
    return Segment(
        start=_time(segment.start, chunk),
        end=_time(segment.end, chunk),
        text=segment.text,
        words=None if words is None else [_placed_word(word, chunk) for word in words],
        avg_logprob=number(segment.avg_logprob),
        compression_ratio=number(segment.compression_ratio),
        no_speech_prob=number(segment.no_speech_prob),
        temperature=number(segment.temperature),
    )


def _placed_word(word: Any, chunk: Chunk) -> Word:
    return Word(
        start=_time(word.start, chunk),
        end=_time(word.end, chunk),
        word=word.word,
        probability=number(word.probability),
    )


def _time(seconds: float, chunk: Chunk) -> float:
    """The model may see the end of its half minute instead of the end of the sound."""
    return round(min(chunk.start + max(number(seconds), 0.0), chunk.end), 3)


def number(value: float | None) -> float:
    """JSON knows neither NaN nor infinity, and a score may be either."""
    return float(value) if value is not None and math.isfinite(value) else 0.0
