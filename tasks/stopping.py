"""That a worker stops in time, whatever hangs: a server that fell silent, a thread amid a download.

And that it can start afresh, so that what leaks over weeks goes."""

import asyncio
import os
import signal
import sys
import threading

import structlog

log = structlog.get_logger(__name__)


class Restart:
    """Starting afresh in the same process: whoever started us sees no end, and needs not start another."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._wanted = False

    @property
    def stopping(self) -> bool:
        """For good or to start afresh."""
        return self._stop.is_set()

    def ask(self) -> None:
        if self._stop.is_set():
            return
        self._wanted = True
        # SAQ would take a signal for what it does already. For us it means to end for good.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._forget)
        self._stop.set()

    def carry_out(self) -> None:
        """Does not return if it was asked for. Connections and locks of ours end with the old program."""
        if self._wanted:
            sys.stdout.flush()
            sys.stderr.flush()
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is wanted

    def _forget(self) -> None:
        self._wanted = False


async def end_after(asked: asyncio.Event, seconds: float, restart: Restart) -> None:
    """Waits to be asked to stop, and then no longer than this."""
    await asked.wait()
    leave_within(seconds, restart)


def leave_within(seconds: float, restart: Restart | None = None) -> None:
    """From a thread, since the loop itself may be waiting for what hangs. The engine's process dies with this
    one, a lease runs out, and the next worker to start clears away what was fetched."""
    timer = threading.Timer(seconds, _leave, [restart])
    timer.daemon = True
    timer.start()


def _leave(restart: Restart | None) -> None:
    log.warning("not everything could be closed in time")
    if restart:
        restart.carry_out()
    os._exit(0)
