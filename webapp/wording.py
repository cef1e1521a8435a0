"""Figures as people say them. Templates use these as filters."""

from collections.abc import Sequence
from datetime import datetime

from webapp.core.clock import now
from webapp.core.languages import LANGUAGES

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NAMED = 3
_NBSP = "\u00a0"  # a number and its unit stay on one line


def clock(seconds: float) -> str:
    """A moment of a recording: 0:07, 12:34, 1:02:03"""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 1:
        return f"under 1{_NBSP}s"
    if whole < _MINUTE:
        return f"{whole}{_NBSP}s"
    if whole < _HOUR:
        return _pair(whole // _MINUTE, "min", whole % _MINUTE, "s")
    return _pair(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")


def about(seconds: float) -> str:
    """An estimate, no more exact than it is."""
    if seconds < 10:
        return "a few seconds"
    if seconds < _MINUTE - 5:
        return f"about {round(seconds / 10) * 10}{_NBSP}s"
    if seconds < _HOUR:
        return f"about {round(seconds / _MINUTE)}{_NBSP}min"
    return f"about {_pair(int(seconds // _HOUR), 'h', int(seconds % _HOUR // _MINUTE), 'min')}"


def ago(moment: datetime) -> str:
    """Needs no time zone, of which a server does not know the reader's."""
    passed = (now() - moment).total_seconds()
    if passed < _MINUTE:
        return "just now"
    if passed < _HOUR:
        return f"{int(passed // _MINUTE)} min ago"
    if passed < _DAY:
        return f"{int(passed // _HOUR)} h ago"
    if passed < 7 * _DAY:
        days = int(passed // _DAY)
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{moment.day} {moment:%B %Y}"


def language(code: str) -> str:
    return LANGUAGES.get(code, code)


def languages(codes: Sequence[str]) -> str:
    """Of a recording with many the first are enough."""
    names = [language(code) for code in codes]
    if len(names) > _NAMED + 1:
        names[_NAMED:] = [f"{len(names) - _NAMED} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def lang(code: str) -> str:
    """For browsers and screen readers, which know one of Whisper's codes by a newer one."""
    return {"jw": "jv"}.get(code, code)


def percent(fraction: float) -> int:
    """Rounded down: 100 % is for what is done."""
    return int(fraction * 100)


def untitled(moment: datetime) -> str:
    """Says its time zone, as it is kept and may be read anywhere."""
    return f"Recording, {moment.day} {moment:%B %H:%M} UTC"


def ordinal(number: int) -> str:
    if 10 < number % 100 < 14:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def size(count: int) -> str:
    for unit, worth in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if count >= 0.9995 * worth:  # from there on it would be rounded to 1000 of the unit below
            return f"{count / worth:.3g} {unit}"
    return f"{max(1, round(count / 1000))} kB"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    whole = f"{large}{_NBSP}{large_unit}"
    return f"{whole} {small}{_NBSP}{small_unit}" if small else whole
