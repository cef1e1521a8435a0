"""What a page says after a deletion.

It is carried by the address to which a form without JavaScript is sent back. Anybody may make up an address,
so it has figures and no words.
"""

import re

import msgspec

from webapp.core.jobs import Deletion

_FIGURES = re.compile(r"(\d{1,15})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


class Removed(msgspec.Struct, frozen=True):
    """`pending`: so much of it the storage still has."""

    size: int
    passages: int
    pending: int

    @property
    def address(self) -> str:
        return f"/?removed={self.size}.{self.passages}.{self.pending}"


def removed_by(done: Deletion) -> Removed:
    return Removed(done.recording_bytes, done.segments, done.pending_removals)


def read_removed(figures: str | None) -> Removed | None:
    found = _FIGURES.fullmatch(figures or "")
    return Removed(*map(int, found.groups())) if found else None
