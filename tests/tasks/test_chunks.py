from collections.abc import Iterator

import numpy as np
import pytest

from tasks.listening import BLOCK, WARM_UP, WINDOW, Likelihoods
from tasks.samples import RATE, Samples, Span
from tasks.speech import FIRST, LATER, LONGEST, SHARE, SHORTEST, STEP, Chunk, cut_into_chunks

LOUD = 0.5


def recording(*parts: tuple[float, bool]) -> Samples:
    """Seconds of noise and of silence."""
    noise = np.random.default_rng(3)
    return np.concatenate(
        [
            noise.uniform(-LOUD, LOUD, round(seconds * RATE)).astype(np.float32) * loud
            for seconds, loud in parts
        ]
    )


def loudness(samples: Samples) -> Likelihoods:
    """Stands in for the detector of speech: whatever makes a noise speaks."""
    padded = np.pad(samples, (0, -len(samples) % WINDOW))
    loudest: Likelihoods = np.abs(padded).reshape(-1, WINDOW).max(axis=1)
    return np.sign(loudest)


def windows(samples: Samples, seconds: float = 30) -> Iterator[Samples]:
    size = round(seconds * RATE)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def chunks(
    samples: Samples, *, first_sample: int = 0, first_index: int = 0, duration: float | None = None
) -> list[Chunk]:
    place = {"first_sample": first_sample, "first_index": first_index}
    return list(cut_into_chunks(windows(samples), loudness, **place, duration=duration))


def places(parts: list[Chunk]) -> list[tuple[int, float, float, float, list[Span]]]:
    return [(chunk.index, chunk.start, chunk.end, chunk.speech, chunk.spans) for chunk in parts]


def lengths(parts: list[Chunk]) -> list[float]:
    return [chunk.end - chunk.start for chunk in parts]


def speech_with_pauses(minutes: float) -> Samples:
    return recording(*[(9.0, True), (0.4, False), (4.0, True), (0.8, False)] * round(minutes * 4.2))


def test_a_short_recording_is_one_chunk() -> None:
    samples = speech_with_pauses(2.5)
    assert len(samples) < LONGEST
    (chunk,) = chunks(samples)
    assert chunk.start == 0
    assert chunk.last
    assert np.array_equal(chunk.samples, samples)


@pytest.mark.parametrize("duration", [None, 12 * 60.0, 60.0, 36000.0, 0.0])
def test_the_chunks_of_a_long_recording_make_up_the_whole_of_it(duration: float | None) -> None:
    samples = speech_with_pauses(12)
    parts = chunks(samples, duration=duration)
    assert np.array_equal(np.concatenate([chunk.samples for chunk in parts]), samples)
    assert [chunk.index for chunk in parts] == list(range(len(parts)))
    assert [chunk.start for chunk in parts[1:]] == [chunk.end for chunk in parts[:-1]]
    assert max(lengths(parts)) <= 180


def test_only_the_last_chunk_is_marked_as_the_last() -> None:
    for samples in (speech_with_pauses(4), recording((400.0, True)), recording((400.0, False))):
        for duration in (None, len(samples) / RATE):
            *earlier, last = chunks(samples, duration=duration)
            assert earlier
            assert [chunk.last for chunk in earlier] == [False] * len(earlier)
            assert last.last


def test_the_longest_recording_of_one_chunk_and_one_that_is_a_sample_longer() -> None:
    samples = recording((LONGEST / RATE + 1, False))
    (chunk,) = chunks(samples[:LONGEST], duration=180.0)
    assert chunk.last
    first, second = chunks(samples[: LONGEST + 1])
    assert (first.last, second.last) == (False, True)


def test_the_first_chunk_is_short_and_none_is_long() -> None:
    first, *later = chunks(speech_with_pauses(12))
    assert FIRST / RATE / 2 <= first.end <= FIRST / RATE
    assert all(60 <= length <= 120 for length in lengths(later[:-1]))
    assert lengths(later)[-1] <= 180


def test_towards_the_end_of_a_long_recording_chunks_become_short() -> None:
    samples = speech_with_pauses(31)
    duration = len(samples) / RATE
    _, *middle, last = chunks(samples, duration=duration)
    for chunk in middle:
        share = (len(samples) - chunk.first_sample) // SHARE // STEP * STEP
        most = min(LATER, max(STEP, share))
        # Where no pause lies in reach the next one is taken.
        assert max(SHORTEST, most // 2) <= len(chunk.samples) <= min(LATER, 2 * most)
    assert last.end - last.start <= 1.5 * STEP / RATE
    assert sum(length <= STEP / RATE for length in lengths(middle)) > 2


def test_a_recording_of_some_minutes_is_cut_into_few() -> None:
    samples = speech_with_pauses(8)
    _, *middle, last = chunks(samples, duration=len(samples) / RATE)
    assert all(STEP / RATE <= length <= 120 for length in lengths(middle))
    assert 10 <= last.end - last.start <= 3 * STEP / RATE


def test_a_recording_longer_than_it_claims_is_cut_into_long_chunks_where_the_claim_is_wrong() -> None:
    samples = speech_with_pauses(12)
    parts = chunks(samples, duration=200.0)
    assert all(60 <= chunk.end - chunk.start <= 120 for chunk in parts[:-1] if chunk.start >= 200)
    assert sum(chunk.start >= 200 for chunk in parts) > 3


def test_cuts_fall_into_the_longest_pauses_not_into_speech() -> None:
    for duration in (None, 12 * 60.0):
        for chunk in chunks(speech_with_pauses(12), duration=duration)[1:]:
            assert not chunk.samples[: round(0.35 * RATE)].any()


def test_cuts_lie_on_whole_milliseconds() -> None:
    assert all(chunk.first_sample % 16 == 0 for chunk in chunks(speech_with_pauses(12), duration=720.0))


@pytest.mark.parametrize("duration", [None, 400.0])
def test_speech_without_a_pause_is_cut_where_it_is_quietest(duration: float | None) -> None:
    samples = recording((400.0, True))
    quiet = slice(round(150.0 * RATE), round(150.2 * RATE))
    samples[quiet] /= 20
    first, second, *_ = chunks(samples, duration=duration)
    assert 30 <= first.end <= 180
    assert first.end == np.clip(first.end, 150.0, 150.2)
    assert second.end - second.start <= 180


def test_a_pause_beyond_the_aim_is_better_than_a_cut_in_speech() -> None:
    samples = recording((150.0, True), (0.6, False), (300.0, True))
    first, *_ = chunks(samples)
    assert 150.0 < first.end < 150.6


def test_silence_counts_as_no_speech() -> None:
    parts = chunks(recording((400.0, False), (10.0, True)))
    assert [round(chunk.speech) for chunk in parts] == [0] * (len(parts) - 1) + [10]


def test_each_chunk_knows_where_somebody_speaks_in_it() -> None:
    samples = speech_with_pauses(12)
    for chunk in chunks(samples, duration=720.0):
        inside = np.zeros(len(chunk.samples), dtype=bool)
        for span in chunk.spans:
            assert 0 <= span.start < span.end <= len(chunk.samples)
            assert not inside[max(0, span.start - 3 * WINDOW) : span.end].any()
            inside[span.start : span.end] = True
        assert not chunk.samples[~inside].any()
        assert chunk.speech == inside.sum() / RATE
        assert inside.mean() < 0.97


def test_no_more_of_a_recording_is_held_than_a_chunk_needs() -> None:
    taken = 0

    def counted() -> Iterator[Samples]:
        nonlocal taken
        for window in windows(speech_with_pauses(12), 10):
            taken += len(window)
            yield window

    for chunk in cut_into_chunks(counted(), loudness, first_sample=0, first_index=0):
        assert taken - chunk.first_sample <= LONGEST + BLOCK + 11 * RATE


def test_nothing_is_listened_to_twice_but_a_warm_up() -> None:
    heard: list[int] = []

    def noted(samples: Samples) -> Likelihoods:
        heard.append(len(samples))
        return loudness(samples)

    for samples in (speech_with_pauses(12), recording((720.0, True))):
        heard.clear()
        assert len(list(cut_into_chunks(windows(samples), noted, first_sample=0, first_index=0))) > 4
        blocks = -(-len(samples) // BLOCK)
        assert sum(heard) == len(samples) + (blocks - 1) * WARM_UP


@pytest.mark.parametrize("duration", [None, 9 * 60.0, 300.0])
def test_a_job_that_goes_on_at_a_border_cuts_the_rest_alike(duration: float | None) -> None:
    for samples in (speech_with_pauses(9), recording((540.0, True))):
        whole = chunks(samples, duration=duration)
        for border in whole:
            start = {"first_sample": border.first_sample, "first_index": border.index}
            rest = chunks(samples, **start, duration=duration)
            assert places(rest) == places(whole[border.index :])
            assert [chunk.last for chunk in rest] == [False] * (len(rest) - 1) + [True]


def test_a_job_that_goes_on_late_holds_nothing_of_what_came_before() -> None:
    taken: list[Samples] = []

    def noted(samples: Samples) -> Likelihoods:
        taken.append(samples)
        return loudness(samples)

    samples = speech_with_pauses(9)
    start = 300 * RATE
    next(cut_into_chunks(windows(samples), noted, first_sample=start, first_index=5))
    block = start - start % BLOCK
    assert np.array_equal(taken[0], samples[block - WARM_UP : block + BLOCK])


def test_nothing_is_left_to_do_after_the_end() -> None:
    assert chunks(recording((20.0, True)), first_sample=30 * RATE, first_index=1) == []
