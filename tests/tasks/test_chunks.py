from collections.abc import Iterator

import numpy as np

from tasks.samples import RATE, Samples, Span
from tasks.speech import LONGEST, Chunk, cut_into_chunks

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


def loud_parts(samples: Samples) -> list[Span]:
    """Stands in for the detector of speech: whatever makes a noise speaks."""
    padded = np.pad(samples, (0, -len(samples) % 16))
    active = np.abs(padded).reshape(-1, 16).max(axis=1) > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]]))) * 16
    return [
        Span(int(start), min(int(end), len(samples)))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def windows(samples: Samples, seconds: float = 30) -> Iterator[Samples]:
    size = round(seconds * RATE)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def chunks(samples: Samples, *, first_sample: int = 0, first_index: int = 0) -> list[Chunk]:
    return list(
        cut_into_chunks(windows(samples), loud_parts, first_sample=first_sample, first_index=first_index)
    )


def places(parts: list[Chunk]) -> list[tuple[int, float, float]]:
    return [(chunk.index, chunk.start, chunk.end) for chunk in parts]


def speech_with_pauses(minutes: float) -> Samples:
    return recording(*[(9.0, True), (0.4, False), (4.0, True), (0.8, False)] * round(minutes * 4.2))


def test_a_short_recording_is_one_chunk() -> None:
    samples = speech_with_pauses(2.5)
    assert len(samples) < LONGEST
    (chunk,) = chunks(samples)
    assert chunk.start == 0
    assert chunk.last
    assert np.array_equal(chunk.samples, samples)


def test_the_chunks_of_a_long_recording_make_up_the_whole_of_it() -> None:
    samples = speech_with_pauses(12)
    parts = chunks(samples)
    assert np.array_equal(np.concatenate([chunk.samples for chunk in parts]), samples)
    assert [chunk.index for chunk in parts] == list(range(len(parts)))
    assert [chunk.start for chunk in parts[1:]] == [chunk.end for chunk in parts[:-1]]


def test_only_the_last_chunk_is_marked_as_the_last() -> None:
    for samples in (speech_with_pauses(4), recording((400.0, True)), recording((400.0, False))):
        *earlier, last = chunks(samples)
        assert earlier
        assert [chunk.last for chunk in earlier] == [False] * len(earlier)
        assert last.last


def test_the_longest_recording_of_one_chunk_and_one_that_is_a_sample_longer() -> None:
    samples = recording((LONGEST / RATE + 1, False))
    (chunk,) = chunks(samples[:LONGEST])
    assert chunk.last
    first, second = chunks(samples[: LONGEST + 1])
    assert (first.last, second.last) == (False, True)


def test_the_first_chunk_is_short_and_none_is_long() -> None:
    first, *later = chunks(speech_with_pauses(12))
    assert 15 <= first.end <= 30
    assert all(60 <= chunk.end - chunk.start <= 120 for chunk in later[:-1])
    assert later[-1].end - later[-1].start <= 180


def test_cuts_fall_into_the_longest_pauses_not_into_speech() -> None:
    for chunk in chunks(speech_with_pauses(12))[1:]:
        assert not chunk.samples[: round(0.35 * RATE)].any()


def test_cuts_lie_on_whole_milliseconds() -> None:
    assert all(chunk.first_sample % 16 == 0 for chunk in chunks(speech_with_pauses(12)))


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    samples = recording((400.0, True))
    quiet = slice(round(150.0 * RATE), round(150.2 * RATE))
    samples[quiet] /= 20
    first, second, *_ = chunks(samples)
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


def test_no_more_of_a_recording_is_held_than_a_chunk_needs() -> None:
    taken = 0

    def counted() -> Iterator[Samples]:
        nonlocal taken
        for window in windows(speech_with_pauses(12), 10):
            taken += len(window)
            yield window

    for chunk in cut_into_chunks(counted(), loud_parts, first_sample=0, first_index=0):
        assert taken - chunk.first_sample <= LONGEST + 11 * RATE


def test_a_job_that_goes_on_at_a_border_cuts_the_rest_alike() -> None:
    samples = speech_with_pauses(9)
    whole = chunks(samples)
    for border in whole:
        rest = chunks(samples, first_sample=border.first_sample, first_index=border.index)
        assert places(rest) == places(whole[border.index :])
        assert [chunk.last for chunk in rest] == [False] * (len(rest) - 1) + [True]


def test_nothing_is_left_to_do_after_the_end() -> None:
    assert chunks(recording((20.0, True)), first_sample=30 * RATE, first_index=1) == []
