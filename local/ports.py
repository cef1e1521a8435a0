"""Free ports on the loopback interface."""

import random
import socket
from itertools import chain

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel serves outgoing connections, so that a port
# found free here is not lost to one of them before its server binds it.
CANDIDATES = range(10_000, 32_000)


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(found) == count:
            return found
        if is_free(port):
            found.append(port)
    raise OSError(f"This machine has no {count} free ports between 10000 and 32000.")


def free_port_from(preferred: int) -> int:
    for port in chain(range(preferred, min(preferred + 100, 65_536)), free_ports(1)):
        if is_free(port):
            return port
    raise OSError(f"No free port was found from {preferred} on.")


def is_free(port: int) -> bool:
    """Whether no server listens there, on this interface or on all of them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
