"""How a worker uses the machine it is given: so many engines, of so many threads each.

A window is decoded no faster by two threads than by one, so a core for each engine does most. Measured with
`base` on two cores: two engines of one thread each hear twice as much as one of two.
"""

import os
from pathlib import Path
from typing import NamedTuple

from webapp.core.settings import Settings

# Megabytes, beside the weights: Python, ONNX Runtime, and what decoding eight windows takes.
_BESIDE_MB, _OTHERS_MB = 500, 500
# The weights are read from a file of half-precision numbers, and lie in memory in up to twice the size.
_WEIGHTS = 2
# More would only wait for the memory bus, and for their turn at the database.
_MOST = 16
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
_TCMALLOC = "libtcmalloc_minimal.so.4"
# Debian's and Fedora's places, and where Heroku's buildpack for Debian packages puts them.
_LIBRARIES = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/app/.apt/usr/lib/*-linux-gnu")


class Shape(NamedTuple):
    engines: int
    threads: int


def shape(settings: Settings) -> Shape:
    cores = len(os.sched_getaffinity(0))
    engines = settings.worker_concurrency or _fitting(settings, cores)
    return Shape(engines, settings.cpu_threads or max(1, cores // engines))


def tcmalloc() -> str | None:
    """Where that allocator is installed: with it the engine takes a fifth less time. glibc's gives the memory
    of each window back to the system, and fetches it again for the next."""
    for folder in _LIBRARIES:
        for found in sorted(Path("/").glob(f"{folder.lstrip('/')}/{_TCMALLOC}")):
            return str(found)
    return None


def _fitting(settings: Settings, cores: int) -> int:
    if settings.device != "cpu" and Path("/dev/nvidiactl").exists():
        return 1  # engines would fight for the GPU's memory, and one keeps it busy
    weights = settings.models_dir / settings.default_model / "model.bin"
    size = weights.stat().st_size >> 20 if weights.exists() else 0
    each = settings.engine_memory_mb or _BESIDE_MB + _WEIGHTS * size
    return max(1, min(cores, _MOST, (_free_mb() - _OTHERS_MB) // each))


def _free_mb() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable:"))
    for limit, used in _CGROUPS:
        if limit.exists() and used.exists() and limit.read_text().strip().isdigit():
            free = min(free, (int(limit.read_text()) - int(used.read_text())) >> 20)
    return free
