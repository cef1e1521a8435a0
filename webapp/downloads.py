"""A transcript as a file to take home."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from litestar import Response

from webapp.compression import compressed
from webapp.core import transcripts
from webapp.core.exports import FORMATS, Format, content_disposition, filename
from webapp.core.tables import Job
from webapp.core.transcript import Transcript
from webapp.visitors import AnyRequest

# Of our own: a call to a server that hangs may hold all threads that others share.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="export")


async def download(request: AnyRequest, job: Job, name: str) -> Response[bytes]:
    """Of handlers whose answers are to stay AS_IT_IS: it is compressed already, if it is to be."""
    wanted = FORMATS[name]
    transcript = await transcripts.read(job)
    accepted = request.headers.get("accept-encoding", "")
    # The words of twelve hours take a while; others are served meanwhile.
    loop = asyncio.get_running_loop()
    content, encoding = await loop.run_in_executor(_THREADS, _rendered, wanted, transcript, accepted)
    name = filename(job.filename, wanted.extension)
    # As `media_type` the type of a text would be given its charset twice.
    headers = {"Content-Type": wanted.media_type, "Content-Disposition": content_disposition(name)}
    return Response(content, headers={**headers, **encoding})


def _rendered(wanted: Format, transcript: Transcript, accepted: str) -> tuple[bytes, dict[str, str]]:
    return compressed("".join(wanted.render(transcript)).encode(), accepted)
