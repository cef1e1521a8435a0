"""Files that browsers load, at addresses that change with the content, so that they may be kept for ever."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
_VERSION = "?v="


def address(name: str) -> str:
    return f"{PREFIX}{name}{_VERSION}{versions()[name]}"


def is_current(path: str, query: bytes) -> bool:
    """While a release is rolled out, a page of the next one may ask this process for a file of the next one:
    what is answered then must not be kept under that address."""
    version = versions().get(path.removeprefix(PREFIX))
    return version is not None and query.decode("latin-1") == f"v={version}"


def tag(path: str) -> str | None:
    """Weak, as it is the same for the compressed file."""
    version = versions().get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None
    return None if version is None else f'W/"{version}"'


@cache
def versions() -> dict[str, str]:
    """Read once as the process starts: whoever changes a file starts the process again."""
    return {
        path.relative_to(FOLDER).as_posix(): _version(path) for path in FOLDER.rglob("*") if path.is_file()
    }


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
