"""What one channel lets through of the other is not told twice."""

import numpy as np
import pytest

from tasks.echo import without_echoes
from tasks.samples import RATE, Samples
from tests.support.conversation import noise, voice
from tests.support.speech import Speech


@pytest.fixture(scope="module")
def other(speech: Speech) -> Samples:
    return voice(speech, "jfk.flac")


@pytest.fixture(scope="module")
def own(speech: Speech) -> Samples:
    return voice(speech, "ls_1688-142285-0001.flac")[: 11 * RATE]


@pytest.mark.parametrize("late", [0, 5, 200])
@pytest.mark.parametrize("quieter", [12, 20, 30])
def test_an_echo_is_made_silent(late: int, quieter: int, other: Samples) -> None:
    """Milliseconds, and decibels."""
    echo = np.roll(other, late * RATE // 1000) * np.float32(10 ** (-quieter / 20))
    left, kept = without_echoes([echo + noise(echo.shape, 0.0003), other])
    assert np.square(left).sum() < (0.3 if late > 5 else 0.1) * np.square(echo).sum()
    assert np.array_equal(kept, other)


@pytest.mark.parametrize("loudness", [1.0, 0.1, 0.03])
@pytest.mark.parametrize("echo", [0.0, 0.005])
def test_what_is_said_meanwhile_is_kept(loudness: float, echo: float, own: Samples, other: Samples) -> None:
    other = other[: len(own)]
    here = np.float32(loudness) * own + np.float32(echo) * other
    kept, _ = without_echoes([here, other])
    assert np.square(kept).sum() > 0.98 * np.square(here).sum()


def test_silence_the_same_sound_and_other_numbers_of_channels_are_left_alone(other: Samples) -> None:
    silence = np.zeros_like(other)
    sets: list[list[Samples]] = [
        [other, silence],
        [other, other],
        [other],
        [other, other / np.float32(10), silence],
        [silence, silence],
    ]
    for channels in sets:
        assert np.array_equal(without_echoes(channels), channels)
