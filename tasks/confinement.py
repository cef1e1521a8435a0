"""What a child may not do: it touches strangers' files, and native code reads them."""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

# From version 1.29 on ONNX Runtime reports to its maker, and keeps a file about it in the home folder.
_REPORTS = "ORT_DISABLE_TELEMETRY"
_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38


def keep_secrets() -> None:
    """For the worker. The engine's process runs as the same user, who could otherwise read the worker's
    memory and its environment, where the passwords are. The exec of a child undoes it for the child."""
    _prctl(_SET_DUMPABLE, 0)


def confine(memory_mb: int) -> None:
    """For the engine's process itself, before it touches a file."""
    _die_with_parent()
    # When this process ends is for the worker to say, not for Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the recording
    os.environ[_REPORTS] = "1"
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    if memory_mb:
        limit = memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with suppress(OSError):  # if the machine runs short, this process goes before the worker
        Path("/proc/self/oom_score_adj").write_text("800")


def _die_with_parent() -> None:
    parent = os.getppid()
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we had asked to be told
        raise SystemExit(0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(option, value, 0, 0, 0)
