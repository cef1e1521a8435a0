"""One line per request, with the id that its other lines and its answer carry too."""

import logging
import re
import secrets
from time import perf_counter

import structlog
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")


def request_id(scope: Scope) -> str:
    """A router in front of us may have named the request already."""
    known = scope["state"].get("request_id")
    if known is None:
        given = Headers.from_scope(scope).get("x-request-id", "")
        known = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        scope["state"]["request_id"] = known
    return str(known)


class RequestContext(ASGIMiddleware):
    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["state"]["began"] = perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id(scope)):
            await next_app(scope, receive, send)


async def log_response(message: Message, scope: Scope) -> None:
    """The path alone: a query may carry what should not be kept."""
    if message["type"] != "http.response.start":
        return
    MutableScopeHeaders(message)["X-Request-Id"] = request_id(scope)
    began = scope["state"].get("began")
    level = log.debug if scope["path"].startswith(("/static/", "/health/")) else log.info
    level(
        "request",
        method=scope.get("method"),
        path=scope["path"],
        status=message["status"],
        ms=None if began is None else round((perf_counter() - began) * 1000, 1),
        request_id=request_id(scope),
    )


def quieten_server() -> None:
    """uvicorn's own lines take our form, but for the one per request, which would show the query."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
        # Below, the server writes every header of a WebSocket's request: cookies and tokens.
        logger.setLevel(max(logger.level, logging.INFO))
    # Once is enough, however often an app starts in one process.
    if without_query not in logging.getLogger("uvicorn.error").filters:
        logging.getLogger("uvicorn.error").addFilter(without_query)


def without_query(record: logging.LogRecord) -> bool:
    """The server's lines about WebSockets: the caller, then the path with its query."""
    if isinstance(record.args, tuple) and '"WebSocket ' in str(record.msg):
        caller, path, *rest = record.args
        record.args = (caller, str(path).partition("?")[0], *rest)
    return True
