"""What browser tests do with pages."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import ConsoleMessage, Page

_DROP = """([name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""
# Notes every state that a row of the page goes through.
_DIARY = """() => {
  window.diary = [];
  const note = () => {
    for (const row of document.querySelectorAll(".job")) {
      const seen = row.dataset.status;
      if (seen && window.diary.at(-1) !== seen) window.diary.push(seen);
    }
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


@asynccontextmanager
async def watched(page: Page) -> AsyncIterator[Page]:
    """Fails the test if a script failed or the content policy stopped something."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: _note(message, complaints))
    yield page
    assert complaints == []


async def drop(page: Page, path: Path) -> None:
    await page.evaluate(_DROP, [path.name, "audio/flac", _encoded(path)])


async def keep_diary(page: Page) -> None:
    await page.evaluate(_DIARY)


async def diary(page: Page) -> list[str]:
    noted: list[str] = await page.evaluate("window.diary")
    return noted


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    # A refused request is noted by the browser itself; pages answer it in words.
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        complaints.append(message.text)
