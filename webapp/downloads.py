"""A transcript as a file to take home."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from litestar import Response

from webapp.core import transcripts
from webapp.core.exports import FORMATS, Format, content_disposition, filename
from webapp.core.tables import Job
from webapp.core.transcript import Transcript

# Of our own: a call to a server that hangs may hold all threads that others share.
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="export")


async def download(job: Job, name: str) -> Response[bytes]:
    wanted = FORMATS[name]
    transcript = await transcripts.read(job)
    # The words of twelve hours take a while; others are served meanwhile.
    loop = asyncio.get_running_loop()
    content = await loop.run_in_executor(_THREADS, _rendered, wanted, transcript)
    name = filename(job.filename, wanted.extension)
    # As `media_type` the type of a text would be given its charset twice.
    headers = {"Content-Type": wanted.media_type, "Content-Disposition": content_disposition(name)}
    return Response(content, headers=headers)


def _rendered(wanted: Format, transcript: Transcript) -> bytes:
    return "".join(wanted.render(transcript)).encode()
