"""Following one job as it is worked on: over SSE, or over a WebSocket."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from uuid import UUID

import msgspec
from litestar import get, websocket
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from webapp.api.live import Message, messages
from webapp.api.sockets import Socket, accept, converse, minded
from webapp.compression import AS_IT_IS
from webapp.core import accounts, jobs
from webapp.core.house import House
from webapp.streams import Admission, ending_well
from webapp.visitors import AnyRequest, Caller, TheHouse, bearer


@get("/jobs/{job_id:uuid}/events", operation_id="followJob", summary="Follow a job", opt={AS_IT_IS: True})
async def follow_job(
    request: AnyRequest, house: TheHouse, caller: Caller, job_id: FromPath[UUID]
) -> ServerSentEvent:
    """Server-sent events: `job` (its state), `segment` (a piece of text), `restart` (forget the segments
    of this chunk: it is heard again), `deleted`. A `job` with a final status is the last event.

    The chunks of a recording are heard side by side: order segments by `chunk`, then `index`.

    The same messages come over a WebSocket at this address, as `{"event": …, "data": …}`; browsers give the
    token as the subprotocol `bearer.<token>`.
    """
    await jobs.find(caller, job_id)
    token = bearer(request.headers.get("authorization", "")) or ""
    admission = Admission(caller, partial(accounts.owner_of_token, token))
    return ServerSentEvent(_events(messages(house, admission, job_id)))


@websocket("/jobs/{job_id:uuid}/events")
async def follow_job_by_socket(socket: Socket, job_id: FromPath[UUID]) -> None:
    async with minded(socket):
        admission = await accept(socket)
        await jobs.find(admission.owner, job_id)
        await converse(socket, _speak(socket, socket.app.state.house, admission, job_id), _ignore)


async def _events(
    found: AsyncGenerator[Message | None, None],
) -> AsyncGenerator[ServerSentEventMessage, None]:
    async for message in ending_well(found):
        if message is None:
            yield ServerSentEventMessage(data=None, comment="still here")
        else:
            yield ServerSentEventMessage(msgspec.json.encode(message.data).decode(), event=message.event)


async def _speak(socket: Socket, house: House, admission: Admission, job_id: UUID) -> None:
    async with aclosing(messages(house, admission, job_id)) as found:
        async for message in found:
            if message is not None:  # the server's own pings keep the connection
                await socket.send_text(msgspec.json.encode(message).decode())


async def _ignore(text: str) -> None:
    """Nothing that a listener says changes anything."""
