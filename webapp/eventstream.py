"""The answer that stays open. Litestar's own begins with a call in a thread, which may not be had, and keeps
in each open stream what was sent last."""

import asyncio
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Any

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

from webapp.core.errors import NotSignedIn
from webapp.errors import AWAY
from webapp.feeds import Feed
from webapp.streams import Admission

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventStream(ASGIResponse):
    __slots__ = ("admission", "opening")
    _should_set_content_length = False

    def __init__(self, opening: AbstractContextManager[Feed], admission: Admission) -> None:
        super().__init__(media_type="text/event-stream", headers=HEADERS)
        self.opening, self.admission = opening, admission

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Until there is nothing more to say, or the other side has gone."""
        ours = asyncio.current_task()
        assert ours
        left = asyncio.create_task(_left(receive))
        left.add_done_callback(lambda done: None if done.cancelled() else ours.cancel())
        try:
            await self._send_all(send)
        except asyncio.CancelledError:
            if not left.done():
                raise
            ours.uncancel()
        finally:
            left.cancel()

    async def _send_all(self, send: Send) -> None:
        with self.opening as feed, suppress(NotSignedIn, *AWAY):
            async with aclosing(feed.read(self.admission)) as pieces:
                async for piece in pieces:
                    message: Any = {"type": "http.response.body", "body": piece, "more_body": True}
                    await send(message)
                    del message, piece
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
