"""What the model is not to be trusted with: too little, too much, the same again, or a guess."""

from typing import Any

import pytest

from tasks.care import HIGHEST_COMPRESSION, LOWEST_LOGPROB, NO_SPEECH, Attempt
from tasks.doubting import doubts, too_few_words
from tasks.whisper import Decoded
from webapp.core.doubts import DOUBTS

JAPANESE = "真っ昼間なのにキャンプの外れの電柱に電球がともっていた"
CHINESE = "今天天气很好我们去公园散步然后一起吃晚饭"
THAI = "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนสาธารณะกันเถอะ"


def doubted(
    text: str = " Hello there.", seconds: float = 2.0, *, few: bool = False, **changes: Any
) -> list[str]:
    scores = {"avg_logprob": -0.2, "compression_ratio": 1.2, "no_speech_prob": 0.1} | changes
    decoded = Decoded([], **scores, attempt=Attempt())
    return doubts({"start": 10.0, "end": 10.0 + seconds}, text, decoded, few=few)


def test_an_ordinary_segment_is_not_doubted() -> None:
    assert doubted() == []


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"compression_ratio": HIGHEST_COMPRESSION + 0.01}, "repetitive"),
        ({"avg_logprob": LOWEST_LOGPROB - 0.01}, "unsure"),
        ({"no_speech_prob": NO_SPEECH + 0.01}, "no_speech"),
        ({"few": True}, "too_few"),
        ({"text": " word" * 30}, "too_fast"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_reason_has_its_name_and_words_for_people(changes: dict[str, Any], doubt: str) -> None:
    assert doubted(**changes) == [doubt]
    assert doubt in DOUBTS


def test_reasons_add_up() -> None:
    assert doubted(avg_logprob=-2.0, no_speech_prob=0.9) == ["unsure", "no_speech"]


@pytest.mark.parametrize(
    "changes",
    [
        {"compression_ratio": HIGHEST_COMPRESSION},
        {"avg_logprob": LOWEST_LOGPROB},
        {"no_speech_prob": NO_SPEECH},
        {"text": " word" * 18},
    ],
    ids=repr,
)
def test_what_lies_on_the_line_is_not_doubted(changes: dict[str, Any]) -> None:
    assert doubted(**changes) == []


@pytest.mark.parametrize("text", ["", " Yes.", " ... - !"])
def test_hardly_a_word_in_ten_seconds_of_speech_is_too_few(text: str) -> None:
    assert too_few_words(text, 10.0)


def test_slow_speech_is_not_too_few() -> None:
    assert not too_few_words(" One. Two. Three. Four. Five.", 10.0)


@pytest.mark.parametrize("spoken", [0.0, 3.9])
def test_a_moment_of_speech_may_hold_no_words(spoken: float) -> None:
    assert not too_few_words("", spoken)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [(JAPANESE, 6.0), (CHINESE, 5.0), (THAI, 5.0), (" 42", 3.0)],
    ids=["ja", "zh", "th", "n"],
)
def test_where_words_are_not_written_apart_letters_count(text: str, spoken: float) -> None:
    assert not too_few_words(text, spoken)
    assert doubted(text, spoken) == []


@pytest.mark.parametrize("text", [JAPANESE, CHINESE, THAI], ids=["ja", "zh", "th"])
def test_without_spaces_too_the_same_text_may_be_too_little_or_too_much(text: str) -> None:
    assert too_few_words(text[:6], 20.0)
    assert doubted(text * 6, 2.0) == ["too_fast"]


def test_a_short_segment_is_measured_as_if_it_were_a_little_longer() -> None:
    assert doubted(" No, not at all, thank you.", 0.1) == []
