"""One server as a part of the machine: `python -m local.serve postgres`."""

import signal
import sys
import threading
import time

from local.locks import StillLocked, hold
from local.place import Place
from local.process import Server, ServerFailed

# They finish what they are at, and for that they need the servers.
CLIENTS = ("release", "web", "worker")
CLIENTS_SECONDS = 9


def main() -> None:
    asked_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.set())
    place = Place.of_this_part()
    server = getattr(place.servers(), sys.argv[1])
    try:
        server.start()
    except (ServerFailed, StillLocked) as problem:
        sys.exit(str(problem))
    ended = _watch(server, asked_to_stop)
    if ended:
        sys.exit(f"{server.name} ended by itself. Its log ends:\n{server.last_lines()}")
    _wait_for_clients(place)
    server.stop()


def _watch(server: Server, asked_to_stop: threading.Event) -> bool:
    while not asked_to_stop.wait(0.2):
        if not server.running:
            return True
    return False


def _wait_for_clients(place: Place) -> None:
    deadline = time.monotonic() + CLIENTS_SECONDS
    for name in CLIENTS:
        try:
            hold(place.lock_of(name), wait=max(0, deadline - time.monotonic()))
        except StillLocked:
            return


if __name__ == "__main__":
    main()
