"""Errors are answers: one handler makes of each a page, a fragment or `application/problem+json`."""

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from asyncpg import InsufficientResourcesError, QueryCanceledError
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.response import Template
from litestar.types import ExceptionHandlersMap
from redis.exceptions import RedisError

from webapp.access_log import request_id
from webapp.core import errors
from webapp.core.database import CONNECTION_LOST
from webapp.core.errors import DomainError
from webapp.core.idempotency import IN_USE

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
API = "/api/"
RETRY_AFTER_S = 10
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# What passes by itself: waiting helps.
AWAY = (*CONNECTION_LOST, InsufficientResourcesError, QueryCanceledError, RedisError)
# The first class that fits, so the special ones stand before `Invalid`, their base.
_STATUS: dict[type[DomainError], int] = {
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.Invalid: 422,
    errors.Malformed: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotSignedIn: 401,
    errors.Refused: 403,
    errors.Unavailable: 503,
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with a stable `code` for programs and the `field` that needs attention."""

    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    request_id: str | None = None
    type: str = "about:blank"


def answer(request: "Request[Any, Any, Any]", error: Exception) -> "Response[Any]":
    problem = problem_of(request, error)
    headers = headers_of(request, problem)
    if wants_json(request):
        body = {"type": problem.type, **msgspec.to_builtins(problem)}
        return Response(body, status_code=problem.status, media_type=PROBLEM_TYPE, headers=headers)
    name = "_error.html" if request.headers.get("hx-request") else "error.html"
    return Template(name, context={"problem": problem}, status_code=problem.status, headers=headers)


HANDLERS: ExceptionHandlersMap = {Exception: answer, HTTPException: answer}


def wants_json(request: "Request[Any, Any, Any]") -> bool:
    if request.headers.get("hx-request"):
        return False
    accepted = request.headers.get("accept", "")
    return request.scope["path"].startswith(API) or (
        "application/json" in accepted and "text/html" not in accepted
    )


def problem_of(request: "Request[Any, Any, Any]", error: Exception) -> Problem:
    status, code, detail, field = _facts(request, error)
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        field=field,
        request_id=request_id(request.scope),
    )


def _facts(request: "Request[Any, Any, Any]", error: Exception) -> tuple[int, str, str, str | None]:
    if isinstance(error, DomainError):
        return _status(error), error.code, error.message, error.field
    if isinstance(error, ValidationException):
        return 422, "invalid", *_first_complaint(error)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error.status_code, _code(error.status_code), _words(request, error), None
    if isinstance(error, AWAY):
        log.error("a part does not answer", problem=repr(error))
        return 503, "unavailable", "A part of this server does not answer. Try again in a minute.", None
    log.error("unexpected error", exc_info=error)
    detail = "Something went wrong on our side. Try again; if it stays, report the request's number."
    return 500, "internal_error", detail, None


def _status(error: DomainError) -> int:
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)


def _code(status: int) -> str:
    return {400: "malformed", 405: "method_not_allowed", 413: "too_large"}.get(
        status, HTTPStatus(status).phrase.lower().replace(" ", "_")
    )


def _words(request: "Request[Any, Any, Any]", error: HTTPException) -> str:
    if isinstance(error, NotFoundException):
        return "There is nothing at this address. It may have been mistyped, or what was here is gone."
    if isinstance(error, MethodNotAllowedException):
        return f"This address does not take {request.method}."
    if error.status_code == 413:
        return "The request is too large. Recordings go to the storage, not here."
    return error.detail


def _first_complaint(error: ValidationException) -> tuple[str, str | None]:
    """What is wrong with the first bad value, and which it is."""
    extra: Any = error.extra
    first = extra[0] if isinstance(extra, list) and extra else {}
    message, field = first.get("message", "The request is not understood."), first.get("key")
    return (f"{field}: {message}" if field else message), field


def headers_of(request: "Request[Any, Any, Any]", problem: Problem) -> dict[str, str]:
    match problem.status:
        case 401:
            return {"WWW-Authenticate": "Bearer"}
        case 405:
            return {"Allow": ", ".join(_allowed(request))}
        case 409 if problem.code == IN_USE:
            return {"Retry-After": str(RETRY_AFTER_S)}
        case 503:
            return {"Retry-After": str(RETRY_AFTER_S)}
    return {}


def _allowed(request: "Request[Any, Any, Any]") -> list[str]:
    return [method for method in _METHODS if _takes(request, method)]


def _takes(request: "Request[Any, Any, Any]", method: Any) -> bool:
    try:
        request.app.asgi_router.handle_routing(path=request.scope["path"], method=method)
    except HTTPException:
        return False
    return True
