"""What WebSockets have in common: who is asking, a side that listens and one that speaks, and an end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from webapp.core.errors import NotSignedIn
from webapp.visitors import bearer, owner_of_bearer

Socket = WebSocket[Any, Any, Any]
# Browsers cannot set headers on a WebSocket, but they can name a subprotocol.
_SUBPROTOCOL = "bearer."
SIGNED_OUT, GONE, STOPPING = 4401, 4404, 1001


async def accept(socket: Socket) -> UUID | None:
    """The caller; or None, after saying why not: a refusal before the handshake would reach no script."""
    offered = [name for name in socket.scope["subprotocols"] if name.startswith(_SUBPROTOCOL)]
    token = offered[0].removeprefix(_SUBPROTOCOL) if offered else None
    await socket.accept(subprotocols=offered[0] if offered else None)
    try:
        return await owner_of_bearer(token or bearer(socket.headers.get("authorization", "")))
    except NotSignedIn as problem:
        await refuse(socket, problem.message, SIGNED_OUT)
        return None


async def refuse(socket: Socket, reason: str, code: int) -> None:
    with suppress(WebSocketDisconnect):
        await socket.send_json({"type": "error", "event": "error", "message": reason, "error": reason})
        await socket.close(code=code)


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
    if not listening.cancelled():
        return
    with suppress(WebSocketDisconnect):
        await socket.close()


async def _listen(socket: Socket, hear: Callable[[str], Awaitable[None]]) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await hear(str(await socket.receive_data(mode="text")))
