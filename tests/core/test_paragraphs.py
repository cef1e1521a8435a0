"""Paragraphs break where a reader expects it, and never change once later text has arrived."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.core.paragraphs import LONG_ENOUGH, TOO_LONG, joined, paragraphs
from webapp.core.transcript import Segment

SENTENCE = " This sentence is one of many like it."
steps = st.lists(
    st.tuples(st.floats(0, 4), st.sampled_from(["", " and so on", " Stop.", " x" * 250, "句子。"])),
    max_size=25,
)


def spoken(*texts: str, pause: float = 0.0) -> list[Segment]:
    return [Segment(n * (2 + pause), n * (2 + pause) + 2, text) for n, text in enumerate(texts)]


def test_a_pause_begins_a_paragraph() -> None:
    found = paragraphs(spoken(" One.", " Two.", pause=2.0))
    assert [(part.start, part.end, part.text) for part in found] == [
        (0.0, 2.0, "One."),
        (4.0, 6.0, "Two."),
    ]


def test_a_short_breath_does_not() -> None:
    assert len(paragraphs(spoken(" One.", " Two.", pause=1.9))) == 1


def test_a_long_paragraph_ends_with_its_sentence() -> None:
    lengths = [len(part.text) for part in paragraphs(spoken(*[SENTENCE] * 30))]
    assert all(LONG_ENOUGH <= length < LONG_ENOUGH + len(SENTENCE) for length in lengths[:-1])
    assert len(lengths) > 1


def test_a_sentence_that_ends_in_a_quotation_mark_ends_a_paragraph() -> None:
    text = " He said " + "really " * 60 + '"stop."'
    assert len(paragraphs(spoken(text, " Then he left."))) == 2


def test_speech_without_a_full_stop_is_broken_all_the_same() -> None:
    found = paragraphs(spoken(*[" and then we went on"] * 200))
    assert all(len(part.text) < TOO_LONG + 30 for part in found)
    assert len(found) > 1


def test_silence_makes_no_paragraph() -> None:
    assert paragraphs(spoken("", "  \n")) == []


def test_words_are_joined_by_a_space_and_chinese_or_japanese_sentences_by_none() -> None:
    assert joined([" One.", "Two. ", "", "三。", "四。", "five"]) == "One. Two. 三。四。 five"


@given(steps)
def test_text_that_arrives_later_changes_no_earlier_paragraph(
    steps: list[tuple[float, str]],
) -> None:
    segments, clock = [], 0.0
    for pause, text in steps:
        segments.append(Segment(clock + pause, clock + pause + 1, text))
        clock += pause + 1
    whole = paragraphs(segments)
    for known in range(len(segments)):
        partial = paragraphs(segments[:known])
        assert partial[:-1] == whole[: len(partial[:-1])]


@given(steps)
def test_no_segment_is_lost_or_shown_twice(steps: list[tuple[float, str]]) -> None:
    segments = [Segment(n * 3.0, n * 3.0 + 3 - pause / 2, text) for n, (pause, text) in enumerate(steps)]
    shown = [segment for part in paragraphs(segments) for segment in part.segments]
    assert shown == [segment for segment in segments if segment.text]
