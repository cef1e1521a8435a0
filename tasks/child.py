"""The worker's handle on the engine's process: started when needed, warm between jobs, killable."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.protocol import (
    HEADER_SIZE,
    Done,
    EngineConfig,
    Event,
    Failed,
    Load,
    Loaded,
    ProtocolError,
    Ready,
    Reply,
    Request,
    Transcribe,
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
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "20",
}


class EngineCrashed(Exception):
    """The engine's process ended or spoke nonsense in the middle of a request."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(f"the engine's process ended with {returncode}")
        self.returncode = returncode


class EngineChild:
    """One request at a time; a second one waits for the first."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._served = 0
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

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

    async def load(self, model: str) -> Loaded:
        """Makes the model warm, so that the first job need not wait for it."""
        async with aclosing(self._ask(Load(model))) as replies:
            async for reply in replies:
                if isinstance(reply, Loaded):
                    return reply
                if isinstance(reply, Failed):
                    raise JobFailed(reply.code, reply.message, permanent=reply.permanent)
        raise EngineCrashed(None)

    async def transcribe(self, request: Transcribe) -> AsyncGenerator[Event, None]:
        """Ends after `Done` or `Failed`. Leaving early, by cancellation too, kills the process:
        nothing in it can be stopped otherwise. Wrap it in `contextlib.aclosing`, or leaving is
        noticed late.
        """
        async with aclosing(self._ask(request)) as replies:
            async for reply in replies:
                if isinstance(reply, Ready | Loaded):
                    raise EngineCrashed(None)
                yield reply

    async def kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        self._writer.close()
        # Even if this task is cancelled while it waits, the process is dead, and asyncio reaps it.
        await process.wait()

    async def _ask(self, request: Request) -> AsyncGenerator[Reply, None]:
        async with self._turn:
            answered = False
            try:
                await self._send(request)
                while not answered:
                    reply = await self._receive()
                    # After a failure of its own the process is not trusted with the next recording.
                    answered = isinstance(reply, Done | Loaded) or (
                        isinstance(reply, Failed) and reply.permanent
                    )
                    yield reply
                    if isinstance(reply, Failed):
                        return
            finally:
                if not answered:
                    await self.kill()

    async def _send(self, request: Request) -> None:
        try:
            await self._start()
            self._writer.write(frame(request))
            await self._writer.drain()
        except OSError as problem:  # a time-out too: it never got ready
            raise EngineCrashed(await self._last_words()) from problem

    async def _start(self) -> None:
        if self._process and self._process.returncode is None and self._served < REQUESTS:
            self._served += 1
            return
        await self.kill()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tasks.child_main", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                env=_environment(),
                start_new_session=True,  # signals to the worker's group are the worker's to handle
            )
        self._served = 1
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._writer.write(frame(self._config))
        async with asyncio.timeout(START_SECONDS):
            await self._receive()

    async def _receive(self) -> Reply:
        try:
            header = await self._reader.readexactly(HEADER_SIZE)
            return read_reply(await self._reader.readexactly(body_size(header)))
        except (EOFError, OSError, ProtocolError) as problem:
            raise EngineCrashed(await self._last_words()) from problem

    async def _last_words(self) -> int | None:
        process = self._process
        if process is None:  # killed by us, from another task
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await process.wait()
        return process.returncode


def _environment() -> dict[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_FAMILIES)
    }
    return DEFAULTS | passed_on
