"""A transcript to take home."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from webapp.core import jobs, transcripts
from webapp.core.exports import FORMATS, content_disposition, filename
from webapp.pages.jobs import owner
from webapp.visitors import AnyRequest, Visitor


@get([f"/jobs/{{job_id:uuid}}/export.{name}" for name in FORMATS])
async def export(request: AnyRequest, visitor: Visitor, job_id: FromPath[UUID]) -> Stream:
    job = await jobs.find(owner(visitor), job_id)
    wanted = FORMATS[request.url.path.rpartition(".")[2]]
    name = filename(job.filename, wanted.extension)
    return Stream(
        wanted.render(await transcripts.read(job)),
        media_type=wanted.media_type,
        headers={"Content-Disposition": content_disposition(name)},
    )
