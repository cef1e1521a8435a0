"""The release step of one machine: migrates, makes the bucket, and says when all is ready."""

import http.client
import signal
import subprocess
import sys
import time

from local.locks import hold
from local.place import Place
from local.ports import LOOPBACK
from local.servers import Servers
from webapp.core.settings import Settings, get_settings
from webapp.core.storage import Storage

READY_SECONDS = 120


def main() -> None:
    place = Place.of_this_part()
    _lock = hold(place.lock_of("release"), wait=30)
    settings = get_settings()
    _wait_for(place.servers())
    _migrate()
    Storage(settings).prepare_bucket(origins(settings))
    place.released.touch()
    _announce(settings)
    signal.pause()  # a part that ends takes the others with it


def origins(settings: Settings) -> list[str]:
    """From where pages of this machine may send files to the bucket."""
    hosts = (LOOPBACK, "localhost")
    return [*(f"http://{host}:{settings.port}" for host in hosts), *settings.allowed_origins]


def _wait_for(servers: Servers) -> None:
    for server in servers.all:
        while not server.answers():
            time.sleep(0.1)


def _migrate() -> None:
    command = [sys.executable, "-m", "webapp.core.migrate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{done.stderr}")


def _announce(settings: Settings) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(settings.port):
        if time.monotonic() > deadline:
            sys.exit("Web and worker did not get ready. The lines above say why.")
        time.sleep(0.5)
    print("An API token for scripts: make token (in another terminal). To stop: Ctrl-C.")
    print(f"Audiotext is ready: http://{LOOPBACK}:{settings.port}", flush=True)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/api/v1/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
