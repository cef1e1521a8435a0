"""What WebSockets have in common: who is asking, a side that listens and one that speaks, and an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from webapp.core import accounts
from webapp.core.errors import NotFound, NotSignedIn
from webapp.errors import AWAY
from webapp.streams import Admission
from webapp.visitors import bearer, owner_of_bearer

log = structlog.get_logger(__name__)
Socket = WebSocket[Any, Any, Any]
# Browsers cannot set headers on a WebSocket, but they can name a subprotocol.
_SUBPROTOCOL = "bearer."
SIGNED_OUT, GONE, BROKEN = 4401, 4404, 1011


@asynccontextmanager
async def minded(socket: Socket) -> AsyncIterator[None]:
    """What goes wrong is told or logged, and ends the conversation."""
    try:
        yield
    except WebSocketDisconnect:
        return
    except NotSignedIn as problem:
        await _refuse(socket, problem.message, SIGNED_OUT)
    except NotFound as problem:
        await _refuse(socket, problem.message, GONE)
    except AWAY as problem:
        log.warning("socket ended", problem=repr(problem))
        await _close(socket, BROKEN)
    except Exception as problem:
        log.error("unexpected error on a socket", exc_info=problem)
        await _close(socket, BROKEN)


async def accept(socket: Socket) -> Admission:
    """First of all: a refusal before the handshake would reach no script."""
    offered = [name for name in socket.scope["subprotocols"] if name.startswith(_SUBPROTOCOL)]
    named = offered[0].removeprefix(_SUBPROTOCOL) if offered else None
    await socket.accept(subprotocols=offered[0] if offered else None)
    token = named or bearer(socket.headers.get("authorization", "")) or ""
    return Admission(await owner_of_bearer(token), partial(accounts.owner_of_token, token))


async def converse(socket: Socket, speak: Awaitable[None], hear: Callable[[str], Awaitable[None]]) -> None:
    """Until there is nothing more to say, or the other side has gone."""
    listening = asyncio.create_task(_listen(socket, hear))
    speaking = asyncio.ensure_future(speak)
    try:
        await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, speaking):
            task.cancel()
        ended = await asyncio.gather(listening, speaking, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
            raise outcome
    if listening.cancelled():
        await _close(socket, 1000)


async def _listen(socket: Socket, hear: Callable[[str], Awaitable[None]]) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            # Empty for a frame of bytes too, in which nobody here says anything.
            if text := str(await socket.receive_data(mode="text")):
                await hear(text)


async def _refuse(socket: Socket, reason: str, code: int) -> None:
    with suppress(WebSocketDisconnect, OSError):
        await socket.send_json({"type": "error", "event": "error", "message": reason, "error": reason})
    await _close(socket, code)


async def _close(socket: Socket, code: int) -> None:
    """The other side may have been faster."""
    with suppress(WebSocketDisconnect, OSError, RuntimeError):
        await socket.close(code=code)
