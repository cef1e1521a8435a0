import logging
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from faster_whisper import WhisperModel

from tasks.engine import Engine, EngineError, load
from tasks.media import opened
from tasks.protocol import Done, EngineConfig, Event, LanguageDetected, SegmentFound, Transcribe
from tasks.samples import RATE, Samples
from tasks.speech import Chunk
from tasks.timeline import placed, worth_keeping
from tasks.transcription import Transcription
from tests.support.recordings import encode, silence
from tests.support.speech import Speech
from webapp.core.options import JobOptions
from webapp.core.transcript import Segment

change = msgspec.structs.replace


@pytest.fixture(scope="module")
def engine(config: EngineConfig) -> Engine:
    return Engine(config)


def samples_of(path: Path, config: EngineConfig) -> Samples:
    with opened(path, config) as recording:
        return np.concatenate(list(recording.windows()))


def events(engine: Engine, request: Transcribe) -> list[Event]:
    told: list[Event] = []
    Transcription(request, engine, told.append).run()
    return told


def segments(told: list[Event]) -> list[Segment]:
    return [event.segment for event in told if isinstance(event, SegmentFound)]


def text(told: list[Event]) -> str:
    return "".join(segment.text for segment in segments(told))


def test_a_short_recording_gives_what_faster_whisper_gives(
    engine: Engine, config: EngineConfig, options: JobOptions, speech: Speech
) -> None:
    path = speech["ls_1998-15444-0004.flac"]
    told = events(engine, Transcribe(path=path, options=change(options, model="base")))
    direct = WhisperModel(str(config.models_dir / "base"), device="cpu", compute_type="auto")
    expected, info = direct.transcribe(
        str(path),
        vad_filter=True,
        vad_parameters={"min_silence_duration_ms": config.vad_min_silence_ms},
        condition_on_previous_text=False,
    )
    assert text(told) == "".join(segment.text for segment in expected)
    (language,) = [event for event in told if isinstance(event, LanguageDetected)]
    assert language.language == info.language == "en"
    assert language.probability == pytest.approx(info.language_probability, abs=1e-3)


def test_words_carry_times_and_make_up_the_text(engine: Engine, options: JobOptions, speech: Speech) -> None:
    told = events(engine, Transcribe(path=speech["jfk.flac"], options=change(options, word_timestamps=True)))
    words = [word for segment in segments(told) for word in segment.words or []]
    assert "".join(word.word for word in words) == text(told)
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(0 <= word.start <= word.end <= 11 and 0 < word.probability <= 1 for word in words)


def test_times_are_those_of_the_recording_not_of_the_chunk(
    engine: Engine, config: EngineConfig, options: JobOptions, speech: Speech
) -> None:
    samples = samples_of(speech["jfk.flac"], config)
    heard = engine.hear(Chunk(3, 1000 * RATE, samples, 7.0), options, "en")
    times = [time for segment in heard.segments for time in (segment.start, segment.end)]
    assert 1000 <= times[0] < 1002
    assert times == sorted(times)
    assert times[-1] <= 1011


def test_the_language_is_detected_once_for_a_recording(
    engine: Engine, options: JobOptions, speech: Speech
) -> None:
    path = speech["es_mls.flac"]
    told = events(engine, Transcribe(path=path, options=change(options, model="base")))
    detected = [event for event in told if isinstance(event, LanguageDetected)]
    assert [event.language for event in detected] == ["es"]


def test_a_language_that_was_settled_before_is_not_detected_again(
    engine: Engine, options: JobOptions, speech: Speech
) -> None:
    request = Transcribe(path=speech["es_mls.flac"], options=change(options, model="base"), language="es")
    assert not any(isinstance(event, LanguageDetected) for event in events(engine, request))


@pytest.mark.parametrize("name", ["silence30.flac", "music20.flac"])
def test_where_nobody_speaks_no_text_is_invented(
    name: str, engine: Engine, options: JobOptions, speech: Speech
) -> None:
    told = events(engine, Transcribe(path=speech[name], options=options))
    assert text(told) == ""
    assert isinstance(told[-1], Done)
    assert told[-1].speech == 0


def test_silence_is_listened_to_on_request(engine: Engine, options: JobOptions, tmp_path: Path) -> None:
    path = encode(tmp_path / "audio", "flac", silence(3))
    told = events(engine, Transcribe(path=path, options=change(options, vad_filter=False)))
    assert isinstance(told[-1], Done)
    assert told[-1].duration == 3


def test_an_english_model_asked_for_german_answers_in_english(
    engine: Engine, options: JobOptions, speech: Speech
) -> None:
    told = events(
        engine,
        Transcribe(path=speech["jfk.flac"], options=change(options, language="de", task="translate")),
    )
    assert "country" in text(told)


@pytest.mark.parametrize("prompt", ["word " * 200, "会議の記録です。" * 120, "😀" * 1000])
def test_prompts_that_are_too_long_are_cut(
    prompt: str, engine: Engine, options: JobOptions, speech: Speech
) -> None:
    wordy = change(options, model="base", initial_prompt=prompt, hotwords=prompt)
    told = events(engine, Transcribe(path=speech["jfk.flac"], options=wordy))
    assert segments(told)
    assert isinstance(told[-1], Done)


def test_a_model_that_is_not_offered_is_refused(config: EngineConfig) -> None:
    with pytest.raises(EngineError, match="no longer offers") as caught:
        load("large-v3", config)
    assert caught.value.permanent


@pytest.mark.parametrize("name", ["small", "our-own"])
def test_a_model_that_is_not_here_and_cannot_be_fetched_is_said_so(
    name: str, config: EngineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EngineError, match=r"tokenizer\.json") as caught:
        load(name, change(config, models=(name,), models_dir=tmp_path))
    assert caught.value.code == "model_unavailable"
    assert not caught.value.permanent


def test_a_hub_that_never_answers_is_not_waited_for(
    config: EngineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("tasks.engine.HUB_SECONDS", 0.5)
        begun = time.monotonic()
        with pytest.raises(EngineError) as caught:
            load("small", change(config, models=("small",), models_dir=tmp_path))
    assert caught.value.code == "model_unavailable"
    assert 0.5 <= time.monotonic() - begun < 5


def test_arithmetic_that_the_device_lacks_is_replaced_and_told(
    config: EngineConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load("tiny.en", change(config, device="cpu", compute_type="float16"))
    assert model.compute_type == "float32"
    assert "cannot compute in float16; using float32" in caplog.text


def test_only_so_many_models_stay_in_memory(config: EngineConfig, tmp_path: Path) -> None:
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
