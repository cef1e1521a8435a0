"""Exports are read back by parsers of others, and compared with golden files."""

import csv
import html
import io
import json
import math
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from webapp.core import exports
from webapp.core.exports import FORMATS, content_disposition, cues, filename, milliseconds
from webapp.core.paragraphs import joined
from webapp.core.transcript import Gap, Segment, Transcript, Word

GOLDEN = Path(__file__).parent.parent / "golden"
EMPTY = Transcript([])
MEETING = Transcript(
    [
        Segment(
            0.0,
            2.4996,
            " Good morning, everyone.",
            [Word(0.0, 0.38, " Good", 0.97), Word(0.38, 2.4996, " morning, everyone.", 0.91)],
            -0.21,
            1.1,
            0.02,
        ),
        Segment(2.4996, 5.0, ' Is 3 < 4 & 5 > 4? "Yes,', avg_logprob=math.nan),
        Segment(9.25, 12.0, "=SUM(A1:A9)\tsaid\r\n\r\nthe --> sheet"),
        Segment(12.0, 11.5, " Straße, naïve, 你好, 😀", []),
        Segment(359999.9996, 360001.0, " The hundredth hour."),
        Segment(360001.0, 360002.0, " \n "),
    ],
    title='Q3 "review"\u2028final.mp3',
    language="en",
    language_probability=math.inf,
    duration=360002.0004,
    model="base",
)

NASTY = "ab 7\n\r\t\0\x0b\x85\u2028\"&<>=+-@'你😀"
LINES = ["-->", "--->", "00:00:01.000 --> 00:00:02.000", "1\n\n2", "\n\n", "WEBVTT", "NOTE x", "7"]
texts = st.text(NASTY, max_size=12) | st.text(max_size=12) | st.sampled_from(LINES)
times = st.floats(-1, 500_000) | st.sampled_from([math.nan, math.inf, -math.inf, 1e308])
words = st.builds(Word, times, times, texts, st.floats())
segments = st.builds(
    Segment, times, times, texts, st.none() | st.lists(words, max_size=2), st.floats(), st.floats()
)
transcripts = st.builds(Transcript, st.lists(segments, max_size=4), texts, duration=times)


def render(name: str, transcript: Transcript) -> str:
    return "".join(FORMATS[name].render(transcript))


@pytest.mark.parametrize("name", FORMATS)
def test_a_meeting_is_rendered_as_the_golden_file_shows(name: str) -> None:
    assert render(name, MEETING) == (GOLDEN / f"meeting.{name}").read_bytes().decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n"), ("tsv", "start\tend\ttext\n")],
)
def test_a_recording_without_speech_still_gives_a_valid_file(name: str, expected: str) -> None:
    assert render(name, EMPTY) == expected


def test_a_recording_without_speech_gives_json_with_no_segments() -> None:
    document = json.loads(render("json", EMPTY))
    assert (document["segments"], document["text"]) == ([], "")


@given(transcripts)
def test_a_subrip_parser_reads_back_every_time_and_text(transcript: Transcript) -> None:
    found = list(srt.parse(render("srt", transcript)))
    assert [(_ms(cue.start), _ms(cue.end), cue.content) for cue in found] == [
        (cue.start, cue.end, cue.text.replace("-->", "→")) for cue in cues(transcript)
    ]


@given(transcripts)
def test_a_webvtt_parser_reads_back_every_time_and_text(transcript: Transcript) -> None:
    found = webvtt.from_string(render("vtt", transcript)).captions
    assert [(_vtt_ms(cue.start), _vtt_ms(cue.end), html.unescape(cue.text)) for cue in found] == [
        (cue.start, cue.end, cue.text) for cue in cues(transcript)
    ]


@given(transcripts)
def test_a_spreadsheet_reads_back_every_row_and_runs_no_formula(transcript: Transcript) -> None:
    header, *rows = csv.reader(io.StringIO(render("tsv", transcript), newline=""), "excel-tab")
    assert header == ["start", "end", "text"]
    assert len(rows) == len(list(cues(transcript)))
    for (start, end, text), cue in zip(rows, cues(transcript), strict=True):
        assert (int(start), int(end)) == (cue.start, cue.end)
        assert text in (cue.text, f"'{cue.text}")
        assert text[0] not in "=+-@\uff1d\uff0b\uff0d\uff20"


@given(transcripts)
def test_json_is_strict_and_shows_the_same_times(transcript: Transcript) -> None:
    document = json.loads(render("json", transcript), parse_constant=pytest.fail)
    assert [
        (milliseconds(found["start"]), milliseconds(found["end"]), found["text"])
        for found in document["segments"]
    ] == [(cue.start, cue.end, cue.text) for cue in cues(transcript)]
    found = [word for segment in document["segments"] for word in segment["words"] or []]
    assert all(0 <= word["start"] <= word["end"] for word in found)


@given(transcripts)
def test_plain_text_holds_every_sentence_in_order(transcript: Transcript) -> None:
    blocks = render("txt", transcript).split("\n\n")
    assert joined(blocks) == joined(segment.text for segment in transcript.segments)


@given(transcripts)
def test_cues_stand_in_order_and_last(transcript: Transcript) -> None:
    found = list(cues(transcript))
    assert all(0 <= cue.start < cue.end for cue in found)
    assert [cue.start for cue in found] == sorted(cue.start for cue in found)


def test_the_words_and_scores_of_a_segment_are_in_the_json() -> None:
    first, second, *_ = json.loads(render("json", MEETING))["segments"]
    assert first["words"][1] == {
        "start": 0.38,
        "end": 2.5,
        "word": " morning, everyone.",
        "probability": 0.91,
    }
    assert (first["no_speech_prob"], second["avg_logprob"], second["words"]) == (0.02, None, None)


def test_rounding_up_carries_into_seconds_minutes_and_hours() -> None:
    assert exports.clock(milliseconds(3599.9996), ",") == "01:00:00,000"
    assert exports.clock(milliseconds(359999.9996), ".") == "100:00:00.000"


@pytest.mark.parametrize("name", ["txt", "srt", "vtt", "tsv"])
def test_a_long_transcript_comes_in_small_pieces(name: str) -> None:
    long = Transcript([Segment(float(n), n + 1.0, f" Sentence {n}.") for n in range(5000)])
    assert max(map(len, FORMATS[name].render(long))) < 2000


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("interview.mp3", "interview.srt"),
        ("Interview v2.5", "Interview v2.5.srt"),
        ("../../etc/passwd", "_.._etc_passwd.srt"),
        ("C:\\boot\\a.wav", "C__boot_a.srt"),
        ("two\r\nSet-Cookie: x=1.ogg", "two Set-Cookie_ x=1.srt"),
        ("\u202eexe.mp3", "exe.srt"),
        ("con.mp3", "_con.srt"),
        ("NUL.tar.gz", "_NUL.tar.srt"),
        ("...", "transcript.srt"),
        ("", "transcript.srt"),
        ("Gespräch 😀.m4a", "Gespräch 😀.srt"),
    ],
)
def test_a_download_is_named_after_the_recording(title: str, expected: str) -> None:
    assert filename(title, "srt") == expected


@given(texts | st.text(min_size=300))
def test_no_title_makes_an_unsafe_file_name(title: str) -> None:
    name = filename(title, "vtt")
    assert name.endswith(".vtt")
    assert len(name.encode()) <= 255
    assert not set(name) & set('/\\:*?"<>|\r\n\0')
    assert not name.startswith((".", " "))


def test_an_ascii_name_is_sent_as_it_is() -> None:
    assert content_disposition("a b.srt") == 'attachment; filename="a b.srt"'


def test_a_name_with_quotes_and_emoji_is_sent_encoded_beside_a_plain_one() -> None:
    assert content_disposition('a"😀%.srt') == (
        "attachment; filename=\"a___.srt\"; filename*=UTF-8''a%22%F0%9F%98%80%25.srt"
    )


@given(st.text())
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "\\" not in header


def _ms(delta: timedelta) -> int:
    return delta // timedelta(milliseconds=1)


def _vtt_ms(stamp: str) -> int:
    clock, millis = stamp.split(".")
    hours, minutes, seconds = map(int, clock.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int(millis)


HOLED = Transcript(
    [Segment(0.0, 9.5, " Before it."), Segment(25.0, 30.0, " After it."), Segment(30.0, 30.0, " At once.")],
    partial=True,
    gaps=[Gap(9.5, 24.9996), Gap(30.0, None)],
)


def test_plain_text_says_where_a_partial_text_has_gaps() -> None:
    assert render("txt", HOLED).split("\n\n") == [
        "Before it.",
        "[00:00:09 to 00:00:25 not transcribed]",
        "After it. At once.",
        "[not transcribed from 00:00:30 on]\n",
    ]


def test_json_names_the_gaps_and_subtitles_show_nothing_in_them() -> None:
    document = json.loads(render("json", HOLED))
    assert document["gaps"] == [{"start": 9.5, "end": 25.0}, {"start": 30.0, "end": None}]
    assert document["text"] == "Before it. After it. At once."
    whole = msgspec.structs.replace(HOLED, gaps=[])
    for name in ("srt", "vtt", "tsv"):
        assert render(name, HOLED) == render(name, whole)
