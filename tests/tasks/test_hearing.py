"""One chunk at a time: its text, its times, and nothing where nobody speaks."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tasks.protocol import Hear, Heard, Position
from tasks.samples import RATE, Samples
from tests.support.children import Ears, segments, text
from tests.support.recordings import decoded, silence
from tests.support.speech import Speech
from webapp.core.modes import MODES, Mode
from webapp.core.options import JobOptions

change = msgspec.structs.replace
Store = Callable[[Samples], Path]
# More of them, where the folder that all projects share is here.
SHARED = Path(__file__).parents[3] / "shared" / "audio" / "misc"
NOBODY = ("silence30.flac", "music20.flac")


def test_words_carry_times_and_make_up_the_text(ears: Ears, hear: Hear) -> None:
    told = ears.hear_one(change(hear, options=change(hear.options, word_timestamps=True)))
    words = [word for segment in segments(told) for word in segment.words or []]
    assert "".join(word.word for word in words) == text(told) != ""
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(0 <= word.start <= word.end <= 11 and 0 < word.probability <= 1 for word in words)


def test_without_being_asked_it_gives_no_words(ears: Ears, hear: Hear) -> None:
    told = ears.hear_one(hear)
    assert {segment.words for segment in segments(told)} == {None}
    assert "ask what you can do for your country" in text(told)


def test_times_are_those_of_the_recording_not_of_the_chunk(ears: Ears, hear: Hear) -> None:
    wordy = change(hear.options, word_timestamps=True)
    told = ears.hear_one(change(hear, options=wordy, start=1000.5, language="en"))
    times = [time for segment in segments(told) for time in (segment.start, segment.end)]
    assert 1000.5 <= times[0] < 1002.5
    assert times == sorted(times)
    assert times[-1] <= 1011.5
    words = [word for segment in segments(told) for word in segment.words or []]
    assert all(1000.5 <= word.start <= word.end <= 1011.5 for word in words)
    assert told[-2:] == [Position(1011.5), Heard(done=True)]


def test_a_long_pause_is_left_out_and_the_times_are_right_all_the_same(
    ears: Ears, options: JobOptions, speech: Speech, store: Store
) -> None:
    words = decoded(speech["lj_LJ001-0004.flac"])
    path = store(np.concatenate([words, silence(9), words]))
    wordy = change(options, word_timestamps=True)
    first, second = segments(ears.hear_one(Hear(path=path, options=wordy, start=0.0)))
    assert first.end < 6
    assert second.start == pytest.approx(first.start + 14.1, abs=0.6)


def test_what_the_decoder_has_listened_for_need_not_be_listened_for_again(
    ears: Ears, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears.hearings, "_find_speech", lambda _: [])
    assert segments(ears.hear_one(hear)) == []
    assert "country" in text(ears.hear_one(change(hear, spans=[(0, 11_000)])))
    assert "fellow" not in text(ears.hear_one(change(hear, spans=[(8_000, 10_900)])))


@pytest.mark.parametrize("model", ["base", "tiny.en"])
@pytest.mark.parametrize("language", ["en", None])
@pytest.mark.parametrize("name", NOBODY)
def test_where_nobody_speaks_no_text_is_invented(
    name: str, language: str | None, model: str, ears: Ears, options: JobOptions, speech: Speech
) -> None:
    quiet = Hear(path=speech[name], options=change(options, model=model), start=0.0, language=language)
    told = ears.hear_one(quiet)
    assert segments(told) == []
    assert told[-1] == Heard(done=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["noise1", "noise4", "noise5", "music20", "silence30"])
def test_noise_and_music_are_no_speech_in_any_mode(
    name: str, mode: Mode, ears: Ears, options: JobOptions, store: Store
) -> None:
    recording = SHARED / f"{name}.flac"
    if not recording.exists():
        pytest.skip(f"the shared folder of recordings is not here, so neither is {recording.name}")
    told_to = change(options, model="base", mode=mode, beam_size=None)
    told = ears.hear_one(Hear(path=store(decoded(recording)), options=told_to, start=0.0))
    assert segments(told) == []
    assert told[-1] == Heard(done=True)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_hears_what_is_said(mode: Mode, ears: Ears, hear: Hear) -> None:
    told = ears.hear_one(change(hear, options=change(hear.options, mode=mode, beam_size=None)))
    assert "what your country can do for you" in text(told)


def test_silence_is_listened_to_on_request(ears: Ears, options: JobOptions, store: Store) -> None:
    everywhere = change(options, vad_filter=False)
    told = ears.hear_one(Hear(path=store(silence(3)), options=everywhere, start=0.0))
    assert told[-2:] == [Position(3.0), Heard(done=True)]


@pytest.mark.parametrize("vad", [False, True])
def test_a_chunk_without_a_single_sample_is_done_at_once(
    vad: bool, ears: Ears, options: JobOptions, store: Store
) -> None:
    nothing = Hear(path=store(silence(0)), options=change(options, vad_filter=vad), start=4.0, language="en")
    assert ears.hear_one(nothing) == [Position(4.0), Heard(done=True)]


def test_an_english_model_asked_for_german_answers_in_english(ears: Ears, hear: Hear) -> None:
    german = change(hear.options, language="de", task="translate")
    assert "country" in text(ears.hear_one(change(hear, options=german, language="de")))


@pytest.mark.parametrize("prompt", ["word " * 200, "会議の記録です。" * 120, "😀" * 1000])
def test_prompts_that_are_too_long_are_cut(prompt: str, ears: Ears, hear: Hear) -> None:
    wordy = change(hear.options, model="base", initial_prompt=prompt, hotwords=prompt)
    told = ears.hear_one(change(hear, options=wordy))
    assert segments(told)
    assert told[-1] == Heard(done=True)


def test_two_channels_are_told_apart_and_in_order(
    ears: Ears, options: JobOptions, speech: Speech, store: Store
) -> None:
    left, right = (decoded(speech[name]) for name in ("lj_LJ001-0004.flac", "ls_1688-142285-0002.flac"))
    both = np.zeros((2, len(left) + 4 * RATE), np.float32)
    both[0, : len(left)], both[1, 3 * RATE : 3 * RATE + len(right)] = left, right
    told = ears.hear_one(Hear(path=store(both), options=options, start=0.0, language="en"))
    heard = segments(told)
    assert [segment.start for segment in heard] == sorted(segment.start for segment in heard)
    said = {n: "".join(each.text for each in heard if each.channel == n) for n in (0, 1)}
    assert "block books" in said[0]
    assert "silly" in said[1]
    assert "silly" not in said[0]
    assert told[-2:] == [Position(both.shape[1] / RATE), Heard(done=True)]
