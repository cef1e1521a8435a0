"""The worker's handle on a child: a process started when needed, warm between requests, killable."""

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks import plausible
from tasks.answers import Answers, ChildCrashed, last_words, receive
from tasks.environment import environment
from tasks.protocol import (
    ANSWERS,
    LAST,
    ChildConfig,
    Cut,
    CutOut,
    Drop,
    Failed,
    Hear,
    Load,
    Loaded,
    ProtocolError,
    Reply,
    Request,
    frame,
)
from webapp.core.errors import JobFailed

START_SECONDS = 120
# Then the process is replaced: what native code leaks over weeks goes with it.
REQUESTS = 200
PAGE = os.sysconf("SC_PAGE_SIZE")


class Child:
    """Several requests at a time, each with a ticket that its answers bear."""

    kind: str

    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self._starting = asyncio.Lock()
        self._freed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[int, Answers] = {}
        self._tickets = itertools.count(1)
        self._served = 0
        self._distrusted = False
        self._reserved = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def memory_mb(self) -> int:
        """What it holds in memory now; 0 if there is no process."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * PAGE >> 20

    async def kill(self) -> None:
        """Whoever waits for an answer hears of it."""
        for answers in self._asked.values():
            answers.end(ChildCrashed(self.kind, None))
        await self._end_process()

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        writer, self._writer = self._writer, None
        reading, self._reading = self._reading, None
        if writer:
            writer.close()
        if reading:
            reading.cancel()
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        # Even if this task is cancelled while it waits, the process is dead, and asyncio reaps it.
        await process.wait()

    async def start(self) -> None:
        try:
            await self._start()
        except (EOFError, OSError, ProtocolError) as problem:  # a time-out too: it never got ready
            raise ChildCrashed(self.kind, await last_words(self._process)) from problem

    async def _start(self) -> None:
        async with self._starting:
            # One whose start was given up lives, but nobody reads what it says.
            if self._reading and self._is_alive and (len(self._asked) > 1 or not self._is_worn):
                return
            await self._end_process()
            ours, theirs = socket.socketpair()
            with theirs:
                reader, self._writer = await asyncio.open_connection(sock=ours)
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tasks.child_main", self.kind, str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sys.stderr.fileno(),
                    env=environment(self.kind),
                    start_new_session=True,  # signals to the worker's group are the worker's to handle
                )
            self._served, self._distrusted = 0, False
            await self._tell(self.config, 0)
            async with asyncio.timeout(START_SECONDS):
                await receive(reader)
            self._reading = asyncio.create_task(self._read(reader, self._process))
            self._wake()

    async def ask(self, request: Request, *, alone: bool = False) -> AsyncGenerator[Reply, None]:
        """Leaving early, by cancellation too, kills the process if nobody else waits for it: nothing in it is
        stopped otherwise. Wrap it in `contextlib.aclosing`, or leaving is noticed late."""
        ticket, trusted = next(self._tickets), False
        async with self._place(ticket, alone=alone) as answers:
            try:
                await self._send(request, ticket)
                last = False
                while not last:
                    reply = await answers.next()
                    if not isinstance(reply, ANSWERS[type(request)]):
                        raise ChildCrashed(self.kind, None)
                    last = isinstance(reply, LAST)
                    # After a failure of its own the process is not trusted with the next recording.
                    failed = isinstance(reply, Failed) and not reply.permanent
                    self._distrusted = self._distrusted or failed
                    trusted = last and not failed
                    yield reply
            finally:
                if not trusted:
                    await self._leave(ticket)

    @property
    def _is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def _is_worn(self) -> bool:
        return self._distrusted or self._served >= REQUESTS

    @asynccontextmanager
    async def _place(self, ticket: int, *, alone: bool) -> AsyncIterator[Answers]:
        """Among those who wait for answers; `alone` keeps others out meanwhile. A process that is to be
        replaced is left to those who already wait for it."""
        self._reserved += alone
        try:
            while not self._has_place(alone=alone):
                await self._freed.wait()
            self._asked[ticket] = answers = Answers()
            yield answers
        finally:
            if left := self._asked.pop(ticket, None):
                left.leave()
            self._reserved -= alone
            self._wake()

    def _wake(self) -> None:
        """Nothing is awaited: whoever waits for a place must hear of it, even if we are cancelled."""
        self._freed.set()
        self._freed = asyncio.Event()

    def _has_place(self, *, alone: bool) -> bool:
        if alone:
            return not self._asked
        return not self._asked or not (self._reserved or self._is_worn)

    async def _leave(self, ticket: int) -> None:
        """The others in this process go on. If it hangs, each leaves in time, and the last one ends it."""
        if set(self._asked) <= {ticket}:
            await self._end_process()
            return
        with suppress(OSError):
            await self._tell(Drop(), ticket)

    async def _send(self, request: Request, ticket: int) -> None:
        await self.start()
        process = self._process
        self._served += 1
        try:
            await self._tell(request, ticket)
        except OSError as problem:
            raise ChildCrashed(self.kind, await last_words(process)) from problem

    async def _tell(self, message: Request | ChildConfig, ticket: int) -> None:
        if self._writer is None:
            raise ConnectionResetError("the process was ended")
        self._writer.write(frame(message, ticket))
        await self._writer.drain()

    async def _read(self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
        """Hands out what comes, until nothing comes any more."""
        try:
            while True:
                ticket, reply = await receive(reader)
                if answers := self._asked.get(ticket):
                    await answers.put(reply)
        except (EOFError, OSError, ProtocolError):
            self._distrusted, left = True, list(self._asked.values())
            crash = ChildCrashed(self.kind, await last_words(process))
        for answers in left:
            answers.end(crash)


class Decoder(Child):
    """Opens strangers' files and cuts them into chunks."""

    kind = "decoder"

    async def cut(self, request: Cut | CutOut) -> AsyncGenerator[Reply, None]:
        cuts = plausible.Cuts(request, self.config.max_duration_s)
        async with aclosing(self.ask(request)) as replies:
            async for reply in replies:
                if not cuts.allow(reply):
                    await self.kill()
                    raise ChildCrashed(self.kind, None)
                yield reply


class EngineChild(Child):
    """Listens to what the decoder made."""

    kind = "engine"

    async def hear(self, request: Hear, *, alone: bool = False) -> AsyncGenerator[Reply, None]:
        async with aclosing(self.ask(request, alone=alone)) as replies:
            async for reply in replies:
                if not plausible.heard(request, reply):
                    await self.kill()
                    raise ChildCrashed(self.kind, None)
                yield reply

    async def load(self, model: str) -> Loaded:
        """Makes the model warm, so that the first job need not wait for it."""
        async with aclosing(self.ask(Load(model))) as replies:
            async for reply in replies:
                if isinstance(reply, Loaded):
                    return reply
                if isinstance(reply, Failed):
                    raise JobFailed(reply.code, reply.message, permanent=reply.permanent)
        raise ChildCrashed(self.kind, None)
