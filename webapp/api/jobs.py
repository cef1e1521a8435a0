"""What an owner can do with jobs, over JSON."""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from webapp.api import cursors
from webapp.api.idempotency import TheOnce, answer
from webapp.api.schemas import API, JobPage, JobView, NewJob, Retry
from webapp.core import jobs, uploads
from webapp.core.house import House
from webapp.core.idempotency import Made
from webapp.core.jobs import PAGE_LIMIT, Deletion
from webapp.core.tables import Job, Status
from webapp.visitors import Caller, TheHouse

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT, description="Most jobs on one page")]
Cursor = Annotated[str | None, QueryParameter(max_length=100, description="`next_cursor` of the page before")]


@post("/jobs", operation_id="createJob", summary="Transcribe an upload")
async def create_job(
    house: TheHouse, caller: Caller, once: TheOnce, data: JSONBody[NewJob]
) -> Response[JobView]:
    """Asking again for the same upload returns the job that it became, with 200 in place of 201."""
    return await once(partial(_made, house, caller, data))


@get("/jobs", operation_id="listJobs", summary="List jobs, newest first")
async def list_jobs(
    caller: Caller, limit: Limit = 20, cursor: Cursor = None, status: FromQuery[Status | None] = None
) -> Response[JobPage]:
    """Follow `next_cursor`, or the `Link` header, until there is none."""
    page = await jobs.page(caller, after=cursors.read(cursor), limit=limit, status=status)
    items = await views(page.jobs)
    following = cursors.write(page.next)
    headers = next_link(f"{API}/jobs", limit=limit, cursor=following, status=status)
    return Response(JobPage(items, following), headers=headers)


@get("/jobs/{job_id:uuid}", operation_id="readJob", summary="Read a job")
async def read_job(caller: Caller, job_id: FromPath[UUID]) -> JobView:
    return await view(await jobs.find(caller, job_id))


@delete(
    "/jobs/{job_id:uuid}",
    operation_id="deleteJob",
    summary="Delete a job, its text and its recording",
    status_code=200,
)
async def delete_job(house: TheHouse, caller: Caller, job_id: FromPath[UUID]) -> Deletion:
    """Even while it is worked on. The answer says what was removed."""
    return await jobs.delete(house, caller, job_id)


@post(
    "/jobs/{job_id:uuid}/cancel", operation_id="cancelJob", summary="Stop working on a job", status_code=200
)
async def cancel_job(house: TheHouse, caller: Caller, job_id: FromPath[UUID]) -> JobView:
    """The text found so far stays."""
    return await view(await jobs.cancel(house, caller, job_id))


@post("/jobs/{job_id:uuid}/retry", operation_id="retryJob", summary="Try a job again", status_code=200)
async def retry_job(
    house: TheHouse, caller: Caller, job_id: FromPath[UUID], data: JSONBody[Retry | None] = None
) -> JobView:
    """Takes up a failed or cancelled job where it stopped, or starts it over: the body is optional."""
    start_over = data is not None and data.start_over
    return await view(await jobs.retry(house, caller, job_id, start_over=start_over))


async def _made(house: House, caller: UUID, wish: NewJob) -> Made:
    upload = await uploads.find(caller, wish.upload)
    job, new = await jobs.submit(house, caller, upload, wish)
    return Made(answer(await view(job), 201 if new else 200, f"{API}/jobs/{job.id}"), upload.id)


async def view(job: Job) -> JobView:
    return (await views([job]))[0]


async def views(found: list[Job]) -> list[JobView]:
    places = await jobs.places_in_queue(found)
    return [JobView.of(job, places.get(job.id)) for job in found]


def next_link(path: str, *, cursor: str | None, **query: object) -> dict[str, str]:
    if cursor is None:
        return {}
    given = {name: value for name, value in query.items() if value is not None}
    return {"Link": f'<{path}?{urlencode({**given, "cursor": cursor})}>; rel="next"'}
