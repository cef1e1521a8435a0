"""A window that comes out badly is decoded in other ways, and the best of them is taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tasks.care import HIGHEST_COMPRESSION, Attempt, Care
from tasks.lockstep import Lockstep
from tasks.pieces import Piece, whole
from tasks.samples import RATE, Span
from tasks.track import SIZES, Found, Manner, Track
from tasks.whisper import FRAMES_PER_SECOND, FULL, WIDTH, Decoded, Encoded, Features, Prompts, Whisper

SEARCH, COOL, WARM = Attempt(beam_size=5), Attempt(temperature=0.2), Attempt(temperature=0.4)
ATTEMPTS = (SEARCH, COOL, WARM)
PROMPTS = Prompts([], None)
WORDS = " and so on" * 5


@dataclass
class Scripted:
    """Answers what the test has written down, and remembers what it was asked."""

    answers: list[dict[str, Any]]
    asked: list[tuple[int, Attempt]] = field(default_factory=list)
    width: int = WIDTH

    def features(self, samples: Any) -> Features:
        return np.zeros((1, len(samples) * FRAMES_PER_SECOND // RATE), np.float32)

    def encode(self, windows: Sequence[Features]) -> list[Encoded]:
        return [np.zeros((1, window.shape[1] // 2, 1), np.float32) for window in windows]

    def tokenizer(self, *_: object) -> Any:
        return SimpleNamespace(
            sot=0, timestamp_begin=50_000, decode=lambda tokens: self.answers[tokens[0]].get("text", WORDS)
        )

    def prompt(self, *_: object, **__: object) -> list[int]:
        return [0]

    def decode(
        self, encoded: Sequence[Encoded], prompts: object, tokenizers: object, attempt: Attempt
    ) -> list[Decoded]:
        return [self._answer(2 * each.shape[1], attempt) for each in encoded]

    def _answer(self, frames: int, attempt: Attempt) -> Decoded:
        self.asked.append((frames, attempt))
        number = len(self.asked) - 1
        scores = {"avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.0}
        scores |= {name: value for name, value in self.answers[number].items() if name != "text"}
        return Decoded([number], **scores, attempt=attempt)

    def split(
        self, _: Any, tokens: list[int], seek: int, size: int
    ) -> tuple[list[dict[str, Any]], int, bool]:
        start, end = seek / FRAMES_PER_SECOND, (seek + size) / FRAMES_PER_SECOND
        return [{"start": start, "end": end, "tokens": tokens}], seek + size, False


def heard(
    whisper: Scripted,
    seconds: float = 5,
    *,
    piece: Piece | None = None,
    attempts: tuple[Attempt, ...] = ATTEMPTS,
) -> list[Found]:
    manner = Manner(cast(Whisper, whisper), Care(attempts), PROMPTS, "transcribe", words=False)
    lockstep = Lockstep()
    lockstep.add([Track(0, piece or whole(np.zeros(round(seconds * RATE), np.float32)), manner)])
    found: list[Found] = []
    while len(lockstep):
        found += [each for _, each in lockstep.step(lockstep.turn())]
    return found


UNLIKELY: dict[str, Any] = {"avg_logprob": -1.1}
REPETITIVE: dict[str, Any] = {"compression_ratio": HIGHEST_COMPRESSION + 1}


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(0.1, 1000), (6, 1000), (6.1, 1500), (16, 2000), (16.1, FULL), (28, FULL), (30, FULL)],
)
def test_a_window_is_as_long_as_its_sound_and_some_silence_need(seconds: float, frames: int) -> None:
    assert frames in SIZES
    heard(whisper := Scripted([{}]), seconds)
    assert whisper.asked == [(frames, SEARCH)]


def test_what_is_good_at_once_is_not_decoded_again() -> None:
    (found,) = heard(whisper := Scripted([{}]))
    assert whisper.asked == [(1000, SEARCH)]
    assert (found.decoded.tokens, found.few) == ([0], False)


@pytest.mark.parametrize("bad", [UNLIKELY, REPETITIVE], ids=["unlikely", "repetitive"])
def test_what_is_bad_gets_a_full_window_and_then_more_and_more_warmth(bad: dict[str, Any]) -> None:
    (found,) = heard(whisper := Scripted([bad, bad, bad, {}]))
    assert whisper.asked == [(1000, SEARCH), (FULL, SEARCH), (FULL, COOL), (FULL, WARM)]
    assert found.decoded.tokens == [3]


def test_a_full_window_may_be_all_it_takes() -> None:
    (found,) = heard(whisper := Scripted([UNLIKELY, {}]))
    assert whisper.asked == [(1000, SEARCH), (FULL, SEARCH)]
    assert found.decoded.attempt == SEARCH


def test_a_window_that_is_full_already_is_warmed_at_once() -> None:
    heard(whisper := Scripted([UNLIKELY, {}]), 30)
    assert whisper.asked == [(FULL, SEARCH), (FULL, COOL)]


def test_when_all_ways_are_exhausted_the_likeliest_is_taken() -> None:
    scores = [-1.5, -1.2, -1.9, -1.4]
    (found,) = heard(whisper := Scripted([{"avg_logprob": score} for score in scores]))
    assert len(whisper.asked) == 1 + len(ATTEMPTS)
    assert found.decoded.avg_logprob == -1.2


def test_of_likely_but_repetitive_text_and_unlikely_plain_text_the_plain_is_taken() -> None:
    loop = {"avg_logprob": -0.1} | REPETITIVE
    (found,) = heard(Scripted([loop, loop, {"avg_logprob": -1.7}, loop]))
    assert found.decoded.avg_logprob == -1.7


def test_where_all_is_repetitive_the_likeliest_is_taken() -> None:
    (found,) = heard(Scripted([{"avg_logprob": -score} | REPETITIVE for score in (0.5, 0.3, 0.9, 0.8)]))
    assert found.decoded.avg_logprob == -0.3


def test_an_attempt_may_want_more_than_the_others() -> None:
    choosy = Attempt(beam_size=1, enough=-0.1)
    heard(whisper := Scripted([{}, {}, {}]), attempts=(choosy, SEARCH))
    assert whisper.asked == [(1000, choosy), (FULL, choosy), (FULL, SEARCH)]


def test_unlikely_words_where_nobody_seems_to_speak_are_dropped_without_another_try() -> None:
    (found,) = heard(whisper := Scripted([{"avg_logprob": -1.1, "no_speech_prob": 0.7}]))
    assert len(whisper.asked) == 1
    assert (found.segments, found.few) == ([], False)


@pytest.mark.parametrize(
    "scores", [{"avg_logprob": -0.9, "no_speech_prob": 0.99}, {"avg_logprob": -1.1, "no_speech_prob": 0.3}]
)
def test_likely_words_are_kept_and_so_are_those_of_somebody_who_speaks(scores: dict[str, float]) -> None:
    (found, *_) = heard(Scripted([scores] * 4))
    assert found.segments


def test_what_only_sampling_finds_is_dropped_with_less_of_a_doubt() -> None:
    doubtful = {"avg_logprob": -1.1, "no_speech_prob": 0.4}
    (found,) = heard(whisper := Scripted([doubtful] * 3))
    assert whisper.asked[-1] == (FULL, COOL)
    assert found.segments == []


def spoken(seconds: float, *speech: tuple[float, float]) -> Piece:
    spans = [Span(round(start * RATE), round(end * RATE)) for start, end in speech]
    samples = np.zeros(round(seconds * RATE), np.float32)
    return Piece(samples, [Span(0, len(samples))], spans)


def test_hardly_a_word_for_much_speech_is_tried_again_and_marked_if_it_stays_so() -> None:
    few = {"text": " Yes."}
    piece = spoken(25, (0, 25))
    (found,) = heard(whisper := Scripted([few] * 4), piece=piece)
    assert whisper.asked == [(FULL, SEARCH), (FULL, COOL)]
    assert found.few
    (found,) = heard(Scripted([few, {"text": " word" * 40}]), piece=piece)
    assert not found.few


def test_windows_follow_each_other_to_the_end() -> None:
    found = heard(whisper := Scripted([{}] * 3), 70)
    assert [frames for frames, _ in whisper.asked] == [FULL, FULL, 1500]
    assert [(each.segments[0]["start"], each.segments[0]["end"]) for each in found] == [
        (0, 30),
        (30, 60),
        (60, 70),
    ]


def test_silence_at_the_end_of_a_piece_gets_no_window() -> None:
    heard(whisper := Scripted([{}] * 3), piece=spoken(40, (0, 29)))
    assert len(whisper.asked) == 1
    heard(whisper := Scripted([{}] * 3), piece=spoken(40, (0, 29), (31, 39)))
    assert len(whisper.asked) == 2


def test_a_silent_window_is_skipped_and_the_next_one_heard() -> None:
    nobody = {"avg_logprob": -1.5, "no_speech_prob": 0.9}
    first, second = heard(Scripted([nobody, {}]), 60)
    assert first.segments == []
    assert second.segments[0]["start"] == 30
