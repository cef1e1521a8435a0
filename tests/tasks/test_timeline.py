"""What was found in a piece lies where it was said in the recording, in numbers that can be stored."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tasks.care import Attempt
from tasks.pieces import Piece, whole
from tasks.samples import RATE, Span
from tasks.timeline import segments
from tasks.track import Found, Track
from tasks.whisper import Decoded
from webapp.core.transcript import Segment

TEN_SECONDS = whole(np.zeros(10 * RATE, np.float32))
# Two stretches, from the third second and from the sixtieth on.
TORN = Piece(np.zeros(8 * RATE, np.float32), [Span(3 * RATE, 7 * RATE), Span(60 * RATE, 64 * RATE)], None)


def placed(
    *found: dict[str, Any],
    piece: Piece = TEN_SECONDS,
    seconds: float = 10.0,
    language: str | None = None,
    words: bool = True,
    **scores: float,
) -> list[Segment]:
    """In a chunk that begins at the thirtieth second."""
    tokenizer = SimpleNamespace(decode=lambda tokens: tokens)
    track = SimpleNamespace(piece=piece, tokenizer=tokenizer, manner=SimpleNamespace(words=words))
    told = {"avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.1} | scores
    window = Found(list(found), Decoded([], **told, attempt=Attempt(temperature=0.2)), language, few=False)
    return list(segments(window, cast(Track, track), 30.0, seconds, language))


def said(start: float, end: float, text: str = " Hello", **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "tokens": text} | more


def test_a_segment_lies_where_it_was_said() -> None:
    (segment,) = placed(said(1.0, 2.0), language="es")
    assert (segment.start, segment.end, segment.text, segment.language) == (31, 32, " Hello", "es")
    assert (segment.avg_logprob, segment.compression_ratio, segment.temperature) == (-0.2, 1, 0.2)
    assert (segment.channel, segment.doubts) == (None, [])


def test_what_was_left_out_in_between_counts() -> None:
    before, after = placed(said(0.0, 4.0), said(4.0, 8.0), piece=TORN, seconds=70.0)
    assert (before.start, before.end) == (33, 37)
    assert (after.start, after.end) == (90, 94)


def test_a_word_ends_before_what_was_left_out() -> None:
    words = [{"start": 3.0, "end": 4.0, "word": " Hello", "probability": 0.9}]
    (segment,) = placed(said(3.0, 4.0, words=words), piece=TORN, seconds=70.0)
    assert [(word.start, word.end, word.word) for word in segment.words or []] == [(36, 37, " Hello")]


def test_words_are_told_only_if_they_are_wanted() -> None:
    words = [{"start": 3.0, "end": 4.0, "word": " Hello", "probability": 0.9}]
    (segment,) = placed(said(3.0, 4.0, words=words), words=False)
    assert segment.words is None


def test_times_stay_inside_their_chunk() -> None:
    (segment,) = placed(said(-0.5, 29.98))
    assert (segment.start, segment.end) == (30, 40)


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_segments_are_dropped(text: str) -> None:
    assert placed(said(0.0, 1.0, text)) == []


def test_segments_without_length_are_dropped() -> None:
    assert placed(said(1.0, 1.0)) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_json_cannot_hold_become_zero(value: float) -> None:
    (segment,) = placed(said(0.0, 1.0), avg_logprob=value, compression_ratio=value, no_speech_prob=value)
    assert (segment.avg_logprob, segment.compression_ratio, segment.no_speech_prob) == (0, 0, 0)


def test_a_channel_keeps_its_number() -> None:
    (segment,) = placed(said(0.0, 1.0), piece=whole(np.zeros(RATE, np.float32), channel=1))
    assert segment.channel == 1


def test_what_is_doubtful_is_marked() -> None:
    (segment,) = placed(said(0.0, 1.0), avg_logprob=-1.5)
    assert segment.doubts == ["unsure"]
