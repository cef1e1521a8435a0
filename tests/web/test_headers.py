"""What every response says about itself, whatever it is."""

import re
from dataclasses import replace

import httpx
import pytest

from webapp import assets
from webapp.core.house import House
from webapp.headers import IMMUTABLE, policy, standing

ADDRESSES = ["/", "/nothing", "/docs", "/redoc", "/openapi.json", "/api/v1/jobs", "/health/live"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/static/vendor/htmx.min.js"])
async def test_every_response_is_guarded(visitor: httpx.AsyncClient, house: House, address: str) -> None:
    headers = (await visitor.get(address)).headers
    security = headers["content-security-policy"]
    assert security.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert f"form-action 'self' {house.storage.browser_origin};" in security
    assert security.endswith("base-uri 'none'; frame-ancestors 'none'")
    assert "unsafe" not in security
    assert "*" not in security
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["x-request-id"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_what_may_be_private_is_kept_by_nobody(visitor: httpx.AsyncClient, address: str) -> None:
    assert (await visitor.get(address)).headers["cache-control"] == "no-store"


async def test_files_are_kept_for_ever_only_under_a_versioned_address(visitor: httpx.AsyncClient) -> None:
    file = "/static/vendor/htmx.min.js"
    assert (await visitor.get(file)).headers["cache-control"] == "no-cache"
    kept = await visitor.get(assets.address("vendor/htmx.min.js"))
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await visitor.get("/static/nothing.js?v=1")).headers["cache-control"] == "no-store"


async def test_a_version_that_another_release_has_is_not_kept(visitor: httpx.AsyncClient) -> None:
    """Its page may ask this process during a roll-out: the old file must not stay for a year."""
    file = await visitor.get("/static/app.css?v=0123456789ab")
    assert (file.status_code, file.headers["cache-control"]) == (200, "no-cache")


async def test_a_file_that_is_known_already_is_not_sent_again(visitor: httpx.AsyncClient) -> None:
    file = await visitor.get("/static/app.css")
    again = await visitor.get("/static/app.css", headers={"If-None-Match": file.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")


@pytest.mark.parametrize("address", ["/", "/account", "/nothing", "/docs", "/redoc"])
async def test_each_file_of_a_page_is_there_and_kept_for_ever(
    visitor: httpx.AsyncClient, address: str
) -> None:
    page = (await visitor.get(address, headers={"Accept": "text/html"})).text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(set(files)) >= 2
    for file in set(files):
        answer = await visitor.get(file)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, IMMUTABLE), file
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(KeyError):
        assets.address("nothing.js")


@pytest.mark.parametrize("path", ["../pyproject.toml", "%2e%2e/pyproject.toml", "..%2f..%2fetc/passwd"])
async def test_only_static_files_are_files(visitor: httpx.AsyncClient, path: str) -> None:
    assert (await visitor.get(f"/static/{path}")).status_code == 404


def test_transport_security_is_promised_only_behind_tls(house: House) -> None:
    assert "Strict-Transport-Security" not in standing(house)
    secure = replace(house, settings=replace(house.settings, public_url="https://audiotext.example"))
    assert "Strict-Transport-Security" in standing(secure)


def test_a_policy_names_the_storage_where_it_is_needed() -> None:
    rules = dict(rule.split(" ", 1) for rule in policy("https://s3.example").split("; "))
    assert {name for name, value in rules.items() if "https://s3.example" in value} == {
        "connect-src",
        "form-action",
        "media-src",
    }


async def test_a_request_keeps_the_number_that_a_router_gave_it(visitor: httpx.AsyncClient) -> None:
    for given, kept in (("0123456789abcdef", True), ("x\ty", False), ("a" * 65, False)):
        found = (await visitor.get("/health/live", headers={"X-Request-Id": given})).headers["x-request-id"]
        assert (found == given) is kept
