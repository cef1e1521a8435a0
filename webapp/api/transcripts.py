"""The text of a job, in every format."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from webapp.compression import AS_IT_IS
from webapp.core import jobs
from webapp.core.errors import Conflict
from webapp.core.exports import FORMATS
from webapp.core.tables import Job, Status
from webapp.downloads import download
from webapp.visitors import AnyRequest, Caller

FormatName = Annotated[Literal["txt", "srt", "vtt", "json", "tsv"], QueryParameter(name="format")]
Partial = Annotated[bool, QueryParameter(description="Take what there is of a job that has not completed")]


@get(
    "/jobs/{job_id:uuid}/transcript",
    operation_id="readTranscript",
    summary="Read the transcript",
    opt={AS_IT_IS: True},
)
async def read_transcript(
    request: AnyRequest,
    caller: Caller,
    job_id: FromPath[UUID],
    wanted: FormatName = "json",
    partial: Partial = False,
) -> Response[bytes]:
    return await download(request, await _readable(caller, job_id, partial), wanted)


@get(
    [f"/jobs/{{job_id:uuid}}/transcript.{name}" for name in FORMATS],
    include_in_schema=False,
    opt={AS_IT_IS: True},
)
async def read_transcript_file(
    request: AnyRequest, caller: Caller, job_id: FromPath[UUID], partial: Partial = False
) -> Response[bytes]:
    """The same under a name that ends as files do."""
    wanted = request.scope["path"].rpartition(".")[2]
    return await download(request, await _readable(caller, job_id, partial), wanted)


async def _readable(caller: UUID, job_id: UUID, partial: bool) -> Job:
    job = await jobs.find(caller, job_id)
    if partial or job.status == Status.COMPLETED:
        return job
    raise Conflict(
        f"This job is {job.status}. Ask with `partial=true` for the text found so far.",
        code="not_completed",
    )
