"""The worker's handle on a child: a process started when needed, warm between requests, killable."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks import plausible
from tasks.protocol import (
    ANSWERS,
    HEADER_SIZE,
    LAST,
    ChildConfig,
    Cut,
    CutOut,
    Failed,
    Hear,
    Load,
    Loaded,
    ProtocolError,
    Reply,
    Request,
    body_size,
    frame,
    read_reply,
)
from webapp.core.errors import JobFailed

ROOT = Path(__file__).parents[1]
START_SECONDS = 120
# Then the process is replaced: what native code leaks over weeks goes with it.
REQUESTS = 200
# The process reads strangers' files: the worker's passwords are kept out of its environment.
# So is the hub's token: models that ask for one are put into the folder of models beforehand.
INHERITED = (
    *("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("HF_HOME", "HF_ENDPOINT"),
)
INHERITED_FAMILIES = ("CUDA_", "NVIDIA_", "HF_HUB_", "CT2_", "LC_", "SSL_CERT_")
DEFAULTS = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",  # or glibc keeps a pool of freed memory for every thread
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "20",
}
PAGE = os.sysconf("SC_PAGE_SIZE")


class ChildCrashed(Exception):
    """A child ended or spoke nonsense in the middle of a request."""

    def __init__(self, kind: str, returncode: int | None) -> None:
        super().__init__(f"the {kind}'s process ended with {returncode}")
        self.kind = kind
        self.returncode = returncode


class Child:
    """One request at a time; a second one waits for the first."""

    kind: str

    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._served = 0
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

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
        process, self._process = self._process, None
        writer, self._writer = self._writer, None
        if writer:
            writer.close()
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        # Even if this task is cancelled while it waits, the process is dead, and asyncio reaps it.
        await process.wait()

    async def start(self) -> None:
        if self._process and self._process.returncode is None and self._served < REQUESTS:
            return
        await self.kill()
        ours, theirs = socket.socketpair()
        with theirs:
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tasks.child_main", self.kind, str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                env=_environment(),
                start_new_session=True,  # signals to the worker's group are the worker's to handle
            )
        self._served = 0
        await self._tell(self.config)
        async with asyncio.timeout(START_SECONDS):
            await self._receive()

    async def ask(self, request: Request) -> AsyncGenerator[Reply, None]:
        """Leaving early, by cancellation too, kills the process: nothing in it can be stopped otherwise.
        Wrap it in `contextlib.aclosing`, or leaving is noticed late."""
        async with self._turn:
            trusted = False
            try:
                await self._send(request)
                last = False
                while not last:
                    reply = await self._receive()
                    if not isinstance(reply, ANSWERS[type(request)]):
                        raise ChildCrashed(self.kind, None)
                    last = isinstance(reply, LAST)
                    # After a failure of its own the process is not trusted with the next recording.
                    trusted = last and (not isinstance(reply, Failed) or reply.permanent)
                    yield reply
            finally:
                if not trusted:
                    await self.kill()

    async def _send(self, request: Request) -> None:
        try:
            await self.start()
            self._served += 1
            await self._tell(request)
        except OSError as problem:  # a time-out too: it never got ready
            raise ChildCrashed(self.kind, await self._last_words()) from problem

    async def _tell(self, message: Request | ChildConfig) -> None:
        assert self._writer is not None
        self._writer.write(frame(message))
        await self._writer.drain()

    async def _receive(self) -> Reply:
        try:
            header = await self._reader.readexactly(HEADER_SIZE)
            return read_reply(await self._reader.readexactly(body_size(header)))
        except (EOFError, OSError, ProtocolError) as problem:
            raise ChildCrashed(self.kind, await self._last_words()) from problem

    async def _last_words(self) -> int | None:
        process = self._process
        if process is None:  # killed by us, from another task
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await process.wait()
        return process.returncode


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

    async def hear(self, request: Hear) -> AsyncGenerator[Reply, None]:
        async with aclosing(self.ask(request)) as replies:
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


def _environment() -> dict[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_FAMILIES)
    }
    return DEFAULTS | passed_on
