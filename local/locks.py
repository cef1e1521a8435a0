"""File locks that end with the last process that inherited them."""

import fcntl
import os
import time
from pathlib import Path


class StillLocked(Exception):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is held by another process.")


def hold(path: Path, wait: float = 0) -> int:
    """Lock `path` and return its descriptor, which children may inherit to share the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait
    while not _try(descriptor):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            raise StillLocked(path)
        time.sleep(0.05)
    return descriptor


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
