"""`make run`: starts, says so, steps around, keeps data, and leaves nothing behind."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.place import Place
from local.ports import LOOPBACK
from local.postgres import binary
from tests.support.machine import ROOT, Machine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that all but the first start find a database."""
    return tmp_path_factory.mktemp("machine") / "data"


@pytest.fixture
def machine(data: Path, tiny_model: Path) -> Iterator[Machine]:
    machine = Machine(data, tiny_model.parent)
    yield machine
    machine.close()


def test_it_steps_around_a_taken_port_and_ctrl_c_leaves_nothing_behind(machine: Machine) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        machine.start(port)
        address = machine.wait_until_ready()
    assert address != f"http://{LOOPBACK}:{port}"
    assert httpx.get(f"{address}/api/v1/health/ready").status_code == 200
    machine.send(signal.SIGINT)
    assert machine.wait() == 0
    assert machine.processes() == {}


def test_a_second_run_on_the_same_data_is_refused_and_the_first_goes_on(machine: Machine) -> None:
    machine.start()
    address = machine.wait_until_ready()
    second = subprocess.run(
        [sys.executable, "-m", "local", "--data", str(machine.data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode != 0
    assert "already runs" in second.stderr
    assert httpx.get(f"{address}/api/v1/health/ready").status_code == 200
    machine.send(signal.SIGTERM)
    assert machine.wait() == 0
    assert machine.processes() == {}


@pytest.mark.parametrize("seconds", [0, 0.05, 0.2])
def test_ctrl_c_while_it_still_starts_leaves_nothing_behind(machine: Machine, seconds: float) -> None:
    machine.start()
    while len(machine.processes()) < 2:
        time.sleep(0.01)
    time.sleep(seconds)
    machine.send(signal.SIGINT)
    machine.wait()
    machine.wait_until_gone(5)


def test_a_killed_supervisor_takes_all_parts_with_it_and_data_stay(machine: Machine) -> None:
    machine.start()
    machine.wait_until_ready()
    database = Place(machine.data).read_environment()["DATABASE_URL"]
    keep = "CREATE TABLE IF NOT EXISTS kept AS SELECT 'still here' AS note"
    _psql(database, keep)
    machine.send(signal.SIGKILL)
    machine.wait()
    machine.wait_until_gone()

    machine.start()
    machine.wait_until_ready()
    database = Place(machine.data).read_environment()["DATABASE_URL"]
    assert _psql(database, "SELECT note FROM kept") == "still here"


@pytest.mark.parametrize("part", ["valkey-server", "postgres -D", "saq"])
def test_a_part_that_dies_stops_the_rest_and_its_last_lines_are_shown(machine: Machine, part: str) -> None:
    machine.start()
    machine.wait_until_ready()
    subprocess.run(["kill", "-KILL", str(machine.pid_of(part))], check=True)
    assert machine.wait() == 1
    assert "so everything was stopped. Its last lines:\n  " in machine.output
    assert machine.processes() == {}


def _psql(url: str, query: str) -> str:
    done = subprocess.run([binary("psql"), url, "-Atc", query], capture_output=True, text=True, check=True)
    return done.stdout.strip()
