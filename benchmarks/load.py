"""Keeps connections busy with requests and notes how long each takes. Run by `benchmarks.api`.

It is told one JSON object: the port, how many connections, for how many seconds at most, whether each request
may be sent but once, and the requests as raw bytes, which the connections share out among them. It is a
process of its own, so that it takes nothing from the server's one.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterable
from itertools import cycle

from local.ports import LOOPBACK


class Caller:
    """One connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def call(self, request: bytes) -> None:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, _, rest = head.partition(b"\r\n")
        length = int(rest.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        assert status.split()[1] in {b"200", b"201"}, head + body


async def _busy(port: int, requests: Iterable[bytes], until: float, taken: list[float]) -> None:
    caller = Caller(*await asyncio.open_connection(LOOPBACK, port))
    for request in requests:
        if (began := time.perf_counter()) > until:
            return
        await caller.call(request)
        taken.append((time.perf_counter() - began) * 1000)


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    requests, count = list(map(base64.b64decode, told["requests"])), told["connections"]
    shares = [requests[number::count] or requests for number in range(count)]
    taken: list[float] = []
    began = time.perf_counter()
    until = began + told["seconds"]
    turns = shares if told["once"] else map(cycle, shares)
    await asyncio.gather(*(_busy(told["port"], mine, until, taken) for mine in turns))
    print(json.dumps({"taken": taken, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    asyncio.run(main())
