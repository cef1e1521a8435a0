"""The language of a recording is settled before its chunks run apart, and never by a cough."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tasks.engine import LANGUAGE_WINDOWS, WINDOW, Engine
from tasks.hearing import Hearing
from tasks.protocol import ChildConfig, Hear, Heard, LanguageHeard, Position, Reply
from tasks.samples import RATE, Samples
from tests.support.children import samples_of, segments, stored, text
from tests.support.recordings import decoded, tone
from tests.support.speech import Speech
from webapp.core.language import SURE, Votes
from webapp.core.options import JobOptions

Store = Callable[[Samples], Path]


@pytest.fixture(scope="module")
def engine(config: ChildConfig) -> Engine:
    return Engine(config)


@pytest.fixture
def base(options: JobOptions) -> JobOptions:
    return msgspec.structs.replace(options, model="base")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return lambda samples: stored(tmp_path / "chunk.flac", samples)


class Asked(Engine):
    """Hears what the test has written down, and remembers how much sound it was asked about."""

    def __init__(self, config: ChildConfig, *answers: dict[str, float]) -> None:
        super().__init__(config)
        self.asked: list[int] = []
        self._answers = iter(answers)

    def _vote(self, speech: Samples, model: str) -> Votes:
        self.asked.append(len(speech))
        return Votes(next(self._answers), 1)


def heard(engine: Engine, request: Hear) -> list[Reply]:
    told: list[Reply] = []
    Hearing(request, engine, told.append).run()
    return told


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
    name: str,
    language: str,
    only_if_sure: bool,
    engine: Engine,
    config: ChildConfig,
    base: JobOptions,
    speech: Speech,
    store: Store,
) -> None:
    path = store(samples_of(speech[name], config))
    told = heard(engine, Hear(path=path, options=base, start=0.0, only_if_sure=only_if_sure))
    first, *rest = told
    assert isinstance(first, LanguageHeard)
    best = Votes(first.weights, first.windows).best
    assert best
    assert best[0] == language
    assert SURE <= best[1] <= 1
    assert languages(rest) == []
    assert segments(rest)
    assert told[-1] == Heard(done=True)


def test_a_language_that_is_settled_is_not_asked_for_again(
    engine: Engine, config: ChildConfig, base: JobOptions, speech: Speech, store: Store
) -> None:
    path = store(samples_of(speech["es_mls.flac"], config))
    settled = heard(engine, Hear(path=path, options=base, start=0.0, language="es", only_if_sure=True))
    assert languages(settled) == []
    assert text(settled) == text(heard(engine, Hear(path=path, options=base, start=0.0))) != ""


@pytest.mark.parametrize("sound", [noise(20), tone(20), np.zeros(20 * RATE, np.float32)], ids=len)
def test_sound_without_speech_leaves_the_language_open(
    sound: Samples, engine: Engine, base: JobOptions, store: Store
) -> None:
    told = heard(engine, Hear(path=store(sound), options=base, start=0.0, only_if_sure=True))
    assert told == [LanguageHeard({}, 0), Heard(done=False)]


def test_sound_without_speech_is_done_where_nobody_else_is_asked(
    engine: Engine, base: JobOptions, store: Store
) -> None:
    told = heard(engine, Hear(path=store(noise(20)), options=base, start=5.0))
    assert told == [LanguageHeard({}, 0), Position(25.0), Heard(done=True)]


def test_speech_that_leaves_it_open_is_not_heard_if_it_must_be_sure(
    config: ChildConfig, base: JobOptions, speech: Speech, store: Store
) -> None:
    engine = Asked(config, {"en": 0.4, "cy": 0.35})
    path = store(samples_of(speech["jfk.flac"], config))
    told = heard(engine, Hear(path=path, options=base, start=0.0, only_if_sure=True))
    assert told == [LanguageHeard({"en": 0.4, "cy": 0.35}, 1), Heard(done=False)]


def test_the_best_guess_has_to_do_where_nobody_else_is_asked(
    config: ChildConfig, base: JobOptions, speech: Speech, store: Store
) -> None:
    engine = Asked(config, {"en": 0.4, "cy": 0.35})
    path = store(samples_of(speech["jfk.flac"], config))
    told = heard(engine, Hear(path=path, options=base, start=0.0))
    assert languages(told) == [LanguageHeard({"en": 0.4, "cy": 0.35}, 1)]
    assert "country" in text(told)


def test_several_windows_add_up_until_one_language_is_sure(
    config: ChildConfig, base: JobOptions, long_speech: Path, store: Store
) -> None:
    engine = Asked(config, {"en": 0.4, "cy": 0.45}, {"en": 0.5}, {"en": 0.7}, {"fr": 1.0})
    path = store(decoded(long_speech)[: 130 * RATE])
    told = heard(engine, Hear(path=path, options=base, start=0.0, only_if_sure=True))
    (language,) = languages(told)
    assert language.windows == 3
    assert language.weights == pytest.approx({"en": 1.6, "cy": 0.45})
    assert engine.asked == [WINDOW] * 3
    assert told[-1] == Heard(done=True)


def test_only_so_many_windows_are_asked(
    config: ChildConfig, base: JobOptions, long_speech: Path, store: Store
) -> None:
    engine = Asked(config, *[{"en": 0.3, "cy": 0.2}] * 9)
    path = store(decoded(long_speech)[: 175 * RATE])
    told = heard(engine, Hear(path=path, options=base, start=0.0, only_if_sure=True))
    assert len(engine.asked) == LANGUAGE_WINDOWS
    (language, end) = told
    assert isinstance(language, LanguageHeard)
    assert language.windows == LANGUAGE_WINDOWS
    assert end == Heard(done=False)


def test_pauses_are_not_asked_for_their_language(
    config: ChildConfig, base: JobOptions, speech: Speech, store: Store
) -> None:
    engine = Asked(config, {"en": 0.9})
    words = samples_of(speech["jfk.flac"], config)
    path = store(np.concatenate([np.zeros(60 * RATE, np.float32), words]))
    heard(engine, Hear(path=path, options=base, start=0.0))
    assert 0 < engine.asked[0] < len(words)


def test_speech_that_begins_late_tells_its_language_all_the_same(
    engine: Engine, config: ChildConfig, base: JobOptions, speech: Speech, store: Store
) -> None:
    words = samples_of(speech["es_mls.flac"], config)
    path = store(np.concatenate([noise(60) / 50, words]))
    told = heard(engine, Hear(path=path, options=base, start=0.0, only_if_sure=True))
    (language,) = languages(told)
    assert language.weights["es"] > 0.9
    assert all(segment.start > 59 for segment in segments(told))


@pytest.mark.parametrize("only_if_sure", [False, True])
@pytest.mark.parametrize("name", ["jfk.flac", "silence30.flac"])
def test_a_model_that_knows_english_alone_need_not_be_asked(
    name: str,
    only_if_sure: bool,
    engine: Engine,
    config: ChildConfig,
    options: JobOptions,
    speech: Speech,
    store: Store,
) -> None:
    assert options.model == "tiny.en"
    path = store(samples_of(speech[name], config))
    told = heard(engine, Hear(path=path, options=options, start=0.0, only_if_sure=only_if_sure))
    assert told[0] == LanguageHeard({"en": 1.0}, 1)
    assert ("country" in text(told)) == (name == "jfk.flac")
    assert told[-1] == Heard(done=True)
