"""A worker has an engine for each core as far as its memory reaches, unless somebody has said otherwise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks import shape as under_test
from tasks.shape import Shape, shape, tcmalloc
from webapp.core.settings import Settings

MEMINFO = "MemTotal:       99999999 kB\nMemFree:             10 kB\nMemAvailable:   {} kB\n"
BASE_MB = 140


class Machine:
    """Of so many cores and so much memory, and without a GPU."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self.files: dict[str, str] = {}
        read, exists = Path.read_text, Path.exists
        monkeypatch.setattr(Path, "read_text", lambda at: self.files.get(str(at)) or read(at))
        monkeypatch.setattr(
            Path, "exists", lambda at: str(at) in self.files or (not _ours(at) and exists(at))
        )
        self.has(cores=4, free_mb=64_000)

    def has(self, *, cores: int, free_mb: int) -> None:
        self._patch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
        self.files["/proc/meminfo"] = MEMINFO.format(free_mb << 10)


def _ours(path: Path) -> bool:
    return path.is_relative_to("/sys/fs/cgroup") or path.is_relative_to("/dev")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "base").mkdir()
    with (tmp_path / "base" / "model.bin").open("wb") as weights:
        weights.truncate(BASE_MB << 20)
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def ours(settings: Settings, machine: Machine) -> Settings:
    return replace(
        settings,
        models=("base",),
        models_dir=machine.folder,
        worker_concurrency=0,
        cpu_threads=0,
        engine_memory_mb=0,
        device="auto",
    )


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 16])
def test_each_core_has_an_engine_of_one_thread(cores: int, machine: Machine, ours: Settings) -> None:
    machine.has(cores=cores, free_mb=64_000)
    assert shape(ours) == Shape(cores, 1)


def test_a_large_machine_has_no_more_engines_but_more_threads(machine: Machine, ours: Settings) -> None:
    machine.has(cores=64, free_mb=256_000)
    assert shape(ours) == Shape(16, 4)


@pytest.mark.parametrize(
    ("free_mb", "expected"),
    [(500, Shape(1, 8)), (2000, Shape(1, 8)), (2200, Shape(2, 4)), (4000, Shape(4, 2))],
)
def test_where_memory_is_short_there_are_fewer_engines_with_more_threads(
    free_mb: int, expected: Shape, machine: Machine, ours: Settings
) -> None:
    """Each takes 500 MB and twice the 140 MB of the model's weights; 500 MB are for others."""
    machine.has(cores=8, free_mb=free_mb)
    assert shape(ours) == expected


def test_a_larger_model_leaves_room_for_fewer_engines(machine: Machine, ours: Settings) -> None:
    machine.has(cores=8, free_mb=4500)
    with (machine.folder / "base" / "model.bin").open("r+b") as weights:
        weights.truncate(750 << 20)
    assert shape(ours).engines == 2


def test_a_model_that_is_yet_to_be_fetched_is_no_obstacle(machine: Machine, ours: Settings) -> None:
    (machine.folder / "base" / "model.bin").unlink()
    assert shape(ours) == Shape(4, 1)


@pytest.mark.parametrize(
    ("limit", "used"),
    [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ],
)
def test_a_containers_memory_counts_not_its_hosts(
    limit: str, used: str, machine: Machine, ours: Settings
) -> None:
    machine.files |= {limit: f"{2600 << 20}\n", used: f"{400 << 20}\n"}
    assert shape(ours) == Shape(2, 2)


def test_a_container_without_a_limit_has_its_hosts_memory(machine: Machine, ours: Settings) -> None:
    machine.files |= {"/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.current": "1000\n"}
    assert shape(ours) == Shape(4, 1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"worker_concurrency": 3}, Shape(3, 1)),
        ({"worker_concurrency": 2}, Shape(2, 2)),
        ({"worker_concurrency": 9}, Shape(9, 1)),
        ({"cpu_threads": 7}, Shape(4, 7)),
        ({"worker_concurrency": 2, "cpu_threads": 1}, Shape(2, 1)),
        ({"engine_memory_mb": 30_000}, Shape(2, 2)),
    ],
    ids=repr,
)
def test_what_the_settings_say_is_done(changes: dict[str, Any], expected: Shape, ours: Settings) -> None:
    assert shape(replace(ours, **changes)) == expected


def test_a_gpu_is_kept_busy_by_one_engine(machine: Machine, ours: Settings) -> None:
    machine.files["/dev/nvidiactl"] = "is here"
    assert shape(ours) == Shape(1, 4)
    assert shape(replace(ours, device="cpu")) == Shape(4, 1)


def test_this_machine_has_room_for_an_engine(settings: Settings) -> None:
    found = shape(replace(settings, worker_concurrency=0))
    assert found.engines >= 1
    assert found.threads >= 1


def test_the_faster_allocator_is_found_where_systems_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_LIBRARIES", (f"{tmp_path}/*-linux-gnu", f"{tmp_path}/lib64"))
    assert tcmalloc() is None
    (tmp_path / "lib64").mkdir()
    (library := tmp_path / "lib64" / "libtcmalloc_minimal.so.4").touch()
    assert tcmalloc() == str(library)
    (tmp_path / "riscv-linux-gnu").mkdir()
    (first := tmp_path / "riscv-linux-gnu" / "libtcmalloc_minimal.so.4").touch()
    assert tcmalloc() == str(first)
