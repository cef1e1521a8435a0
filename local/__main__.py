"""`make run`: all parts of Procfile.dev under one supervisor, with data in one folder."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import honcho.manager
from honcho.environ import parse_procfile

from local.locks import StillLocked, hold
from local.models import ModelUnavailable, ensure
from local.place import FOLDER, PORTS, ROOT, WATCHER, Place
from local.ports import free_port_from, free_ports
from local.process import die_with_parent
from local.s3 import PORTS as S3_PORTS
from local.screen import Screen
from local.servers import Servers

# Web and worker take up to five seconds to finish, and the servers stop after them.
honcho.manager.KILL_WAIT = 12
STOPPED_BY_PERSON = (130, 143)


def main() -> None:
    options = _options()
    place = Place(options.data.resolve())
    try:
        _lock = hold(place.lock_of("machine"))
    except StillLocked:
        sys.exit(f"Audiotext already runs with its data in {place.folder}. Stop that one first.")
    environment = _prepare(place, options.port)
    sys.exit(_supervise(environment))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".data", help="folder for all data")
    parser.add_argument("--port", type=int, default=8000, help="of the pages; the next free one")
    return parser.parse_args()


def _prepare(place: Place, preferred_port: int) -> dict[str, str]:
    place.released.unlink(missing_ok=True)
    models = (os.environ.get("MODELS") or "base,tiny.en").split(",")
    models_folder = Path(os.environ.get("MODELS_DIR") or place.models)
    _get_models([name.strip() for name in models], models_folder)
    port = free_port_from(preferred_port)
    if port != preferred_port:
        print(f"Port {preferred_port} is taken, so the pages are on {port}.", flush=True)
    ports = free_ports(2 + S3_PORTS)
    values = {
        **Servers(place.folder, ports).environ,
        "PORT": str(port),
        "MODELS": ",".join(models),
        "MODELS_DIR": str(models_folder),
        "SHUTDOWN_GRACE": "5",
        FOLDER: str(place.folder),
        PORTS: ",".join(map(str, ports)),
    }
    place.write_environment(values)
    return {**os.environ, **values}


def _get_models(names: Sequence[str], folder: Path) -> None:
    try:
        for name in names:
            ensure(name, folder)
    except ModelUnavailable as problem:
        sys.exit(str(problem))


def _supervise(environment: dict[str, str]) -> int:
    supervisor = os.getpid()

    def watch_over_one_part() -> None:
        """In what honcho forks: it would outlive a killed supervisor, and so would its part."""
        die_with_parent(signal.SIGKILL, parent=supervisor)
        environment[WATCHER] = str(os.getpid())

    os.register_at_fork(after_in_child=watch_over_one_part)
    binaries = Path(sys.executable).parent
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    environment["PYTHONUNBUFFERED"] = "1"
    screen = Screen()
    manager = honcho.manager.Manager(screen)
    for name, command in parse_procfile((ROOT / "Procfile.dev").read_text()).processes.items():
        manager.add_process(name, command, env=environment, cwd=str(ROOT))
    _loop(manager)
    if manager.returncode in STOPPED_BY_PERSON:
        return 0
    screen.report()
    return 1


def _loop(manager: honcho.manager.Manager) -> None:
    try:
        manager.loop()
    except BaseException as problem:
        # honcho fails with KeyError when asked to stop before it has noticed every part.
        if not isinstance(problem, KeyError):
            traceback.print_exc()
        # An ordinary end would wait for parts that nobody stops. The kernel stops them after us.
        os._exit(1)


if __name__ == "__main__":
    main()
