"""Whether a request comes from our own pages. Browsers tell where one was made: no CSRF tokens are needed."""

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler

from webapp.core.errors import Refused
from webapp.core.settings import Settings

AnyConnection = ASGIConnection[Any, Any, Any, Any]

# Put into `opt` of handlers that look at no cookie: what a foreign page sends there carries no authority.
NO_COOKIES = "no_cookies"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def refuse_foreign(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Never waits; were it not async, each request would need a thread, and may not get one."""
    settings: Settings = connection.app.state.settings
    if connection.scope["type"] == ScopeType.WEBSOCKET:
        allowed = _socket_allowed(connection, settings)
    else:
        safe = connection.scope.get("method") in _SAFE
        allowed = safe or bool(handler.opt.get(NO_COOKIES)) or _own(connection, settings)
    if not allowed:
        raise Refused(
            "This request did not come from a page of this server. Open the page again and repeat it.",
            code="foreign_origin",
        )


def _own(connection: AnyConnection, settings: Settings) -> bool:
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    # Browsers send no Sec-Fetch-Site to plain http:// addresses other than localhost.
    return _same_host(connection.headers.get("origin", ""), connection, settings)


def _socket_allowed(connection: AnyConnection, settings: Settings) -> bool:
    """A program sends no Origin, a browser always does, and sends it across origins without asking first."""
    origin = connection.headers.get("origin")
    if origin is None or origin in settings.allowed_origins:
        return True
    return _same_host(origin, connection, settings)


def _same_host(origin: str, connection: AnyConnection, settings: Settings) -> bool:
    """Without the scheme, which a router in front of us may have changed."""
    try:
        host = urlsplit(origin).netloc.lower()
        ours = urlsplit(settings.public_url or "").netloc.lower()
    except ValueError:
        return False
    return bool(host) and host in {connection.headers.get("host", "").lower(), ours}
