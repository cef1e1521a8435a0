"""Reasons not to trust what the model found; `webapp/core/doubts.py` has them in words."""

from typing import Any

from tasks.care import HIGHEST_COMPRESSION, LOWEST_LOGPROB, NO_SPEECH
from tasks.whisper import Decoded

# In units of a word, or of three letters where words are not written apart. Slow speech has one a second; the
# fastest talker in the Guinness book had eleven.
_FEWEST, _MOST = 0.4, 9.0
# Seconds: under these, counting says nothing.
_SHORTEST_SPEECH, _SHORTEST_SEGMENT = 4.0, 1.5


def too_few_words(text: str, spoken: float) -> bool:
    """For so many seconds of speech."""
    return spoken >= _SHORTEST_SPEECH and _units(text) < _FEWEST * spoken


def doubts(segment: dict[str, Any], text: str, decoded: Decoded, *, few: bool) -> list[str]:
    reasons = {
        "repetitive": decoded.compression_ratio > HIGHEST_COMPRESSION,
        "unsure": decoded.avg_logprob < LOWEST_LOGPROB,
        "no_speech": decoded.no_speech_prob > NO_SPEECH,
        "too_fast": _is_too_fast(text, segment["end"] - segment["start"]),
        "too_few": few,
    }
    return [code for code, holds in reasons.items() if holds]


def _is_too_fast(text: str, seconds: float) -> bool:
    return _units(text) > _MOST * max(seconds, _SHORTEST_SEGMENT)


def _units(text: str) -> float:
    letters = sum(character.isalnum() for character in text)
    return max(len(text.split()), letters / 6)
