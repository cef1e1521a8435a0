"""The list of recordings, one recording, and what its owner can do with it."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.enums import MediaType
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from webapp import fragments
from webapp.core import jobs, transcripts, uploads
from webapp.core.errors import NotFound
from webapp.core.exports import FORMATS
from webapp.core.languages import LANGUAGES
from webapp.core.options import PROMPT_LENGTH
from webapp.core.tables import Job
from webapp.pages.forms import Form, OptionalForm, upload_id, wanted_options
from webapp.pages.removed import read_removed, removed_by
from webapp.pages.views import MODES_COST, job_view, list_view, row, state, text_view
from webapp.visitors import AnyRequest, TheHouse, Visitor


@get("/")
async def index(
    house: TheHouse,
    visitor: Visitor,
    after: FromQuery[UUID | None] = None,
    removed: FromQuery[str | None] = None,
) -> Response[str]:
    return fragments.page(
        "jobs/index.html",
        list=await list_view(visitor, after),
        removed=read_removed(removed),
        has_space=visitor is not None,
        settings=house.settings,
        languages=sorted(LANGUAGES.items(), key=lambda entry: entry[1]),
        prompt_length=PROMPT_LENGTH,
        modes=MODES_COST,
    )


@post("/jobs")
async def submit(house: TheHouse, visitor: Visitor, data: Form) -> Response[str]:
    """Called by the page's script once the storage has the file: the answer is the job's row."""
    upload = await uploads.find(owner(visitor), upload_id(data))
    job, made = await jobs.submit(house, upload.owner, upload, wanted_options(data))
    html = row(await job_view(job))
    return Response(html, status_code=201 if made else 200, media_type=MediaType.HTML)


@get("/jobs/{job_id:uuid}")
async def show(visitor: Visitor, job_id: FromPath[UUID]) -> Response[str]:
    job = await jobs.find(owner(visitor), job_id)
    text = text_view(job, await transcripts.chunks(job.id, words=False))
    return fragments.page("jobs/show.html", view=await job_view(job), text=text, formats=FORMATS)


@post("/jobs/{job_id:uuid}/cancellation")
async def cancellation(
    request: AnyRequest, house: TheHouse, visitor: Visitor, job_id: FromPath[UUID]
) -> Response[Any]:
    return await _answer(request, await jobs.cancel(house, owner(visitor), job_id))


@post("/jobs/{job_id:uuid}/retry")
async def retry(
    request: AnyRequest, house: TheHouse, visitor: Visitor, job_id: FromPath[UUID], data: OptionalForm = None
) -> Response[Any]:
    start_over = bool(data and data.get("start_over"))
    return await _answer(request, await jobs.retry(house, owner(visitor), job_id, start_over=start_over))


@post("/jobs/{job_id:uuid}/deletion")
async def deletion(
    request: AnyRequest, house: TheHouse, visitor: Visitor, job_id: FromPath[UUID]
) -> Response[Any]:
    removed = removed_by(await jobs.delete(house, owner(visitor), job_id))
    if "HX-Request" not in request.headers:
        return Redirect(removed.address, status_code=303)
    html = fragments.render("jobs/_gone.html", job_id=job_id, removed=removed)
    return Response(html, status_code=200, media_type=MediaType.HTML)


def owner(visitor: UUID | None) -> UUID:
    """To who has no space yet, every recording is somebody else's."""
    if visitor is None:
        raise NotFound("There is no such recording here. It may have been deleted.")
    return visitor


async def _answer(request: AnyRequest, job: Job) -> Response[Any]:
    """Back to where the button was pressed: on the job's own page, or in the list."""
    on_its_page = request.headers.get("referer", "").endswith(f"/jobs/{job.id}")
    if "HX-Request" not in request.headers:
        return Redirect(f"/jobs/{job.id}" if on_its_page else "/", status_code=303)
    view = await job_view(job)
    html = state(view) if on_its_page else row(view)
    return Response(html, status_code=200, media_type=MediaType.HTML)
