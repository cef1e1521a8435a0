"""Recordings whose channels are heard apart: who speaks is told, and people may talk at the same time."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.exports import FORMATS, cues
from webapp.core.paragraphs import in_order, paragraphs
from webapp.core.transcript import Gap, Segment, Transcript

GOLDEN = Path(__file__).parent.parent / "golden"
# As they are heard: one channel after the other.
CALL = Transcript(
    [
        Segment(0.0, 4.2, " Good morning,", avg_logprob=-0.2, channel=0, language="en"),
        Segment(4.2, 5.5, " how are you?", avg_logprob=-0.3, channel=0, language="en"),
        Segment(9.0, 9.5, " Good.", channel=0, language="en", doubts=["unsure", "too_fast"]),
        Segment(4.0, 6.0, " 你好 --> <b>", avg_logprob=-0.4, channel=1, language="zh", doubts=["repetitive"]),
        Segment(6.0, 8.0, " =1+1", channel=1, language="zh"),
    ],
    title="call.wav",
    language="en",
    language_probability=0.97,
    duration=10.0,
    model="base",
)
segments = st.builds(
    Segment,
    st.floats(0, 100),
    st.floats(0, 100),
    st.text("ab. \n<>&-你", max_size=6),
    channel=st.none() | st.integers(0, 63),
)


def render(name: str, transcript: Transcript) -> str:
    return "".join(FORMATS[name].render(transcript))


@pytest.mark.parametrize("name", FORMATS)
def test_a_call_is_rendered_as_the_golden_file_shows(name: str) -> None:
    assert render(name, CALL) == (GOLDEN / f"call.{name}").read_bytes().decode()


@given(st.lists(segments, max_size=6))
def test_cues_of_all_channels_stand_in_order_and_can_be_read_back(found: list[Segment]) -> None:
    expected = list(cues(Transcript(found)))
    assert [cue.start for cue in expected] == sorted(cue.start for cue in expected)
    subtitles = list(srt.parse(render("srt", Transcript(found))))
    assert len(subtitles) == len(expected)
    captions = webvtt.from_string(render("vtt", Transcript(found))).captions
    assert [caption.voice for caption in captions] == [cue.channel for cue in expected]
    rows = list(
        csv.DictReader(io.StringIO(render("tsv", Transcript(found)), newline=""), dialect="excel-tab")
    )
    assert [row.get("channel") or None for row in rows] == [cue.channel for cue in expected]


@given(st.lists(segments, max_size=8))
def test_no_paragraph_holds_two_channels_and_none_is_lost(found: list[Segment]) -> None:
    made = paragraphs(found)
    assert all(len({segment.channel for segment in part.segments}) == 1 for part in made)
    assert [each for part in made for each in part.segments] == [
        each for each in in_order(found) if each.text.strip()
    ]


@given(st.lists(segments, max_size=6))
def test_without_channels_nothing_is_put_in_another_order(found: list[Segment]) -> None:
    mono = [msgspec.structs.replace(each, channel=None) for each in found]
    assert in_order(mono) == mono
    assert all("Channel" not in render(name, Transcript(mono)) for name in FORMATS)


def test_people_who_speak_in_the_same_second_have_addresses_of_their_own() -> None:
    quick = [Segment(7.1, 7.2, "Yes.", channel=0), Segment(7.3, 7.4, "No.", channel=1)]
    assert [part.anchor for part in paragraphs(quick)] == ["t=7.100-1", "t=7.300-2"]
    assert paragraphs([Segment(7.1, 7.2, "Yes.")])[0].anchor == "t=7"


def test_a_gap_stands_between_those_who_speak_before_it_and_after() -> None:
    holed = [Segment(0.0, 4.0, "One.", channel=0), Segment(9.0, 9.5, "Two.", channel=0)]
    holed += [Segment(1.0, 3.0, "Three.", channel=1)]
    text = render("txt", Transcript(holed, partial=True, gaps=[Gap(4.0, 9.0)]))
    assert text.split("\n\n") == [
        "Channel 1: One.",
        "Channel 2: Three.",
        "[00:00:04 to 00:00:09 not transcribed]",
        "Channel 1: Two.\n",
    ]


def test_json_has_what_is_known_of_each_segment() -> None:
    document = json.loads(render("json", CALL))
    known = [(each["channel"], each["language"], each["doubts"]) for each in document["segments"]]
    assert known == [
        (0, "en", []),
        (1, "zh", ["repetitive"]),
        (0, "en", []),
        (1, "zh", []),
        (0, "en", ["unsure", "too_fast"]),
    ]
    assert document["text"] == "Good morning, 你好 --> <b> how are you? =1+1 Good."
