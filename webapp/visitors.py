"""Who is asking: the owner of a browser's private space, or of an API token."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar.connection import Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.types import Message, Scope

from webapp.core import accounts
from webapp.core.errors import NotSignedIn
from webapp.core.house import House
from webapp.core.settings import Settings
from webapp.feeds import Feeds

COOKIE = "audiotext_space"

AnyRequest = Request[Any, Any, Any]
# What handlers ask for, by these parameter names: house, feeds, visitor, space, caller.
TheHouse = NamedDependency[SkipValidation[House]]
TheFeeds = NamedDependency[SkipValidation[Feeds]]
Visitor = NamedDependency[UUID | None]
OpenSpace = Callable[[], Awaitable[UUID]]
Space = NamedDependency[SkipValidation[OpenSpace]]
Caller = NamedDependency[UUID]


def provide_house(request: AnyRequest) -> House:
    house: House = request.app.state.house
    return house


def provide_feeds(request: AnyRequest) -> Feeds:
    feeds: Feeds = request.app.state.feeds
    return feeds


async def provide_visitor(request: AnyRequest, house: TheHouse) -> UUID | None:
    """Looks, and leaves no trace: who only visits gets no space and no cookie."""
    secret = session_secret(request)
    if secret is None:
        return None
    owner = await accounts.owner_of_session(secret, house.settings.session_days)
    if owner is not None:
        request.scope["state"]["cookie"] = secret
    return owner


def provide_space(request: AnyRequest, house: TheHouse, visitor: Visitor) -> OpenSpace:
    """For when something is about to be kept: opens a private space if there is none yet."""

    async def space() -> UUID:
        if visitor is not None:
            return visitor
        owner, secret = await accounts.open_space(house.settings.session_days)
        request.scope["state"].update(cookie=secret, cookie_is_new=True)
        return owner

    return space


async def provide_caller(request: AnyRequest) -> UUID:
    return await owner_of_bearer(bearer(request.headers.get("authorization", "")))


def dependencies() -> dict[str, Provide]:
    return {
        "house": Provide(provide_house, sync_to_thread=False),
        "feeds": Provide(provide_feeds, sync_to_thread=False),
        "visitor": Provide(provide_visitor),
        "space": Provide(provide_space, sync_to_thread=False),
        "caller": Provide(provide_caller),
    }


def bearer(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def owner_of_bearer(token: str | None) -> UUID:
    owner = None if token is None else await accounts.owner_of_token(token)
    if owner is None:
        raise NotSignedIn(
            "Send an API token in the header `Authorization: Bearer <token>`."
            " The account page makes one; a revoked token is not accepted any more."
        )
    return owner


def session_secret(request: AnyRequest) -> str | None:
    return request.cookies.get(cookie_name(request.scope))


def forget(request: AnyRequest) -> None:
    """The browser drops its cookie with this response. The session itself is the caller's to close."""
    request.scope["state"].update(cookie="", cookie_is_new=True)


def cookie_name(scope: Scope) -> str:
    return f"__Host-{COOKIE}" if _secure(scope) else COOKIE


async def set_cookie(message: Message, scope: Scope) -> None:
    """A new cookie goes out at once; one in use is renewed with each page, as its session is."""
    if message["type"] != "http.response.start" or "cookie" not in scope["state"]:
        return
    headers = MutableScopeHeaders(message)
    if not scope["state"].get("cookie_is_new") and not _is_page(headers):
        return
    headers.add("Set-Cookie", _cookie(scope, scope["state"]["cookie"]))


def _cookie(scope: Scope, secret: str) -> str:
    settings: Settings = scope["litestar_app"].state.settings
    return Cookie(
        key=cookie_name(scope),
        value=secret,
        max_age=settings.session_days * 86400 if secret else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(scope),
    ).to_header(header="")


def _is_page(headers: MutableScopeHeaders) -> bool:
    return str(headers.get("content-type", "")).startswith("text/html")


def _secure(scope: Scope) -> bool:
    settings: Settings = scope["litestar_app"].state.settings
    return scope["scheme"] in {"https", "wss"} or (settings.public_url or "").startswith("https:")
