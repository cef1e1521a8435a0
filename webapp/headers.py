"""Headers of every response: what a page may load and reach, and who may keep a copy."""

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from webapp import assets
from webapp.core.house import House

_FOUND = frozenset({200, 304})
IMMUTABLE = "public, max-age=31536000, immutable"


def standing(house: House) -> dict[str, str]:
    """The same on every response of this process."""
    headers = {
        "Content-Security-Policy": policy(house.storage.browser_origin),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if (house.settings.public_url or "").startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def policy(storage: str, *styles: str) -> str:
    """Nothing inline, nothing from others; the storage may be sent files and asked for sound."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            " ".join(["style-src 'self'", *styles]),
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {storage}",
            f"form-action 'self' {storage}",
            f"media-src 'self' {storage}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


async def add_headers(message: Message, scope: Scope) -> None:
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders(message)
    for name, value in scope["litestar_app"].state.headers.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", _caching(scope, message["status"]))
    if message["status"] in _FOUND and (tag := assets.tag(scope["path"])):
        headers["ETag"] = tag


def _caching(scope: Scope, status: int) -> str:
    if not scope["path"].startswith(assets.PREFIX) or status not in _FOUND:
        return "no-store"
    return IMMUTABLE if assets.is_current(scope["path"], scope["query_string"]) else "no-cache"
