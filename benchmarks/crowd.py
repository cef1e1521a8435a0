"""Holds many streams open and notes how old each change is when its bytes arrive. Run by `benchmarks.live`.

What changes carries its moment in it, `t-<nanoseconds>`, by the clock that all processes of a machine share.
It is told `PATH COOKIE` lines, an empty one to open them, and an empty one each time it is to report.
"""

import asyncio
import json
import re
import resource
import sys
import time

from local.ports import LOOPBACK

STAMP = re.compile(rb"t-(\d{12,20})\.")
OPENING = 64  # at once: a listening socket queues no more than some
PATIENCE_S = 120


class Stream(asyncio.Protocol):
    def __init__(self, request: bytes, ages: list[float]) -> None:
        self.request, self.ages = request, ages
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = False
        self._seen = 0
        self._tail = self._head = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        found = self._tail + data
        # A stamp may be cut in two; one that was whole already is not counted again.
        self._tail = found[-24:]
        for stamp in map(int, STAMP.findall(found)):
            if stamp > self._seen:
                self._seen = stamp
                self.ages.append((now - stamp) / 1e6)
        if not self.begun.done():
            self._head += data
            if b"\n\r\n" in self._head.partition(b"\r\n\r\n")[2]:
                self._begin()

    def _begin(self) -> None:
        assert self._head.startswith(b"HTTP/1.1 200"), self._head[:300]
        self.begun.set_result(None)
        self._head = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True


async def _open(port: int, wanted: list[tuple[str, str]], ages: list[float]) -> list[Stream]:
    turn = asyncio.Semaphore(OPENING)

    async def open_one(path: str, cookie: str) -> Stream:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n"
        async with turn, asyncio.timeout(PATIENCE_S):
            _, stream = await asyncio.get_running_loop().create_connection(
                lambda: Stream(head.encode(), ages), LOOPBACK, port
            )
            await stream.begun
            return stream

    return await asyncio.gather(*(open_one(*each) for each in wanted))


async def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ages: list[float] = []
    wanted = []
    while line := sys.stdin.readline().strip():
        path, _, cookie = line.partition(" ")
        wanted.append((path, cookie))
    began = time.monotonic()
    streams = await _open(int(sys.argv[1]), wanted, ages)
    print(json.dumps({"seconds": time.monotonic() - began}), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps({"ages": ages, "ended": sum(each.ended for each in streams)}), flush=True)
        ages.clear()


if __name__ == "__main__":
    asyncio.run(main())
