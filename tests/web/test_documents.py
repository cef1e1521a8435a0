"""The pages that describe the API, in a real browser under the policy they are served with."""

from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.support.web import Site


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_api_is_described_without_help_from_other_servers(
    site: Site, chromium_path: Path, path: str
) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = await browser.new_page()
        answered, errors = _watched(page)
        await page.goto(site.url + path)
        for summary in ("Prepare an upload", "Read the transcript"):
            await expect(page.get_by_text(summary).filter(visible=True).first).to_be_visible()
        await browser.close()
    assert errors == []
    assert len(answered) >= 4
    assert all(address.startswith(site.url) for address in answered)


def _watched(page: Page) -> tuple[list[str], list[str]]:
    """The addresses that answered, and what scripts stumbled over."""
    answered: list[str] = []
    errors: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    return answered, errors
