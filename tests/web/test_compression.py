"""What is sent compressed, and what never is."""

import gzip

import httpx
import pytest

from tests.support.domain import Submit
from tests.support.web import Site, bearer
from tests.support.work import transcribed
from webapp.core.house import House
from webapp.core.tables import SegmentRow

GZIP = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("address", ["/", "/openapi.json", "/static/app.css", "/static/vendor/htmx.min.js"])
async def test_pages_json_and_files_are_compressed_for_who_can_read_it(
    visitor: httpx.AsyncClient, address: str
) -> None:
    small = await visitor.get(address, headers=GZIP)
    plain = await visitor.get(address, headers={"Accept-Encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in small.headers["vary"].lower()
    assert "content-encoding" not in plain.headers
    assert small.content == plain.content
    assert small.num_bytes_downloaded < len(plain.content) / 2


async def test_little_is_sent_as_it_is(visitor: httpx.AsyncClient) -> None:
    assert "content-encoding" not in (await visitor.get("/health/live", headers=GZIP)).headers


@pytest.mark.parametrize("wanted", ["txt", "json", "vtt"])
async def test_an_export_is_compressed_once(
    client: httpx.AsyncClient, house: House, submit: Submit, wanted: str
) -> None:
    job = await submit()
    await transcribed(house, job)
    await SegmentRow.update({SegmentRow.text: " and so on" * 500}).where(SegmentRow.job == job.id)
    address = f"/api/v1/jobs/{job.id}/transcript.{wanted}"
    async with client.stream("GET", address, headers=GZIP) as answer:
        sent = b"".join([piece async for piece in answer.aiter_raw()])
    plain = await client.get(address, headers={"Accept-Encoding": "identity"})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(sent) == plain.content
    assert int(answer.headers["content-length"]) == len(sent)
    assert plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("address", ["/events", "/jobs/{}/events", "/api/v1/jobs/{}/events"])
async def test_a_stream_is_never_compressed_and_begins_at_once(
    site: Site, space: tuple[object, str], token: str, submit: Submit, address: str
) -> None:
    """Nothing happens after it is opened: what is read is there by itself."""
    job = await submit()
    headers = GZIP | bearer(token)
    async with (
        httpx.AsyncClient(
            base_url=site.url, headers=headers, cookies={"audiotext_space": space[1]}
        ) as program,
        program.stream("GET", address.format(job.id)) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        assert str(job.id).encode() in await anext(answer.aiter_raw())
