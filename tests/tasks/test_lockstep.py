"""Decoded side by side, a recording gives what faster-whisper gives that has it alone."""

from typing import Any

import numpy as np
import pytest

from tasks.care import Attempt, Care
from tasks.lockstep import CALL, ENCODING, Lockstep, common_sizes
from tasks.models import Models
from tasks.pieces import whole
from tasks.samples import Samples
from tasks.track import SIZES, Found, Manner, Track
from tasks.whisper import FULL, WIDTH, Prompts, Whisper
from tests.support.recordings import decoded
from tests.support.speech import Speech

# Start and end, text, and the words with theirs.
Line = tuple[float, float, str, list[tuple[float, float, str]]]
NAMES = (
    "jfk.flac",
    *(f"lj_LJ001-000{n}.flac" for n in (1, 2, 3, 4)),
    *(f"ls_{name}.flac" for name in ("1688-142285-0001", "1688-142285-0002", "1998-15444-0004")),
    "ls_2033-164914-0003.flac",
)
ATTEMPTS = (Attempt(beam_size=5), Attempt(temperature=0.2))
FULL_WINDOWS, SHORT_WINDOWS = Care(ATTEMPTS, short=False), Care(ATTEMPTS, short=True)


@pytest.fixture(scope="module")
def whisper(models: Models) -> Whisper:
    return models.get("tiny.en").whisper


@pytest.fixture(scope="module")
def readings(speech: Speech) -> list[Samples]:
    return [decoded(speech[name]) for name in NAMES]


@pytest.fixture(scope="module")
def expected(whisper: Whisper, readings: list[Samples]) -> list[list[Line]]:
    return [stock(whisper, each, words=True) for each in readings]


def track(whisper: Whisper, samples: Samples, care: Care = FULL_WINDOWS, *, words: bool = False) -> Track:
    made = Track(0, whole(samples), Manner(whisper, care, Prompts([], None), "transcribe", words))
    made.language = "en"
    return made


def run(*tracks: Track) -> list[list[Line]]:
    lockstep = Lockstep()
    lockstep.add(tracks)
    found: dict[Track, list[Found]] = {track: [] for track in tracks}
    while len(lockstep):
        for each, window in lockstep.step(lockstep.turn()):
            found[each].append(window)
    return [[line(each, segment) for window in found[each] for segment in window.segments] for each in tracks]


def line(track: Track, segment: dict[str, Any]) -> Line:
    words = [
        (round(word["start"], 3), round(word["end"], 3), word["word"]) for word in segment.get("words", [])
    ]
    text = track.tokenizer.decode(segment["tokens"])
    return round(segment["start"], 3), round(segment["end"], 3), text, words


def stock(whisper: Whisper, samples: Samples, *, words: bool = False) -> list[Line]:
    """faster-whisper's own loop, over the same weights."""
    found, _ = whisper._whisper.transcribe(
        samples, beam_size=5, condition_on_previous_text=False, language="en", word_timestamps=words
    )
    return [
        (
            round(segment.start, 3),
            round(segment.end, 3),
            segment.text,
            [(round(word.start, 3), round(word.end, 3), word.word) for word in segment.words or []],
        )
        for segment in found
    ]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_segments_and_words_are_exactly_those_of_faster_whisper(
    number: int, whisper: Whisper, readings: list[Samples], expected: list[list[Line]]
) -> None:
    (ours,) = run(track(whisper, readings[number], words=True))
    assert ours == expected[number] != []


@pytest.mark.parametrize("words", [False, True])
def test_so_are_those_of_several_windows_in_a_row(
    words: bool, whisper: Whisper, readings: list[Samples]
) -> None:
    long = np.concatenate(readings)
    (ours,) = run(track(whisper, long, words=words))
    assert ours == stock(whisper, long, words=words)
    assert ours[-1][1] > 60


def test_eight_in_one_batch_give_what_each_gives_alone(
    whisper: Whisper, readings: list[Samples], expected: list[list[Line]]
) -> None:
    """Rounding differs with the size of a batch, and an even choice may fall otherwise. Of those that we have
    all came out the same, with words and times; one may differ before this counts as broken."""
    assert WIDTH == 8
    together = run(*(track(whisper, each, words=True) for each in readings[:WIDTH]))
    same = [one == other for one, other in zip(together, expected, strict=False)]
    assert same.count(True) >= WIDTH - 1


def test_short_windows_that_are_not_filled_up_give_the_same_words(
    whisper: Whisper, readings: list[Samples], expected: list[list[Line]]
) -> None:
    """Nine of ten at least: how much silence follows changes a word here and there."""
    short = [track(whisper, each, SHORT_WINDOWS) for each in readings]
    assert {each.frames for each in short} <= set(SIZES[:-1])
    found, full = (
        [{word for line in each for word in line[2].split()} for each in way]
        for way in (run(*short), expected)
    )
    same = sum(len(one & other) for one, other in zip(found, full, strict=True))
    assert same >= 0.9 * sum(len(each) for each in full)


def test_more_than_a_batch_holds_take_turns(whisper: Whisper) -> None:
    lockstep = Lockstep()
    tracks = [track(whisper, np.zeros(16_000 * n, np.float32)) for n in range(1, 13)]
    lockstep.add(tracks)
    assert len(lockstep.turn()) == WIDTH
    for each in tracks[:6]:
        each.rank = 1
    assert set(tracks[6:]) < set(lockstep.turn())


def test_only_those_of_one_model_are_decoded_together(models: Models, whisper: Whisper) -> None:
    lockstep = Lockstep()
    sound = np.zeros(16_000, np.float32)
    ours, other = track(whisper, sound), track(models.get("base").whisper, sound)
    lockstep.add([ours, other])
    assert lockstep.turn() == [ours]
    ours.rank = 1
    assert lockstep.turn() == [other]


def test_who_comes_later_is_not_before_who_waits_already(whisper: Whisper) -> None:
    lockstep, sound = Lockstep(), np.zeros(16_000, np.float32)
    long = track(whisper, sound)
    lockstep.add([long])
    long.rank = 7
    lockstep.add([track(whisper, sound) for _ in range(2 * WIDTH)])
    assert lockstep.turn()[0] is long


def test_what_is_dropped_has_no_more_turns(whisper: Whisper) -> None:
    lockstep = Lockstep()
    lockstep.add([track(whisper, np.zeros(16_000, np.float32))])
    lockstep.drop(0)
    assert (lockstep.turn(), len(lockstep)) == ([], 0)


def test_a_window_that_would_be_alone_is_filled_up_to_those_of_others() -> None:
    assert common_sizes([1000, 1500, 1500, 1500])[1000] == 1500
    assert common_sizes([1000, 1500]).keys() == {1000, 1500}


@pytest.mark.parametrize("size", SIZES)
def test_windows_of_one_size_keep_it(size: int) -> None:
    assert common_sizes([size] * 5) == {size: size}


def test_many_short_windows_are_not_filled_up_for_a_few_long_ones() -> None:
    assert ENCODING[FULL] * 7 > CALL
    assert common_sizes([*[1000] * 7, FULL])[1000] == 1000
