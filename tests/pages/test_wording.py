"""Figures as people say them."""

from datetime import timedelta

import pytest

from webapp import wording
from webapp.core.clock import now


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03"), (36000, "10:00:00")]
)
def test_a_moment_of_a_recording(seconds: float, said: str) -> None:
    assert wording.clock(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "under 1 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (3780, "1 h 3 min"),
    ],
)
def test_a_span_of_time(seconds: float, said: str) -> None:
    assert plain(wording.span(seconds)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a few seconds"),
        (12, "about 10 s"),
        (57, "about 1 min"),
        (5000, "about 1 h 23 min"),
    ],
)
def test_an_estimate_is_no_more_exact_than_it_is(seconds: float, said: str) -> None:
    assert plain(wording.about(seconds)) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=4), "4 days ago"),
    ],
)
def test_how_long_ago(span: timedelta, said: str) -> None:
    assert wording.ago(now() - span) == said


def test_long_ago_is_a_date() -> None:
    assert wording.ago(now().replace(year=2020, month=2, day=1)) == "1 February 2020"


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (112, "112th"), (23, "23rd")],
)
def test_a_place_in_the_queue(number: int, said: str) -> None:
    assert wording.ordinal(number) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 kB"),
        (40_000, "40 kB"),
        (4_497_250, "4.5 MB"),
        (120_000_000, "120 MB"),
        (999_700_000, "1 GB"),
        (2_000_000_000, "2 GB"),
    ],
)
def test_a_size(count: int, said: str) -> None:
    assert wording.size(count) == said


def test_a_language_that_nobody_named_keeps_its_code() -> None:
    assert (wording.language("de"), wording.language("tlh")) == ("German", "tlh")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([], ""),
        (["de"], "German"),
        (["en", "zh"], "English and Chinese"),
        (["en", "zh", "fr", "tlh"], "English, Chinese, French and tlh"),
        (["en", "zh", "fr", "de", "es"], "English, Chinese, French and 2 more"),
    ],
)
def test_the_languages_of_a_recording(codes: list[str], said: str) -> None:
    assert wording.languages(codes) == said


def test_a_language_is_told_to_browsers_by_the_code_they_know() -> None:
    assert (wording.lang("jw"), wording.lang("zh")) == ("jv", "zh")


def test_a_hundred_percent_is_for_what_is_done() -> None:
    assert wording.percent(0.999) == 99
