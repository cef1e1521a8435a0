"""What a recording's page says about its text: who speaks, in which language, and what may not be right."""

import re

import httpx
import pytest

from tests.support.call import CALL, spoken
from tests.support.domain import Submit
from tests.support.work import WORDS, transcribed
from webapp.core import language, summary
from webapp.core.doubts import DOUBTS
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.core.transcript import Segment


async def page_of(mine: httpx.AsyncClient, job: Job) -> str:
    return (await mine.get(f"/jobs/{job.id}")).text


async def test_channels_take_turns_as_they_speak(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit(mixed_languages=True)
    await spoken(house, job)
    page = await page_of(mine, job)
    assert re.findall(r'<bdi class="channel">(.*?)</bdi>', page) == [
        "Channel 1:",
        "Channel 2:",
        "Channel 1:",
        "Channel 2:",
    ]
    anchors = re.findall(r'<p id="(.*?)">', page)
    assert anchors == ["t=0.000-1", "t=3.500-2", "t=6.200-1", "t=6.300-2"]
    assert 'class="opening" dir="auto">Good morning, how are you? 你好。' in (await mine.get("/")).text


async def test_each_segment_is_in_its_language_and_the_summary_names_them(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit(mixed_languages=True)
    await spoken(house, job)
    page = await page_of(mine, job)
    assert '<span lang="en">Good morning, how are you?</span>' in page
    assert '<span lang="zh">&lt;b&gt;好&lt;/b&gt;。</span>' in page
    assert "<dt>Languages</dt><dd>Chinese and English</dd>" in page  # the one that is spoken longest first
    assert " · Chinese and English · " in (await mine.get("/")).text


async def test_a_translation_is_in_none_of_the_languages_spoken(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit(mixed_languages=True, task="translate")
    await spoken(house, job)
    assert 'lang="zh"' not in await page_of(mine, job)


async def test_what_may_not_be_right_is_marked_with_its_reason_for_eyes_and_ears(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await spoken(house, job)
    page = await page_of(mine, job)
    reasons = f"{DOUBTS['repetitive']}; {DOUBTS['too_fast']}"
    assert f'<span class="doubt" title="May not be right: {reasons}">' in page
    assert f'<bdi class="note hidden"> (may not be right: {reasons})</bdi>' in page
    assert "2 passages</span> may not be right, and are underlined with dots: " + reasons in page
    for name in ("txt", "srt", "vtt", "tsv"):
        assert "may not" not in (await mine.get(f"/jobs/{job.id}/export.{name}")).text


async def test_a_text_that_nobody_doubts_has_no_legend(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await transcribed(house, job)
    page = await page_of(mine, job)
    assert "may not be right" not in page
    assert 'class="channel"' not in page
    assert "<dt>Mode</dt><dd>Balanced</dd>" in page


async def test_a_reason_of_a_later_release_is_told_in_general_words(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await spoken(house, job, [Segment(0.0, 1.0, " Odd.", doubts=["<i>"])])
    page = await page_of(mine, job)
    assert "1 passage</span> may not be right, and is underlined with dots: something about it" in page
    assert "<i>" not in page


@pytest.mark.parametrize(
    ("probability", "said", "advised"),
    [(0.93, "<dd>English, 93 % sure</dd>", False), (0.31, "<dd>English, unsure</dd>", True)],
)
async def test_how_sure_the_language_is_and_what_to_do_if_it_is_not(
    mine: httpx.AsyncClient, house: House, submit: Submit, probability: float, said: str, advised: bool
) -> None:
    job = await submit()
    await transcribed(house, job)
    await language.settle(job.id, "en", probability)
    page = await page_of(mine, job)
    assert said in page
    assert ("choose its language under Options" in page) is advised
    assert (" · English (unsure) · " in (await mine.get("/")).text) is advised


async def test_where_nobody_speaks_no_language_is_guessed(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await spoken(house, job, [])
    await language.settle(job.id, *language.NOBODY_SPOKE)
    page = await page_of(mine, job)
    assert "<dt>Language" not in page
    assert "unsure" not in page


async def test_a_language_that_was_chosen_is_not_weighed(
    mine: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit(language="en")
    await transcribed(house, job, *WORDS)
    assert "<dt>Language</dt><dd>English</dd>" in await page_of(mine, job)


async def test_doubts_are_counted_by_segment_and_told_by_frequency(house: House, submit: Submit) -> None:
    job = await submit()
    await spoken(house, job)
    assert await summary.doubtful(job.id) == summary.Doubtful(2, ["repetitive", "too_fast"])
    assert await summary.languages([job.id]) == {job.id: ["zh", "en"]}
    assert sum(bool(each.doubts) for each in CALL) == 2
