"""What is heard block by block is what the detector finds in the whole recording."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.vad import VadOptions, get_speech_timestamps

from tasks.listening import BLOCK, WINDOW, Sound, speech_in
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples, Span
from tasks.voice import likelihoods, speech_finder
from tests.support.recordings import decoded
from tests.support.speech import Speech

RECORDINGS = ["jfk.flac", "es_mls.flac", "ja_cv.flac", "ls_1998-15444-0004.flac", "music20.flac"]


def windows(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), 30 * RATE):
        yield samples[start : start + 30 * RATE]


def active(spans: list[Span], length: int) -> Samples:
    found = np.zeros(length, dtype=np.float32)
    for span in spans:
        found[span.start : span.end] = 1
    return found


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", RECORDINGS)
def test_silences_and_speech_are_told_apart_as_by_faster_whisper(
    name: str, threshold: float, speech: Speech
) -> None:
    samples = decoded(speech[name])
    options = VadOptions(threshold=threshold, min_silence_duration_ms=200, speech_pad_ms=0)
    theirs = [Span(each["start"], each["end"]) for each in get_speech_timestamps(samples, options)]
    ours = speech_in(likelihoods(samples), threshold)
    assert len(ours) == len(theirs)
    assert all(
        abs(a.start - b.start) < 2 * WINDOW and abs(a.end - b.end) < 2 * WINDOW
        for a, b in zip(ours, theirs, strict=True)
    )


def test_blocks_of_a_long_recording_agree_with_the_whole_of_it(
    long_speech: Path, config: ChildConfig
) -> None:
    samples = decoded(long_speech)
    assert len(samples) > 5 * BLOCK
    sound = Sound(windows(samples), likelihoods, config.vad_threshold)
    in_blocks = active(sound.speech(len(samples)), len(samples))
    at_once = active(speech_finder(config)(samples), len(samples))
    assert np.mean(in_blocks != at_once) < 0.01


@pytest.mark.parametrize("place", [0, 16, 31 * RATE, 65 * RATE + 160, BLOCK - 16, 3 * BLOCK])
def test_speech_counts_from_where_we_are(place: int, long_speech: Path, config: ChildConfig) -> None:
    samples = decoded(long_speech)
    sound = Sound(windows(samples), likelihoods, config.vad_threshold)
    sound.go_to(place)
    assert np.array_equal(sound.see(RATE), samples[place : place + RATE])
    spans = sound.speech(50 * RATE)
    assert all(0 <= span.start < span.end <= 50 * RATE for span in spans)
    at_once = active(speech_finder(config)(samples), len(samples))[place : place + 50 * RATE]
    assert np.mean(active(spans, 50 * RATE) != at_once) < 0.02


def test_as_many_likelihoods_as_windows() -> None:
    for length in (1, WINDOW - 1, WINDOW, WINDOW + 1, 10 * WINDOW):
        assert len(likelihoods(np.zeros(length, dtype=np.float32))) == -(-length // WINDOW)


def test_what_the_detector_is_given_stays_as_it_is() -> None:
    samples = np.full(4 * WINDOW, 0.25, dtype=np.float32)
    likelihoods(samples)
    assert (samples == 0.25).all()
