"""A child of the worker: takes requests over one socket and may be killed at any moment."""

import faulthandler
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue

from tasks.confinement import confine
from tasks.problems import failure
from tasks.protocol import (
    HEADER_SIZE,
    ChildConfig,
    Cut,
    CutOut,
    Hear,
    Load,
    Loaded,
    Ready,
    Reply,
    Request,
    body_size,
    frame,
    read_config,
    read_request,
)

Service = Callable[[Request], None]


class Connection:
    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._file = end.makefile("rb")

    def send(self, message: Reply) -> None:
        self._end.sendall(frame(message))

    def receive(self) -> bytes:
        header = self._read(HEADER_SIZE)
        return self._read(body_size(header))

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
    config = read_config(connection.receive())
    confine(config.memory_mb)
    requests: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    serve = _SERVICES[kind](config, connection)
    connection.send(Ready())
    while True:
        _served(serve, requests.get(), connection)


def _decoder(config: ChildConfig, connection: Connection) -> Service:
    from tasks.cutting import Cutter

    cutter = Cutter(config, connection.send)

    def serve(request: Request) -> None:
        match request:
            case Cut():
                cutter.cut(request)
            case CutOut():
                cutter.cut_out(request)

    return serve


def _engine(config: ChildConfig, connection: Connection) -> Service:
    from tasks.engine import Engine
    from tasks.hearing import Hearing

    engine = Engine(config)

    def serve(request: Request) -> None:
        match request:
            case Load(name):
                model = engine.model(name)
                connection.send(Loaded(name, model.device, model.compute_type))
            case Hear():
                Hearing(request, engine, connection.send).run()

    return serve


_SERVICES = {"decoder": _decoder, "engine": _engine}


def _listen(connection: Connection, requests: SimpleQueue[Request]) -> None:
    """On a thread of its own, so that the worker's death is noticed amid a computation."""
    try:
        while True:
            requests.put(read_request(connection.receive()))
    except (EOFError, OSError):
        os._exit(0)


def _served(serve: Service, request: Request, connection: Connection) -> None:
    try:
        serve(request)
    except Exception as error:  # the worker must hear of it, whatever it is
        connection.send(failure(error))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
