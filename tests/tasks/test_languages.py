"""The language of a recording is settled before its chunks run apart, and never by a cough."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tasks.protocol import Hear, Heard, LanguageHeard, Position, Reply
from tasks.samples import RATE, Samples
from tasks.whisper import Encoded, Whisper
from tests.support.children import Ears, segments, text
from tests.support.recordings import decoded, silence, tone
from tests.support.speech import Speech
from webapp.core.language import SURE, Votes
from webapp.core.options import JobOptions

change = msgspec.structs.replace
Store = Callable[[Samples], Path]
# How many windows are asked at most.
MOST = 4


@pytest.fixture
def base(options: JobOptions) -> JobOptions:
    return change(options, model="base")


class Asked:
    """Hears what the test has written down, and remembers what it was asked about."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.windows: list[Encoded] = []
        self._answers: list[dict[str, float]] = []
        monkeypatch.setattr(Whisper, "language", lambda _, encoded: self._vote(encoded))

    def answers(self, *answers: dict[str, float]) -> None:
        self._answers = list(answers)

    def _vote(self, encoded: Encoded) -> Votes:
        self.windows.append(encoded)
        return Votes(self._answers.pop(0), 1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def languages(told: list[Reply]) -> list[LanguageHeard]:
    return [reply for reply in told if isinstance(reply, LanguageHeard)]


def noise(seconds: float) -> Samples:
    generator = np.random.default_rng(2)
    return generator.normal(0, 0.05, round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "language"), [("es_mls.flac", "es"), ("ja_cv.flac", "ja"), ("jfk.flac", "en")]
)
@pytest.mark.parametrize("only_if_sure", [False, True])
def test_the_language_is_told_once_before_any_text_and_surely(
    name: str, language: str, only_if_sure: bool, ears: Ears, base: JobOptions, speech: Speech, store: Store
) -> None:
    path = store(decoded(speech[name]))
    first, *rest = told = ears.hear_one(Hear(path=path, options=base, start=0.0, only_if_sure=only_if_sure))
    assert isinstance(first, LanguageHeard)
    best = Votes(first.weights, first.windows).best
    assert best
    assert best[0] == language
    assert SURE <= best[1] <= 1
    assert languages(rest) == []
    assert segments(rest)
    assert told[-1] == Heard(done=True)


def test_a_language_that_is_settled_is_not_asked_for_again(
    ears: Ears, base: JobOptions, speech: Speech, store: Store
) -> None:
    path = store(decoded(speech["es_mls.flac"]))
    settled = ears.hear_one(Hear(path=path, options=base, start=0.0, language="es", only_if_sure=True))
    assert languages(settled) == []
    assert text(settled) == text(ears.hear_one(Hear(path=path, options=base, start=0.0))) != ""


@pytest.mark.parametrize("sound", [noise(20), tone(20), silence(20)], ids=["noise", "tone", "silence"])
def test_sound_without_speech_leaves_the_language_open(
    sound: Samples, ears: Ears, base: JobOptions, store: Store
) -> None:
    told = ears.hear_one(Hear(path=store(sound), options=base, start=0.0, only_if_sure=True))
    assert told == [LanguageHeard({}, 0), Heard(done=False)]


def test_sound_without_speech_is_done_where_nobody_else_is_asked(
    ears: Ears, base: JobOptions, store: Store
) -> None:
    told = ears.hear_one(Hear(path=store(noise(20)), options=base, start=5.0))
    assert told == [LanguageHeard({}, 0), Position(25.0), Heard(done=True)]


def test_speech_that_leaves_it_open_is_not_heard_if_it_must_be_sure(
    asked: Asked, ears: Ears, base: JobOptions, hear: Hear
) -> None:
    asked.answers({"en": 0.4, "cy": 0.35})
    told = ears.hear_one(change(hear, options=base, only_if_sure=True))
    assert told == [LanguageHeard({"en": 0.4, "cy": 0.35}, 1), Heard(done=False)]
    assert not ears.hearings.busy


def test_the_best_guess_has_to_do_where_nobody_else_is_asked(
    asked: Asked, ears: Ears, base: JobOptions, hear: Hear
) -> None:
    asked.answers({"en": 0.4, "cy": 0.35})
    told = ears.hear_one(change(hear, options=base))
    assert languages(told) == [LanguageHeard({"en": 0.4, "cy": 0.35}, 1)]
    assert "country" in text(told)


def test_several_windows_add_up_until_one_language_is_sure(
    asked: Asked, ears: Ears, options: JobOptions, long_speech: Path, store: Store
) -> None:
    asked.answers({"en": 0.4, "cy": 0.45}, {"en": 0.5}, {"en": 0.7}, {"fr": 1.0})
    whole = Hear(
        path=store(decoded(long_speech)[: 130 * RATE]), options=options, start=0.0, only_if_sure=True
    )
    ears.hearings.begin(1, change(whole, options=change(options, model="base")))
    (language,) = languages(ears.told[1])
    assert language.windows == len(asked.windows) == 3
    assert language.weights == pytest.approx({"en": 1.6, "cy": 0.45})
    assert ears.hearings.busy


def test_only_so_many_windows_are_asked(
    asked: Asked, ears: Ears, base: JobOptions, long_speech: Path, store: Store
) -> None:
    asked.answers(*[{"en": 0.3, "cy": 0.2}] * 9)
    path = store(decoded(long_speech)[: 175 * RATE])
    told = ears.hear_one(Hear(path=path, options=base, start=0.0, only_if_sure=True))
    assert len(asked.windows) == MOST
    (language, end) = told
    assert isinstance(language, LanguageHeard)
    assert language.windows == MOST
    assert end == Heard(done=False)


def test_speech_that_begins_late_tells_its_language_all_the_same(
    ears: Ears, base: JobOptions, speech: Speech, store: Store
) -> None:
    path = store(np.concatenate([noise(60) / 50, decoded(speech["es_mls.flac"])]))
    told = ears.hear_one(Hear(path=path, options=base, start=0.0, only_if_sure=True))
    (language,) = languages(told)
    assert (language.windows, language.weights["es"] > 0.9) == (1, True)
    assert all(segment.start > 59 for segment in segments(told))


@pytest.mark.parametrize("only_if_sure", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", ["jfk.flac", "silence30.flac"])
def test_a_model_that_knows_english_alone_need_not_be_asked(
    name: str, mixed: bool, only_if_sure: bool, ears: Ears, options: JobOptions, speech: Speech, store: Store
) -> None:
    assert options.model == "tiny.en"
    path, wanted = store(decoded(speech[name])), change(options, mixed_languages=mixed)
    told = ears.hear_one(Hear(path=path, options=wanted, start=0.0, only_if_sure=only_if_sure))
    assert told[0] == LanguageHeard({"en": 1.0}, 1)
    assert ("country" in text(told)) == (name == "jfk.flac")
    assert told[-1] == Heard(done=True)


def test_of_a_recording_in_two_languages_each_passage_keeps_its_own(
    ears: Ears, base: JobOptions, speech: Speech, store: Store
) -> None:
    english = [decoded(speech[f"lj_LJ001-000{n}.flac"]) for n in (1, 3, 4)]
    path = store(np.concatenate([*english, silence(1), decoded(speech["es_mls.flac"])]))
    both = Hear(path=path, options=change(base, mixed_languages=True), start=0.0)
    heard = segments(ears.hear_one(both))
    said = {n: "".join(each.text for each in heard if each.language == n) for n in ("en", "es")}
    assert {segment.language for segment in heard} == {"en", "es"}
    assert "block books" in said["en"]
    assert "sorpresa" in said["es"]
    assert [segment.start for segment in heard] == sorted(segment.start for segment in heard)


def test_of_one_language_no_passage_is_told_it(ears: Ears, hear: Hear, base: JobOptions) -> None:
    assert {segment.language for segment in segments(ears.hear_one(change(hear, options=base)))} == {None}


def test_an_unclear_window_is_taken_to_be_in_the_language_of_the_one_before(
    asked: Asked, ears: Ears, base: JobOptions, speech: Speech, store: Store
) -> None:
    spanish = decoded(speech["es_mls.flac"])
    path = store(np.concatenate([spanish] * 3))
    asked.answers({"es": 0.9}, {"es": 0.9}, {"pt": SURE - 0.1}, {"es": 0.9})
    wanted = change(base, mixed_languages=True, vad_filter=False)
    heard = segments(ears.hear_one(Hear(path=path, options=wanted, start=0.0)))
    assert {segment.language for segment in heard} == {"es"}
