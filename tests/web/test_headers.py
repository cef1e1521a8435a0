"""What every response says about itself, whatever it is."""

from dataclasses import replace

import httpx
import pytest

from webapp.core.house import House
from webapp.headers import policy, standing

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
    assert "immutable" in (await visitor.get(f"{file}?v=1")).headers["cache-control"]
    assert (await visitor.get("/static/nothing.js?v=1")).headers["cache-control"] == "no-store"


async def test_pages_point_to_versioned_files(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/docs")).text
    assert "/static/vendor/swagger-ui-bundle.js?v=" in page


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
