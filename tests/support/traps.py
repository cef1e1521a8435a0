"""Whoever opens a file or a connection that a recording points to walks into one of these."""

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from local.ports import LOOPBACK
from tests.support.handmade import wav
from tests.support.pointers import Elsewhere

_IN_OPEN = 0x20
_IN_NONBLOCK = os.O_NONBLOCK
_EVENT = struct.Struct("iIII")


class Watch:
    """The kernel tells which files of some folders anybody opens: nothing escapes it between two looks."""

    def __init__(self, *folders: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(_IN_NONBLOCK)
        assert self._descriptor >= 0, os.strerror(ctypes.get_errno())
        for folder in folders:
            watched = libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _IN_OPEN)
            assert watched >= 0, os.strerror(ctypes.get_errno())

    def opened(self) -> set[str]:
        """Names of files since the last call; of a folder that is listed, none."""
        names: set[str] = set()
        with suppress(BlockingIOError):
            while events := os.read(self._descriptor, 1 << 16):
                names |= set(_names(events))
        return names - {""}

    def close(self) -> None:
        os.close(self._descriptor)


def _names(events: bytes) -> Iterator[str]:
    while events:
        *_, length = _EVENT.unpack_from(events)
        end = _EVENT.size + length
        yield os.fsdecode(events[_EVENT.size : end].rstrip(b"\0"))
        events = events[end:]


class Traps:
    """A decoy in a folder of its own, another beside the recordings, and two ports nobody should call."""

    def __init__(self, vault: Path, work: Path) -> None:
        for folder in (vault, work):
            (folder / "secret.wav").write_bytes(wav(16_000, 1, bytes(32_000)))
        self._stack = ExitStack()
        self._tcp = self._stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=50))
        self._udp = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind((LOOPBACK, 0))
        for listener in (self._tcp, self._udp):
            listener.settimeout(0)
        self._watch = Watch(vault, work)
        self._stack.callback(self._watch.close)
        self.elsewhere = Elsewhere(vault / "secret.wav", _address(self._tcp), _address(self._udp))

    def sprung(self) -> set[str]:
        """The files opened, by whomever, and what came over the network, since the last call."""
        return self._watch.opened() | self._callers()

    def _callers(self) -> set[str]:
        """The kernel keeps a connection for us even if whoever made it has left."""
        found = set()
        with suppress(BlockingIOError):
            self._tcp.accept()[0].close()
            found.add("a connection")
        with suppress(BlockingIOError):
            self._udp.recv(1 << 16)
            found.add("a datagram")
        return found

    def close(self) -> None:
        self._stack.close()


@contextmanager
def set_traps(vault: Path, work: Path) -> Iterator[Traps]:
    traps = Traps(vault, work)
    try:
        yield traps
    finally:
        traps.close()


@asynccontextmanager
async def seen_open(pid: int, every: float = 0.002) -> AsyncIterator[set[str]]:
    """What a process holds open, looked at every other millisecond. A trap catches what is short; this, what
    makes no noise: a socket that only listens, as FFmpeg opens one for SDP and waits."""
    seen: set[str] = set()

    async def look() -> None:
        while True:
            seen.update(_descriptors(pid))
            await asyncio.sleep(every)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        seen.update(_descriptors(pid))


def _descriptors(pid: int) -> Iterator[str]:
    """Beyond the three that every process begins with."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if int(link.name) > 2:
                    yield str(link.readlink())


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"
