"""A child that a crafted recording has taken over gets nothing out of the worker, and no nonsense in."""

import os
from math import inf, nan
from pathlib import Path

import msgspec
import pytest

from tasks.answers import ChildCrashed
from tasks.child import Decoder
from tasks.plausible import Cuts, heard
from tasks.protocol import (
    ChildConfig,
    ChunkCut,
    Cut,
    CutDone,
    Failed,
    Hear,
    LanguageHeard,
    Opened,
    Position,
    Reply,
    SegmentFound,
)
from webapp.core.doubts import DOUBTS
from webapp.core.options import JobOptions
from webapp.core.transcript import Segment, Word

change = msgspec.structs.replace
FOLDER = Path("/work-folder")
REQUEST = Cut(path=FOLDER / "recording", folder=FOLDER, start=30.0, first_chunk=1)
FIRST = ChunkCut(index=1, start=30.0, end=90.0, speech=50.0, path=FOLDER / "1.flac", last=False)
SPOKEN = change(FIRST, spans=[(0, 700), (900, 2000), (2000, 60_000)])
SECOND = ChunkCut(index=2, start=90.0, end=100.0, speech=0.0, path=FOLDER / "2.flac", last=True)
DONE = CutDone(duration=100.0, damaged_packets=0, missing=0.0)
WORD = Word(60.0, 61.0, " word", 0.9)
SEGMENT = Segment(60.0, 61.0, " word", [WORD])


def allowed(*replies: Reply) -> bool:
    cuts = Cuts(REQUEST, longest=3600)
    return [cuts.allow(reply) for reply in replies][-1]


def test_what_an_honest_decoder_says_is_believed() -> None:
    cuts = Cuts(REQUEST, longest=3600)
    assert all(cuts.allow(each) for each in (Opened(None), Opened(99.0), Position(30.0), FIRST, SECOND, DONE))


@pytest.mark.parametrize(
    "lie",
    [
        change(FIRST, path=Path("/proc/1/environ")),
        change(FIRST, path=FOLDER / "recording"),
        change(FIRST, path=FOLDER / "../1.flac"),
        change(FIRST, index=7, path=FOLDER / "7.flac"),
        change(FIRST, start=0.0),
        change(FIRST, start=nan),
        change(FIRST, end=nan),
        change(FIRST, end=inf),
        change(FIRST, end=1e9),
        change(FIRST, end=29.0),
        change(FIRST, end=30.0, speech=0.0),
        change(FIRST, speech=-1.0),
        Failed(code="storage_unavailable", message="For ever.", permanent=False),
        change(FIRST, speech=61.0),
        change(SPOKEN, spans=[(-1, 700)]),
        change(SPOKEN, spans=[(0, 60_003)]),
        change(SPOKEN, spans=[(900, 900)]),
        change(SPOKEN, spans=[(900, 700)]),
        change(SPOKEN, spans=[(900, 2000), (0, 700)]),
        change(SPOKEN, spans=[(0, 901), (900, 2000)]),
        change(SPOKEN, spans=[(place, place + 1) for place in range(0, 60_000, 49)]),
        change(DONE, duration=nan),
        change(DONE, missing=-1.0),
        change(DONE, damaged_packets=1 << 40),
        Opened(inf),
        Position(nan),
    ],
    ids=str,
)
def test_what_no_honest_decoder_says_is_not(lie: Reply) -> None:
    assert not allowed(lie)


def test_where_somebody_speaks_is_believed_if_it_may_be_so() -> None:
    assert allowed(SPOKEN)
    assert allowed(change(SPOKEN, spans=[(place, place + 1) for place in range(0, 60_000, 50)]))
    assert allowed(change(FIRST, end=30.0001, speech=0.0, spans=[]))
    assert allowed(change(FIRST, end=30.02, speech=0.02, spans=[(0, 20)]))


def test_nothing_follows_the_last_chunk() -> None:
    assert not allowed(FIRST, SECOND, change(SECOND, index=3, start=100.0, end=101.0, path=FOLDER / "3.flac"))


@pytest.mark.parametrize(
    ("reply", "believed"),
    [
        (SegmentFound(SEGMENT), True),
        (SegmentFound(change(SEGMENT, end=nan)), False),
        (SegmentFound(change(SEGMENT, start=-5.0)), False),
        (SegmentFound(change(SEGMENT, avg_logprob=inf)), False),
        (SegmentFound(change(SEGMENT, words=[change(WORD, start=nan)])), False),
        (SegmentFound(change(SEGMENT, end=1e9)), False),
        (SegmentFound(change(SEGMENT, temperature=nan)), False),
        (SegmentFound(change(SEGMENT, words=[change(WORD, probability=nan)])), False),
        (SegmentFound(change(SEGMENT, channel=63, language="yue", doubts=list(DOUBTS))), True),
        (SegmentFound(change(SEGMENT, channel=64)), False),
        (SegmentFound(change(SEGMENT, channel=-1)), False),
        (SegmentFound(change(SEGMENT, language="<b>")), False),
        (SegmentFound(change(SEGMENT, language="")), False),
        (SegmentFound(change(SEGMENT, doubts=["unsure"] * 8)), True),
        (SegmentFound(change(SEGMENT, doubts=["unsure"] * 9)), False),
        (SegmentFound(change(SEGMENT, doubts=["odd"])), False),
        (Failed(code="engine_failed", message="The worker stumbled.", permanent=False), True),
        (Failed(code="storage_unavailable", message="For ever.", permanent=False), False),
        (Failed(code="engine_failed", message="x" * 5000, permanent=False), False),
        (Failed(code="engine_failed", message="a\0b", permanent=False), False),
        (Position(nan), False),
        (LanguageHeard({"en": 0.9, "de": 0.05}, 1), True),
        (LanguageHeard({"en": nan}, 1), False),
        (LanguageHeard({"en": 3.0}, 1), False),
    ],
    ids=str,
)
def test_times_and_scores_of_an_engine_are_numbers(reply: Reply, believed: bool, options: JobOptions) -> None:
    assert heard(Hear(path=FOLDER / "1.flac", options=options, start=60.0), reply) is believed


async def test_decoder_that_names_another_file_is_ended_like_one_that_crashed(
    config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lying(self: object, request: object) -> object:
        yield change(FIRST, path=Path(os.devnull))

    monkeypatch.setattr(Decoder, "ask", lying)
    with pytest.raises(ChildCrashed):
        async for _ in Decoder(config).cut(REQUEST):
            pass
