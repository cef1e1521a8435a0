"""The dialect of the API that came before this one: its paths, names and shapes, over the same verbs."""

import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, post, websocket
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from webapp.api import cursors
from webapp.api.jobs import next_link
from webapp.api.live import messages
from webapp.api.schemas import API, JobView, is_active, plain, progress, seconds_worked
from webapp.api.sockets import Socket, accept, converse, minded
from webapp.core import jobs, transcripts, uploads
from webapp.core.clock import now
from webapp.core.errors import Invalid, NotFound
from webapp.core.house import House
from webapp.core.options import WantedOptions
from webapp.core.tables import TERMINAL, Job, Status
from webapp.errors import headers_of, problem_of
from webapp.origins import NO_COOKIES
from webapp.streams import Admission, follow
from webapp.visitors import Caller, TheHouse

PING_S = 10.0
LONGEST_ECHO = 1000
LONGEST_NAME = 100
_PREFIX = "transcription_job-"
_KEY = re.compile(r"uploads/[0-9a-f-]{36}/[0-9a-f-]{36}(?=$|\?)")
_CANCELLED = "The job was cancelled."
_ENDED_BY = {Status.CANCELLED.value: _CANCELLED}

Text = Annotated[str, Meta(min_length=1, max_length=4000)]


class PresignedWish(msgspec.Struct):
    filename: Text
    content_type: Annotated[str, Meta(max_length=200)]
    file_size: int


class TranscribeWish(msgspec.Struct):
    filename: Text
    mode: Annotated[str, Meta(max_length=200)]
    url: Text


class TranscribeResponse(msgspec.Struct, frozen=True):
    """Moments are in UTC."""

    id: str
    filename: str
    status: str
    creation_date: str
    update_date: str | None
    result_text: str | None
    processing_time_seconds: float | None
    error_message: str | None
    language: str | None
    language_probability: float | None
    whisper_model: str


@get("/", sync_to_thread=False)
def welcome() -> dict[str, str]:
    return {"message": "Welcome to Audiotext"}


@post("/audio/presigned-url", status_code=200)
async def presign(house: TheHouse, caller: Caller, data: JSONBody[PresignedWish]) -> dict[str, str]:
    return await _presign(house, caller, data)


@get("/audio/get_presigned_url")
async def presign_by_query(
    house: TheHouse,
    caller: Caller,
    filename: FromQuery[Text],
    content_type: FromQuery[str],
    file_size: FromQuery[int],
) -> dict[str, str]:
    return await _presign(house, caller, PresignedWish(filename, content_type, file_size))


@post("/job/transcribe", status_code=200)
async def transcribe(house: TheHouse, caller: Caller, data: JSONBody[TranscribeWish]) -> TranscribeResponse:
    """The URL only says which upload is meant: nothing is fetched from it, or kept of it."""
    key = _KEY.search(data.url)
    if key is None:
        raise Invalid("That URL is not one that was given out for an upload.", field="url")
    upload = await uploads.find_by_key(caller, key[0])
    job, _ = await jobs.submit(house, caller, upload, WantedOptions(model=data.mode))
    return (await _responses([job]))[0]


@get("/job/status/{name:str}")
async def status(caller: Caller, name: FromPath[str]) -> TranscribeResponse:
    return (await _responses([await _find(caller, name)]))[0]


@get("/job/read")
async def read(
    caller: Caller,
    limit: Annotated[int, QueryParameter(ge=1, le=jobs.PAGE_LIMIT)] = jobs.PAGE_LIMIT,
    cursor: Annotated[str | None, QueryParameter(max_length=100)] = None,
) -> Response[list[TranscribeResponse]]:
    page = await jobs.page(caller, after=cursors.read(cursor), limit=limit)
    headers = next_link(f"{API}/job/read", limit=limit, cursor=cursors.write(page.next))
    return Response(await _responses(page.jobs), headers=headers)


@websocket("/job/ws/{name:str}")
async def watch(socket: Socket, name: FromPath[str]) -> None:
    async with minded(socket):
        admission = await accept(socket)
        job = await _find(admission.owner, name)
        await converse(socket, _speak(socket, admission, job), partial(_hear, socket))


async def _presign(house: House, caller: UUID, wish: PresignedWish) -> dict[str, str]:
    try:
        _, presigned = await uploads.prepare(
            house, caller, wish.filename, wish.content_type, wish.file_size, method="put"
        )
    except Invalid as problem:
        problem.message = f"File validation error: {problem.message}"
        raise
    return {"url": presigned.url}


async def _find(caller: UUID, name: str) -> Job:
    try:
        return await jobs.find(caller, UUID(hex=name.removeprefix(_PREFIX)))
    except (ValueError, NotFound):
        raise NotFound(f"Job not found: {name[:LONGEST_NAME]}") from None


async def _responses(found: list[Job]) -> list[TranscribeResponse]:
    done = [job.id for job in found if job.status == Status.COMPLETED]
    texts = await transcripts.texts(done)
    return [_response(job, texts.get(job.id, "")) for job in found]


def _response(job: Job, text: str) -> TranscribeResponse:
    return TranscribeResponse(
        id=f"{_PREFIX}{plain(job.id).hex}",
        filename=job.filename,
        status=_status(job.status),
        creation_date=_moment(job.created_at),
        update_date=_moment(job.updated_at) if job.started_at or not is_active(job) else None,
        result_text=text if job.status == Status.COMPLETED else None,
        processing_time_seconds=None if is_active(job) else seconds_worked(job),
        error_message=_ENDED_BY.get(job.status, None if is_active(job) else job.error_message),
        language=job.detected_language or job.language,
        language_probability=job.language_probability,
        whisper_model=job.model,
    )


def _status(status: str) -> str:
    """This dialect knows no cancelling."""
    return "failed" if status == Status.CANCELLED else status


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


async def _speak(socket: Socket, admission: Admission, job: Job) -> None:
    connection = f"websocket-{secrets.token_hex(16)}"
    common = {"job_id": f"{_PREFIX}{plain(job.id).hex}"}
    state = {"status": _status(job.status), "progress": round(progress(job) * 100, 1)}
    known = common | state | {"connection_id": connection}
    await socket.send_json(_stamped("connected", f"Connected to job {common['job_id']}") | known)
    async with aclosing(_updates(socket.app.state.house, admission, job)) as updates:
        async for update in updates:
            ping = {**_stamped("ping", "Connection is alive"), "connection_id": connection}
            await socket.send_json({**update, **common} if update else ping)


async def _updates(
    house: House, admission: Admission, job: Job
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """After the last update too the connection is kept, as long as the other side wants it."""
    async with aclosing(messages(house, admission, job.id, quiet=PING_S)) as found:
        async for message in found:
            if message is None:
                yield None
            elif isinstance(message.data, JobView):
                yield await _update(message.data)
    async with house.events.subscribe(job.owner) as queue:
        async for _ in follow(queue, lambda _: False, quiet=PING_S):
            await admission.renew()
            yield None


async def _update(job: JobView) -> dict[str, Any]:
    update: dict[str, Any] = {
        "type": "job_update",
        "status": _status(job.status),
        "progress": round(job.progress * 100, 1),
        "message": f"{job.status.capitalize()}, {job.progress:.0%} done",
    }
    if job.status == Status.COMPLETED:
        update["result"] = (await transcripts.texts([job.id])).get(job.id, "")
        update["language"] = job.language
        update["language_probability"] = job.language_probability
        update["processing_time"] = job.processing_seconds
    elif job.status in TERMINAL:
        update["message"] = update["error"] = job.error.message if job.error else _CANCELLED
    return update


async def _hear(socket: Socket, text: str) -> None:
    if text == "ping":
        await socket.send_text("pong")
    else:
        await socket.send_json(_stamped("echo", text[:LONGEST_ECHO]))


def _stamped(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "timestamp": now().isoformat()}


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    problem = problem_of(request, error)
    return Response(
        {"detail": problem.detail},
        status_code=problem.status,
        headers=headers_of(request, problem),
    )


dialect_router = Router(
    API,
    route_handlers=[welcome, presign, presign_by_query, transcribe, status, read, watch],
    exception_handlers={Exception: _answer, HTTPException: _answer},
    opt={NO_COOKIES: True},
    include_in_schema=False,
)
