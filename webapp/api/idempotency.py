"""The header `Idempotency-Key`, as draft-ietf-httpapi-idempotency-key-header describes it."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import MediaType, Response
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, SkipValidation
from litestar.serialization import encode_json

from webapp.core import idempotency
from webapp.core.errors import Malformed
from webapp.core.idempotency import LONGEST_KEY, Answer, Made
from webapp.visitors import AnyRequest, Caller

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_PRINTABLE = re.compile(r"[ -~]+")
# The draft wants a string of RFC 9651, in quotes; most programs send the key bare.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')

Key = Annotated[
    str | None,
    HeaderParameter(
        name=HEADER,
        description=(
            "1 to 255 printable ASCII characters of your choice, new for each request: a UUID, say."
            " Who repeats a request with its key gets the answer that was given before."
        ),
    ),
]


class Once:
    """Answers a request once if it carries a key, and each time if it does not."""

    def __init__(self, request: AnyRequest, owner: UUID, key: str | None) -> None:
        self._request, self._owner, self._key = request, owner, key

    async def __call__(self, make: Callable[[], Awaitable[Made]]) -> Response[Any]:
        if self._key is None:
            return _response((await make()).answer)
        fingerprint = await _fingerprint(self._request)
        return _response(await idempotency.once(self._owner, self._key, fingerprint, make))


def provide_once(request: AnyRequest, caller: Caller, given_key: Key = None) -> Once:
    return Once(request, caller, None if given_key is None else _read(given_key))


TheOnce = NamedDependency[SkipValidation[Once]]
ONCE = {"once": Provide(provide_once, sync_to_thread=False)}


def answer(content: object, status: int = 201, location: str | None = None) -> Answer:
    return Answer(status, encode_json(content), location)


def _response(given: Answer) -> Response[Any]:
    headers = {"Location": given.location} if given.location else {}
    if given.replayed:
        headers[REPLAYED] = "true"
    return Response(given.body, status_code=given.status, headers=headers, media_type=MediaType.JSON)


def _read(header: str) -> str:
    quoted = _QUOTED.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    half_quoted = not quoted and header.startswith('"')
    if half_quoted or len(key) > LONGEST_KEY or not _PRINTABLE.fullmatch(key):
        raise Malformed(
            f"`{HEADER}` takes 1 to {LONGEST_KEY} printable ASCII characters, in quotes or without.",
            code="bad_idempotency_key",
            field=HEADER,
        )
    return key


async def _fingerprint(request: AnyRequest) -> str:
    """Of what the request says: white space and the order of fields are no part of that."""
    body = msgspec.json.encode(await request.json(), order="sorted")
    path = request.scope["path"].rstrip("/")
    return hashlib.sha256(b" ".join([request.method.encode(), path.encode(), body])).hexdigest()
