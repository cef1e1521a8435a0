"""What the engine's process sends is not trusted either: a crafted file may have taken it over."""

import pytest

from tasks.protocol import MAX_FRAME, ProtocolError, body_size, read_reply


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa7Unheard", b"\xff" * 64])
def test_nonsense_from_the_process_is_no_message(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_reply(body)


def test_a_message_that_claims_to_be_huge_is_not_waited_for() -> None:
    with pytest.raises(ProtocolError):
        body_size((MAX_FRAME + 1).to_bytes(4, "big"))
