"""The least a server of streams can do: hints from Redis, written to who listens. Run by `benchmarks.live`.

No database, no templates, no admission: what the web process takes beyond this is the price of those.
"""

import asyncio
import os
import re
import sys
from collections import defaultdict

from redis.asyncio import Redis

from local.ports import LOOPBACK

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
# About as long as a row of the list.
PADDING = b"." * 1_500
listeners: defaultdict[str, set[asyncio.Transport]] = defaultdict(set)


class Listener(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /health"):
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        elif found := re.search(rb"audiotext_space=(\S+)", data):
            listeners[found[1].decode()].add(self.transport)
            self.transport.write(HEAD + b": here\r\n\r\n")


async def main() -> None:
    redis = Redis.from_url(os.environ["REDIS_URL"])
    server = await asyncio.get_running_loop().create_server(
        Listener, LOOPBACK, int(sys.argv[-1]), backlog=2048
    )
    async with server, redis.pubsub() as channel:
        await channel.psubscribe("bare:*")
        async for message in channel.listen():
            if message["type"] == "pmessage":
                event = b"data: " + message["data"] + PADDING + b"\r\n\r\n"
                for transport in listeners[message["channel"].decode().removeprefix("bare:")]:
                    transport.write(event)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
