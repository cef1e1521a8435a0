"""A log helps without telling secrets."""

import json
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.support.web import Site, bearer, running_web
from webapp.core.logs import without_secrets
from webapp.visitors import COOKIE


@pytest.mark.parametrize(
    "line",
    [
        "GET https://s3/x?X-Amz-Credential=AKIA5ECRET%2F2026&X-Amz-Signature=5ECRET",
        "could not reach postgres://someone:5ECRET@db:5432/audiotext",
        "could not reach redis://:5ECRET@cache:6379/0",
        "Authorization: Bearer 5ECRET",
        "subprotocol bearer.5ECRET",
        "token at_5ECRETxxxxxxxxxxxxxxxxxxxxxxxxxxx was refused",
    ],
)
def test_secrets_are_hidden_wherever_they_stand(line: str) -> None:
    told = without_secrets(None, "info", {"event": line, "exception": f"Traceback:\n{line}"})
    assert "5ECRET" not in str(told)
    assert "[hidden]" in str(told)


def test_one_line_per_request_with_its_number_and_without_its_query(token: str, tmp_path: Path) -> None:
    with running_web(tmp_path, {"LOG_FORMAT": "json"}) as site:
        answer = httpx.get(f"{site.url}/api/v1/jobs?cursor=private-words", headers=bearer(token))
        lines = [json.loads(line) for line in _lines(site) if '"path"' in line]
    (line,) = lines
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/jobs", 422)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert token not in site.process.log.read_text()
    assert "private-words" not in site.process.log.read_text()


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_a_sockets_query_token_and_cookie_are_told_to_nobody(
    token: str, tmp_path: Path, level: str
) -> None:
    headers = bearer(token) | {"Cookie": f"{COOKIE}=private-cookie"}
    with running_web(tmp_path, {"LOG_LEVEL": level}, "--log-level", level) as site:
        for path in (f"/api/v1/jobs/{uuid4()}/events", "/nothing"):
            with suppress(WebSocketException):
                async with connect(
                    f"{site.socket_url}{path}?key=private-words", additional_headers=headers
                ) as socket:
                    await socket.recv()
        site.process.until(lambda: site.process.said("/events"))
        told = site.process.log.read_text()
    for secret in ("private-words", "private-cookie", token):
        assert secret not in told


def _lines(site: Site) -> list[str]:
    return site.process.log.read_text().splitlines()
