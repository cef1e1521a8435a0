"""What a child sends is not trusted either: a crafted file may have taken it over."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from tasks.protocol import (
    ANSWERS,
    HEADER_SIZE,
    LAST,
    MAX_FRAME,
    ChildConfig,
    ChunkCut,
    Cut,
    CutDone,
    CutOut,
    Drop,
    Failed,
    Hear,
    Heard,
    LanguageHeard,
    Load,
    Loaded,
    Opened,
    Position,
    ProtocolError,
    Ready,
    Reply,
    Request,
    SegmentFound,
    frame,
    read_config,
    read_header,
    read_reply,
    read_request,
)
from webapp.core.options import JobOptions
from webapp.core.transcript import Segment, Word

HERE = Path("/somewhere/here")
SEGMENT = Segment(
    start=0.0,
    end=1.5,
    text=" Hello",
    words=[Word(start=0.0, end=1.5, word=" Hello", probability=0.9)],
    avg_logprob=-0.2,
    compression_ratio=1.0,
    no_speech_prob=0.1,
    temperature=0.0,
)
REPLIES: list[Reply] = [
    Ready(),
    Loaded("base", "cpu", "int8"),
    Opened(None),
    Opened(11.0),
    ChunkCut(index=1, start=30.0, end=90.5, speech=42.0, path=HERE, last=False),
    ChunkCut(index=1, start=0.0, end=9.0, speech=2.0, path=HERE, last=True, spans=[(0, 500), (700, 2200)]),
    CutDone(duration=11.0, damaged_packets=1, missing=0.5),
    LanguageHeard({"en": 0.9, "nn": 0.01}, 1),
    SegmentFound(SEGMENT),
    Position(4.5),
    Heard(done=False),
    Failed(code="too_long", message="This is too long.", permanent=True),
]


def body(message: Request | Reply | ChildConfig) -> bytes:
    sent = frame(message)
    assert read_header(sent[:HEADER_SIZE]) == (len(sent) - HEADER_SIZE, 0)
    return sent[HEADER_SIZE:]


@pytest.mark.parametrize("reply", REPLIES, ids=repr)
def test_what_a_child_says_arrives_as_it_was_said(reply: Reply) -> None:
    assert read_reply(body(reply)) == reply


def test_what_the_worker_says_arrives_as_it_was_said(options: JobOptions, config: ChildConfig) -> None:
    requests: list[Request] = [
        Cut(path=HERE, folder=HERE, start=1.25, first_chunk=2),
        CutOut(path=HERE, target=HERE, start=1.25, end=2.5),
        Load("base"),
        Drop(),
        Hear(path=HERE, options=options, start=30.0, language="en", only_if_sure=True),
        Hear(path=HERE, options=options, start=30.0, spans=[(0, 500), (700, 2200)]),
    ]
    assert [read_request(body(request)) for request in requests] == requests
    assert read_config(body(config)) == config


def test_every_request_has_its_answers_and_exactly_two_of_them_are_the_last() -> None:
    """But nobody waits for an answer to the news that nobody waits for an answer."""
    assert ANSWERS.keys() == set(get_args(Request)) - {Drop}
    for answers in ANSWERS.values():
        assert Ready not in answers
        assert len(set(answers) & set(get_args(LAST))) == 2


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa7Unheard", b"\xff" * 64])
def test_nonsense_from_the_process_is_no_message(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_reply(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": 7},
        {"path": None},
        {"path": ["/etc/passwd"]},
        {"index": "0"},
        {"index": 0.5},
        {"start": "now"},
        {"end": None},
        {"last": 1},
        {"type": "Cut"},
    ],
    ids=repr,
)
def test_a_message_with_something_else_in_it_is_none(changes: dict[str, object]) -> None:
    chunk = {
        "type": "ChunkCut",
        "index": 0,
        "start": 0.0,
        "end": 1.0,
        "speech": 1.0,
        "path": "/a",
        "last": True,
    }
    assert read_reply(msgspec.msgpack.encode(chunk))
    with pytest.raises(ProtocolError):
        read_reply(msgspec.msgpack.encode(chunk | changes))


def test_a_message_that_claims_to_be_huge_is_not_waited_for() -> None:
    assert read_header(MAX_FRAME.to_bytes(4, "big") + bytes(4)) == (MAX_FRAME, 0)
    with pytest.raises(ProtocolError):
        read_header((MAX_FRAME + 1).to_bytes(4, "big") + bytes(4))


def test_a_message_bears_its_ticket() -> None:
    sent = frame(Heard(done=True), 2**32 - 1)
    assert read_header(sent[:HEADER_SIZE]) == (len(sent) - HEADER_SIZE, 2**32 - 1)
