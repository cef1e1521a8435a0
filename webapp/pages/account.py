"""This browser's private space: tokens for programs, and leaving."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from webapp import fragments
from webapp.core import accounts
from webapp.pages.forms import Form
from webapp.pages.jobs import owner as owner_of
from webapp.visitors import AnyRequest, Space, Visitor, forget, session_secret


@get("/account")
async def account(visitor: Visitor) -> Response[str]:
    tokens = [] if visitor is None else await accounts.tokens(visitor)
    return fragments.page("account/show.html", has_space=visitor is not None, tokens=tokens, secret=None)


@post("/account/tokens")
async def create_token(space: Space, data: Form) -> Response[str]:
    """Answers with the page itself: after a redirect the token could not be shown, as we do not keep it."""
    name = accounts.token_name(data.get("name", ""))
    owner = await space()
    _, secret = await accounts.issue_token(owner, name)
    tokens = await accounts.tokens(owner)
    return fragments.page("account/show.html", 201, has_space=True, tokens=tokens, secret=secret)


@post("/account/tokens/{token_id:uuid}/revocation")
async def revoke_token(visitor: Visitor, token_id: FromPath[UUID]) -> Redirect:
    await accounts.revoke_token(owner_of(visitor), token_id)
    return Redirect("/account", status_code=303)


@post("/account/closing")
async def close(request: AnyRequest) -> Redirect:
    if secret := session_secret(request):
        await accounts.close_session(secret)
    forget(request)
    return Redirect("/", status_code=303)
