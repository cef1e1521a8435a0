"""One server as a part of the machine: `python -m local.serve postgres`."""

import signal
import sys
import time
from types import FrameType

from local.locks import StillLocked, hold
from local.place import Place
from local.process import Server, ServerFailed

# They finish what they are at, and for that they need the servers.
CLIENTS = ("release", "web", "worker")
CLIENTS_SECONDS = 9


class AskedToStop(Exception):
    pass


def main() -> None:
    place = Place.of_this_part()
    server: Server = getattr(place.servers(), sys.argv[1])
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.start()
        server.wait()
        sys.exit(f"{server.name} ended by itself. Its log ends:\n{server.last_lines()}")
    except (ServerFailed, StillLocked) as problem:
        sys.exit(str(problem))
    except AskedToStop:
        _wait_for_clients(place)
    finally:
        server.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; it must not cut the end short
    raise AskedToStop


def _wait_for_clients(place: Place) -> None:
    deadline = time.monotonic() + CLIENTS_SECONDS
    for name in CLIENTS:
        try:
            hold(place.lock_of(name), wait=max(0, deadline - time.monotonic()))
        except StillLocked:
            return


if __name__ == "__main__":
    main()
