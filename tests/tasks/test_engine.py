import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from faster_whisper import WhisperModel

from tasks.engine import Engine, load
from tasks.hearing import Hearing
from tasks.problems import ChildError
from tasks.protocol import ChildConfig, Hear, Heard, LanguageHeard, Position, Reply
from tasks.samples import RATE
from tasks.speech import Chunk
from tasks.timeline import placed, worth_keeping
from tests.support.children import samples_of, segments, stored, text
from tests.support.recordings import silence
from tests.support.speech import Speech
from webapp.core.options import JobOptions

change = msgspec.structs.replace


@pytest.fixture(scope="module")
def engine(config: ChildConfig) -> Engine:
    return Engine(config)


@pytest.fixture
def chunk(speech: Speech, config: ChildConfig, tmp_path: Path) -> Callable[[str], Path]:
    """As the decoder would have cut and stored it."""

    def made(name: str) -> Path:
        return stored(tmp_path / "chunk.flac", samples_of(speech[name], config))

    return made


def heard(engine: Engine, request: Hear) -> list[Reply]:
    told: list[Reply] = []
    Hearing(request, engine, told.append).run()
    return told


def test_a_short_recording_gives_what_faster_whisper_gives(
    engine: Engine, config: ChildConfig, options: JobOptions, speech: Speech, chunk: Callable[[str], Path]
) -> None:
    name = "ls_1998-15444-0004.flac"
    told = heard(engine, Hear(path=chunk(name), options=change(options, model="base"), start=0.0))
    direct = WhisperModel(str(config.models_dir / "base"), device="cpu", compute_type="auto")
    expected, info = direct.transcribe(
        str(speech[name]),
        vad_filter=True,
        vad_parameters={"min_silence_duration_ms": config.vad_min_silence_ms},
        condition_on_previous_text=False,
    )
    found = list(expected)
    assert text(told) == "".join(segment.text for segment in found) != ""
    times = [(round(segment.start, 3), round(segment.end, 3)) for segment in found]
    assert [(segment.start, segment.end) for segment in segments(told)] == times
    (language,) = [reply for reply in told if isinstance(reply, LanguageHeard)]
    assert max(language.weights, key=lambda each: language.weights[each]) == info.language == "en"
    # We ask without the pauses and without the padding around them.
    assert language.weights["en"] == pytest.approx(info.language_probability, abs=0.1)


def test_words_carry_times_and_make_up_the_text(
    engine: Engine, options: JobOptions, chunk: Callable[[str], Path]
) -> None:
    wordy = change(options, word_timestamps=True)
    told = heard(engine, Hear(path=chunk("jfk.flac"), options=wordy, start=0.0))
    words = [word for segment in segments(told) for word in segment.words or []]
    assert "".join(word.word for word in words) == text(told) != ""
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(0 <= word.start <= word.end <= 11 and 0 < word.probability <= 1 for word in words)


def test_times_are_those_of_the_recording_not_of_the_chunk(
    engine: Engine, options: JobOptions, chunk: Callable[[str], Path]
) -> None:
    wordy = change(options, word_timestamps=True)
    told = heard(engine, Hear(path=chunk("jfk.flac"), options=wordy, start=1000.5, language="en"))
    times = [time for segment in segments(told) for time in (segment.start, segment.end)]
    assert 1000.5 <= times[0] < 1002.5
    assert times == sorted(times)
    assert times[-1] <= 1011.5
    words = [word for segment in segments(told) for word in segment.words or []]
    assert all(1000.5 <= word.start <= word.end <= 1011.5 for word in words)
    assert told[-2:] == [Position(1011.5), Heard(done=True)]


@pytest.mark.parametrize("name", ["silence30.flac", "music20.flac"])
@pytest.mark.parametrize("language", ["en", None])
@pytest.mark.parametrize("model", ["base", "tiny.en"])
def test_where_nobody_speaks_no_text_is_invented(
    name: str,
    language: str | None,
    model: str,
    engine: Engine,
    options: JobOptions,
    chunk: Callable[[str], Path],
) -> None:
    wanted = change(options, model=model)
    told = heard(engine, Hear(path=chunk(name), options=wanted, start=0.0, language=language))
    assert segments(told) == []
    assert told[-1] == Heard(done=True)


def test_silence_is_listened_to_on_request(engine: Engine, options: JobOptions, tmp_path: Path) -> None:
    everywhere = change(options, vad_filter=False)
    path = stored(tmp_path / "chunk", silence(3))
    told = heard(engine, Hear(path=path, options=everywhere, start=0.0))
    assert told[-2:] == [Position(3.0), Heard(done=True)]


def test_an_english_model_asked_for_german_answers_in_english(
    engine: Engine, options: JobOptions, chunk: Callable[[str], Path]
) -> None:
    german = change(options, language="de", task="translate")
    told = heard(engine, Hear(path=chunk("jfk.flac"), options=german, start=0.0, language="de"))
    assert "country" in text(told)


@pytest.mark.parametrize("prompt", ["word " * 200, "会議の記録です。" * 120, "😀" * 1000])
def test_prompts_that_are_too_long_are_cut(
    prompt: str, engine: Engine, options: JobOptions, chunk: Callable[[str], Path]
) -> None:
    wordy = change(options, model="base", initial_prompt=prompt, hotwords=prompt)
    told = heard(engine, Hear(path=chunk("jfk.flac"), options=wordy, start=0.0))
    assert segments(told)
    assert told[-1] == Heard(done=True)


def test_a_model_that_is_not_offered_is_refused(config: ChildConfig) -> None:
    with pytest.raises(ChildError, match="no longer offers") as caught:
        load("large-v3", config)
    assert caught.value.permanent


@pytest.mark.parametrize("name", ["small", "our-own"])
def test_a_model_that_is_not_here_and_cannot_be_fetched_is_said_so(
    name: str, config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ChildError, match=r"tokenizer\.json") as caught:
        load(name, change(config, models=(name,), models_dir=tmp_path))
    assert caught.value.code == "model_unavailable"
    assert not caught.value.permanent


def test_a_hub_that_never_answers_is_not_waited_for(
    config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("tasks.engine.HUB_SECONDS", 0.5)
        begun = time.monotonic()
        with pytest.raises(ChildError) as caught:
            load("small", change(config, models=("small",), models_dir=tmp_path))
    assert caught.value.code == "model_unavailable"
    assert 0.5 <= time.monotonic() - begun < 5


def test_arithmetic_that_the_device_lacks_is_replaced_and_told(
    config: ChildConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load("tiny.en", change(config, device="cpu", compute_type="float16"))
    assert model.compute_type == "float32"
    assert "cannot compute in float16; using float32" in caplog.text


def test_only_so_many_models_stay_in_memory(config: ChildConfig, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).symlink_to((config.models_dir / "tiny.en").resolve())
    engine = Engine(change(config, models=("one", "two", "three"), models_dir=tmp_path))
    first = engine.model("one")
    second = engine.model("two")
    assert engine.model("one") is first
    engine.model("three")
    assert engine.model("one") is first
    assert engine.model("two") is not second


def found(**changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "start": 0.0,
        "end": 1.0,
        "text": " Hello",
        "words": None,
        "avg_logprob": -0.2,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.1,
        "temperature": 0.0,
    }
    return SimpleNamespace(**fields | changes)


CHUNK = Chunk(1, 30 * RATE, np.zeros(10 * RATE, dtype=np.float32), 5.0)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"no_speech_prob": 0.9}, True),
        ({"avg_logprob": -1.5}, True),
        ({"no_speech_prob": 0.9, "avg_logprob": -1.5}, False),
        ({"text": "  "}, False),
    ],
)
def test_invented_and_empty_segments_are_dropped(changes: dict[str, Any], kept: bool) -> None:
    assert worth_keeping(found(**changes)) is kept


def test_scores_that_json_cannot_hold_become_zero() -> None:
    segment = placed(found(avg_logprob=float("nan"), compression_ratio=float("inf")), CHUNK)
    assert (segment.avg_logprob, segment.compression_ratio) == (0, 0)


def test_times_stay_inside_their_chunk() -> None:
    segment = placed(found(start=-0.5, end=29.98), CHUNK)
    assert (segment.start, segment.end) == (30, 40)
