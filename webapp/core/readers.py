"""Readers for the values of settings: text in, typed value out, or a ValueError saying what was expected."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(value: str) -> str:
    return value


def flag(value: str) -> bool:
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ValueError("true or false")


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        expected = f"a number from {low:g} to {high:g}"
        try:
            parsed = float(value)
        except ValueError:
            raise ValueError(expected) from None
        if not low <= parsed <= high:
            raise ValueError(expected)
        return parsed

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return read


def names(value: str) -> tuple[str, ...]:
    """A comma-separated list, in its own order and without repeats."""
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not found:
        raise ValueError("a comma-separated list with at least one name")
    return found


def maybe_names(value: str) -> tuple[str, ...]:
    return names(value) if value.strip(" ,") else ()


def extensions(value: str) -> tuple[str, ...]:
    found = tuple(name.lower().removeprefix(".") for name in names(value))
    if not all(name.isalnum() for name in found):
        raise ValueError("a comma-separated list of file extensions such as mp3,wav")
    return found


def url(*schemes: str, example: str) -> Callable[[str], str]:
    expected = f"a URL such as {example}"

    def read(value: str) -> str:
        try:
            parts = urlsplit(value)
            valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise ValueError(expected)
        return value.rstrip("/")

    return read


def folder(value: str) -> Path:
    return Path(value).expanduser()
