"""From the page to the storage: by our script, or by a plain form that the storage sends back to us."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect
from msgspec import Meta

from webapp import fragments
from webapp.core import jobs, uploads
from webapp.core.clock import now
from webapp.core.errors import Invalid
from webapp.core.house import House
from webapp.core.options import settle
from webapp.core.storage import Presigned
from webapp.pages.forms import Form, wanted_options
from webapp.pages.jobs import owner
from webapp.visitors import AnyRequest, Space, TheHouse, Visitor
from webapp.wording import untitled


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    filename: Annotated[str, Meta(min_length=1, max_length=1000)]
    content_type: Annotated[str, Meta(max_length=200)]
    size: Annotated[int, Meta(ge=0, le=1 << 50)]
    options: dict[str, str] = msgspec.field(default_factory=dict)


class Permission(msgspec.Struct, frozen=True):
    upload: UUID
    presigned: Presigned


@post("/uploads")
async def create(house: TheHouse, space: Space, data: JSONBody[Wish]) -> Permission:
    wish = (data.filename, data.content_type, data.size)
    # Before the file is sent: a large one would take its time only to be refused.
    settle(wanted_options(data.options), house.settings)
    uploads.check(house.settings, *wish)
    upload, presigned = await uploads.prepare(house, await space(), *wish)
    return Permission(upload.id, presigned)


@post("/uploads/form")
async def create_form(request: AnyRequest, house: TheHouse, space: Space, data: Form) -> Redirect:
    title, options = data.get("title", "").strip() or untitled(now()), wanted_options(data)
    uploads.check_form(house.settings, options)
    way_back = _way_back(request, house)
    upload, _ = await uploads.prepare_form(house, await space(), title, options, way_back)
    return Redirect(f"/uploads/{upload.id}", status_code=303)


@get("/uploads/{upload_id:uuid}")
async def show_form(
    request: AnyRequest, house: TheHouse, visitor: Visitor, upload_id: FromPath[UUID]
) -> Response[Any]:
    """Signed afresh each time, so that it works however long ago it was asked for."""
    upload = await uploads.find(owner(visitor), upload_id)
    if job := await jobs.made_of(upload.owner, upload.id):
        return Redirect(f"/jobs/{job.id}", status_code=303)
    presigned = uploads.sign_form(house, upload, _way_back(request, house))
    return fragments.page("uploads/form.html", upload=upload, presigned=presigned, settings=house.settings)


@get("/arrivals/{upload_id:uuid}")
async def arrival(house: TheHouse, visitor: Visitor, upload_id: FromPath[UUID]) -> Redirect:
    """Where the storage sends the browser when it has the file. Coming again finds the same job."""
    upload = await uploads.find(owner(visitor), upload_id)
    job, _ = await jobs.submit(house, upload.owner, upload, uploads.options_of(upload))
    return Redirect(f"/jobs/{job.id}", status_code=303)


def _way_back(request: AnyRequest, house: House) -> str:
    try:
        base = house.settings.public_url or str(request.base_url)
    except ValueError:
        raise Invalid("The header `Host` names no address to come back to.", field="Host") from None
    return f"{base.rstrip('/')}/arrivals/"
