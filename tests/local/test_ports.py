"""Taken ports are stepped around."""

import socket

import pytest

from local.ports import LOOPBACK, free_port_from, free_ports


@pytest.mark.parametrize("host", [LOOPBACK, "0.0.0.0"])  # noqa: S104
def test_a_port_with_a_listener_is_stepped_around(host: str) -> None:
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port_from(port) != port
    assert free_port_from(port) == port


def test_free_ports_are_as_many_as_asked_for_and_all_different() -> None:
    assert len(set(free_ports(20))) == 20
