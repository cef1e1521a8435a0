"""A transcript to take home."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from webapp.compression import AS_IT_IS
from webapp.core import jobs
from webapp.core.exports import FORMATS
from webapp.downloads import download
from webapp.pages.jobs import owner
from webapp.visitors import AnyRequest, Visitor


@get([f"/jobs/{{job_id:uuid}}/export.{name}" for name in FORMATS], opt={AS_IT_IS: True})
async def export(request: AnyRequest, visitor: Visitor, job_id: FromPath[UUID]) -> Response[bytes]:
    job = await jobs.find(owner(visitor), job_id)
    return await download(request, job, request.scope["path"].rpartition(".")[2])
