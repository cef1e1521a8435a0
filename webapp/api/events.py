"""Following one job as it is worked on: over SSE, or over a WebSocket."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import msgspec
from litestar import get, websocket
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from webapp.api.live import Message, messages
from webapp.api.sockets import GONE, Socket, accept, converse, refuse
from webapp.core import jobs
from webapp.core.errors import NotFound
from webapp.core.house import House
from webapp.visitors import Caller, TheHouse


@get("/jobs/{job_id:uuid}/events", operation_id="followJob", summary="Follow a job")
async def follow_job(house: TheHouse, caller: Caller, job_id: FromPath[UUID]) -> ServerSentEvent:
    """Server-sent events: `job` (its state), `segment` (a piece of text), `restart` (forget the segments
    of this chunk and of later ones), `deleted`. A `job` with a final status is the last event.

    The same messages come over a WebSocket at this address, as `{"event": …, "data": …}`; browsers give the
    token as the subprotocol `bearer.<token>`.
    """
    await jobs.find(caller, job_id)
    return ServerSentEvent(_events(messages(house, caller, job_id)))


@websocket("/jobs/{job_id:uuid}/events")
async def follow_job_by_socket(socket: Socket, job_id: FromPath[UUID]) -> None:
    caller = await accept(socket)
    if caller is None:
        return
    try:
        await jobs.find(caller, job_id)
    except NotFound as problem:
        await refuse(socket, problem.message, GONE)
        return
    await converse(socket, _speak(socket, socket.app.state.house, caller, job_id), _ignore)


async def _events(found: AsyncIterator[Message | None]) -> AsyncIterator[ServerSentEventMessage]:
    async for message in found:
        if message is None:
            yield ServerSentEventMessage(data=None, comment="still here")
        else:
            yield ServerSentEventMessage(msgspec.json.encode(message.data).decode(), event=message.event)


async def _speak(socket: Socket, house: House, caller: UUID, job_id: UUID) -> None:
    async with aclosing(messages(house, caller, job_id)) as found:
        async for message in found:
            if message is not None:  # the server's own pings keep the connection
                await socket.send_text(msgspec.json.encode(message).decode())


async def _ignore(text: str) -> None:
    """Nothing that a listener says changes anything."""
