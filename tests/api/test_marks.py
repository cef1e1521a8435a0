"""What a program is told of a segment beyond its words."""

from typing import Any

import httpx

from tests.api.test_events import followed
from tests.support.call import spoken
from tests.support.domain import Submit
from tests.support.web import Site
from webapp.core.house import House

KNOWN = [
    (0, "en", []),
    (1, "zh", []),
    (0, "en", ["repetitive", "too_fast"]),
    (1, "zh", ["repetitive"]),
]


def known(segment: dict[str, Any]) -> tuple[int, str, list[str]]:
    return segment["channel"], segment["language"], segment["doubts"]


async def test_transcript_and_stream_have_channel_language_and_doubts(
    client: httpx.AsyncClient, site: Site, token: str, house: House, submit: Submit
) -> None:
    job = await submit(mixed_languages=True, mode="fast")
    await spoken(house, job)
    found = (await client.get(f"/api/v1/jobs/{job.id}/transcript")).json()
    assert [known(each) for each in found["segments"]] == KNOWN
    assert found["text"].startswith("Good morning, how are you? 你好。")
    async with followed(site, token, job) as events:
        told = [data async for name, data in events if name == "segment"]
    assert [each["index"] for each in told] == [0, 1, 2, 3]
    assert sorted(map(known, told)) == sorted(KNOWN)
    seen = (await client.get(f"/api/v1/jobs/{job.id}")).json()
    assert (seen["mode"], seen["mixed_languages"], seen["beam_size"]) == ("fast", True, None)


async def test_the_earlier_dialect_reads_channels_as_they_are_spoken(
    client: httpx.AsyncClient, house: House, submit: Submit
) -> None:
    job = await submit()
    await spoken(house, job)
    found = (await client.get("/api/v1/job/read")).json()[0]
    assert found["result_text"] == "Good morning, how are you? 你好。 Fine. Fine. Fine. <b>好</b>。"
