"""A chunk is cut in its pauses: all that is spoken is in one piece, and every moment finds its way back."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import pieces as under_test
from tasks.pieces import MARGIN_S, Piece, pieces, whole
from tasks.samples import RATE, Samples, Span

LONGEST, PAUSE = 28.0, 2.0
# The detector cuts the first and last sound short.
MARGIN = round(MARGIN_S * RATE)


@dataclass(frozen=True)
class Cut:
    """Each sample of the chunk tells its own place."""

    speech: list[Span]
    length: int
    margin: int
    pause: float
    pieces: list[Piece]

    def places(self, piece: Piece) -> list[tuple[int, Samples]]:
        """Where each stretch begins in its piece, and what of the chunk lies there."""
        begins, left = [], 0
        for stretch in piece.stretches:
            size = stretch.end - stretch.start
            begins.append((left, piece.samples[left : left + size]))
            left += size
        assert left == len(piece.samples)
        return begins


def cut(
    speech: Sequence[Span],
    length: int,
    *,
    longest: float = LONGEST,
    pause: float = PAUSE,
    margin: float = MARGIN_S,
) -> Cut:
    numbered = np.arange(length, dtype=np.float32)
    found = list(pieces(numbered, speech, longest=longest, pause=pause, margin=margin))
    return Cut(list(speech), length, round(margin * RATE), pause, found)


@st.composite
def chunks(draw: st.DrawFn) -> Cut:
    """Of spans and pauses in tenths of a second."""
    steps = draw(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 300)), min_size=1, max_size=25))
    place, speech = 0, []
    for pause, spoken in steps:
        start = place + pause * RATE // 10
        place = start + spoken * RATE // 10
        speech.append(Span(start, place))
    return cut(
        speech,
        place + draw(st.integers(0, 50)) * RATE // 10,
        longest=draw(st.sampled_from([5.0, 28.0])),
        pause=draw(st.sampled_from([0.6, 2.0])),
        margin=draw(st.sampled_from([0.3, 0.75])),
    )


@given(chunks())
def test_all_speech_is_in_exactly_one_piece_and_in_order(found: Cut) -> None:
    stretches = [stretch for piece in found.pieces for stretch in piece.stretches]
    assert all(0 <= stretch.start < stretch.end <= found.length for stretch in stretches)
    assert all(before.end <= after.start for before, after in pairwise(stretches))
    for span in found.speech:
        (home,) = [each for each in stretches if each.within(span.start, span.end)]
        assert home.start <= span.start < span.end <= home.end


@given(chunks())
def test_a_piece_holds_what_lies_at_its_stretches(found: Cut) -> None:
    for piece in found.pieces:
        for (_, samples), stretch in zip(found.places(piece), piece.stretches, strict=True):
            assert np.array_equal(samples, np.arange(stretch.start, stretch.end, dtype=np.float32))


@given(chunks())
def test_a_piece_knows_where_in_it_somebody_speaks(found: Cut) -> None:
    told = []
    for piece in found.pieces:
        for span in piece.speech or []:
            start, end = piece.samples[span.start], piece.samples[span.end - 1]
            told.append(Span(int(start), int(end) + 1))
        seconds = sum(span.end - span.start for span in piece.speech or []) / RATE
        assert piece.spoken(0, len(piece.samples) / RATE) == pytest.approx(seconds)
    assert told == found.speech


@given(chunks(), st.sampled_from([5.0, 28.0]))
def test_no_piece_is_too_long_unless_nobody_pauses_in_it(found: Cut, longest: float) -> None:
    for piece in cut(found.speech, found.length, longest=longest).pieces:
        assert piece.speech
        alone = len(piece.speech) == 1
        assert alone or piece.speech[-1].end - piece.speech[0].start <= longest * RATE
        assert alone or len(piece.samples) <= longest * RATE + 2 * MARGIN


@given(chunks())
def test_every_moment_of_a_piece_is_one_of_the_chunk(found: Cut) -> None:
    for piece in found.pieces:
        for (left, _), stretch in zip(found.places(piece), piece.stretches, strict=True):
            for place in (0, (stretch.end - stretch.start) // 2, stretch.end - stretch.start - 1):
                told = piece.original((left + place) / RATE) * RATE
                assert told == pytest.approx(stretch.start + place, abs=0.01)
            end = piece.original((left + stretch.end - stretch.start) / RATE, ends=True) * RATE
            assert end == pytest.approx(stretch.end, abs=0.01)


@given(chunks(), st.lists(st.floats(0, 100), min_size=2, max_size=20), st.booleans())
def test_time_never_runs_backwards(found: Cut, moments: list[float], ends: bool) -> None:
    for piece in found.pieces:
        told = [piece.original(moment, ends=ends) for moment in sorted(moments)]
        assert told == sorted(told)
        assert all(piece.original(each, ends=True) <= piece.original(each) for each in moments)


@given(chunks())
def test_long_pauses_are_left_out_and_short_ones_stay(found: Cut) -> None:
    for piece in found.pieces:
        assert piece.speech
        for before, after in pairwise(piece.speech):
            assert after.start - before.end <= max(found.pause * RATE, 2 * found.margin)


@given(chunks())
def test_a_margin_is_kept_on_either_side_as_far_as_there_is_room(found: Cut) -> None:
    ends = [0, *(span.end for span in found.speech)]
    starts = [*(span.start for span in found.speech), found.length]
    pauses = [Span(start, end) for start, end in zip(ends, starts, strict=True)]
    stretches = [stretch for piece in found.pieces for stretch in piece.stretches]
    for number, span in enumerate(found.speech):
        (home,) = [each for each in stretches if each.within(span.start, span.end)]
        before, after = pauses[number], pauses[number + 1]
        # Half of a pause at least, where two pieces share one; all of it at the chunk's ends.
        room_before = (before.end - before.start) // (2 if number else 1)
        room_after = (after.end - after.start) // (2 if number + 1 < len(found.speech) else 1)
        assert home.start <= span.start - min(found.margin, room_before)
        assert home.end >= span.end + min(found.margin, room_after)


def test_where_nobody_speaks_there_are_no_pieces() -> None:
    assert cut([], 30 * RATE).pieces == []


def test_what_fits_into_half_a_minute_stays_together() -> None:
    (piece,) = cut([Span(RATE, 9 * RATE), Span(round(9.3 * RATE), 14 * RATE)], 15 * RATE).pieces
    assert piece.stretches == [Span(round(0.25 * RATE), round(14.75 * RATE))]


def test_a_cut_falls_into_a_pause_rather_than_between_two_words() -> None:
    words = [Span(0, 13 * RATE), Span(round(13.1 * RATE), 20 * RATE), Span(21 * RATE, 33 * RATE)]
    first, second = cut(words, 33 * RATE).pieces
    assert len(first.speech or []) == 2
    assert len(second.speech or []) == 1


def test_of_a_pause_of_twenty_seconds_only_the_margins_are_decoded() -> None:
    (piece,) = cut([Span(0, RATE), Span(21 * RATE, 22 * RATE)], 22 * RATE).pieces
    assert piece.stretches == [Span(0, RATE + MARGIN), Span(21 * RATE - MARGIN, 22 * RATE)]
    assert piece.original(1.75, ends=True) == 1.75
    assert piece.original(1.75) == 20.25
    assert piece.original(3.0) == 21.5


def test_what_nobody_has_listened_to_is_one_piece() -> None:
    piece = whole(np.zeros(50 * RATE, np.float32), channel=1)
    assert (piece.speech, piece.channel) == (None, 1)
    assert piece.spoken(0, 50) == 0
    assert [piece.original(moment, ends=ends) for moment in (0, 7.5, 50) for ends in (True, False)] == [
        *(0, 0, 7.5, 7.5, 50, 50)
    ]


def test_three_hundred_words_are_cut_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, cost = itertools.count(), under_test._cost
    monkeypatch.setattr(under_test, "_cost", lambda *each: next(asked) * 0 + cost(*each))
    words = [Span(n * 6 * RATE // 10, (n * 6 + 5) * RATE // 10) for n in range(300)]
    found = cut(words, 180 * RATE)
    assert sum(len(piece.speech or []) for piece in found.pieces) == 300
    # For each word those in reach behind it: half a minute has room for 47.
    assert 300 < next(asked) <= 300 * 47


def test_an_end_in_the_margin_behind_a_pause_is_the_end_of_what_lies_before_the_pause() -> None:
    stretches = [Span(0, RATE + MARGIN), Span(61 * RATE - MARGIN, 62 * RATE)]
    second = RATE + 2 * MARGIN
    piece = Piece(
        np.zeros(second + RATE, np.float32), stretches, [Span(0, RATE), Span(second, second + RATE)]
    )
    before = (RATE + MARGIN) / RATE
    assert piece.original(before + 0.1, ends=True) == before
    assert piece.original(before + 0.1) > 60
    assert piece.original(before + MARGIN / RATE + 0.5, ends=True) > 61
    # The model may see the end of its half minute instead of the end of the sound.
    assert piece.original(29.98, ends=True) == 62
