"""Names of files as people give them: kept to be shown, never used as a path or key."""

import unicodedata
from pathlib import PurePosixPath

LONGEST = 255
_READ = 1000
# What could turn the reading direction of everything after it. Plain right-to-left letters stay.
_DIRECTION = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


def display_name(name: str) -> str:
    """One line of at most 255 characters that keeps its extension, or "recording"."""
    # Cut first: normalising takes time in the square of the marks that a letter carries.
    name = unicodedata.normalize("NFC", name[-_READ:]).translate(_DIRECTION).replace("\\", "/")
    name = name.rstrip("/").rpartition("/")[2]
    name = " ".join("".join(c if _shown(c) else " " for c in name).split())
    if len(name) <= LONGEST:
        return name or "recording"
    suffix = PurePosixPath(name).suffix[:16]
    return name[: LONGEST - len(suffix) - 1] + "…" + suffix


def extension(name: str) -> str:
    return PurePosixPath(name).suffix.removeprefix(".").lower()


def _shown(character: str) -> bool:
    """Format characters (Cf) stay: emoji sequences and some scripts are built with them."""
    return unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
