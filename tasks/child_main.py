"""A child of the worker: takes requests over one socket and may be killed at any moment."""

import faulthandler
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue

from tasks.confinement import confine
from tasks.problems import failure
from tasks.protocol import (
    HEADER_SIZE,
    ChildConfig,
    Cut,
    CutOut,
    Drop,
    Hear,
    Load,
    Loaded,
    Ready,
    Reply,
    Request,
    frame,
    read_config,
    read_header,
    read_request,
)

Requests = SimpleQueue[tuple[int, Request]]
Service = Callable[[Requests], None]


class Connection:
    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._file = end.makefile("rb")

    def send(self, ticket: int, message: Reply) -> None:
        self._end.sendall(frame(message, ticket))

    def receive(self) -> tuple[int, bytes]:
        size, ticket = read_header(self._read(HEADER_SIZE))
        return ticket, self._read(size)

    def _read(self, size: int) -> bytes:
        read = self._file.read(size)
        if len(read) < size:
            raise EOFError("the worker has closed the connection")
        return read


def main(kind: str, descriptor: int) -> None:
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format=f"{kind}: %(message)s")
    for chatty in ("faster_whisper", "httpx", "huggingface_hub"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    connection = Connection(socket.socket(fileno=descriptor))
    config = read_config(connection.receive()[1])
    confine(config.memory_mb)
    requests: Requests = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    serve = _SERVICES[kind](config, connection)
    connection.send(0, Ready())
    while True:
        serve(requests)


def _decoder(config: ChildConfig, connection: Connection) -> Service:
    from tasks.cutting import Cutter

    def serve(requests: Requests) -> None:
        ticket, request = requests.get()
        cutter = Cutter(config, partial(connection.send, ticket))
        with _told(ticket, connection):
            match request:
                case Cut():
                    cutter.cut(request)
                case CutOut():
                    cutter.cut_out(request)

    return serve


def _engine(config: ChildConfig, connection: Connection) -> Service:
    from tasks.hearing import Hearings
    from tasks.models import Models

    models = Models(config)
    hearings = Hearings(config, models, connection.send)

    def take(ticket: int, request: Request) -> None:
        match request:
            case Load(name):
                model = models.get(name)
                connection.send(ticket, Loaded(name, model.device, model.compute_type))
            case Hear():
                hearings.begin(ticket, request)
            case Drop():
                hearings.drop(ticket)

    def serve(requests: Requests) -> None:
        """What has come in meanwhile joins before the next step."""
        while not hearings.busy or not requests.empty():
            ticket, request = requests.get()
            with _told(ticket, connection):
                take(ticket, request)
        hearings.step()

    return serve


_SERVICES = {"decoder": _decoder, "engine": _engine}


def _listen(connection: Connection, requests: Requests) -> None:
    """On a thread of its own, so that the worker's death is noticed amid a computation."""
    try:
        while True:
            ticket, body = connection.receive()
            requests.put((ticket, read_request(body)))
    except (EOFError, OSError):
        os._exit(0)


@contextmanager
def _told(ticket: int, connection: Connection) -> Iterator[None]:
    """The worker must hear of an error, whatever it is."""
    try:
        yield
    except Exception as error:
        connection.send(ticket, failure(error))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
