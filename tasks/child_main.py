"""The engine's process: takes requests over one socket and may be killed at any moment."""

import faulthandler
import logging
import os
import socket
import sys
import threading
from queue import SimpleQueue

from tasks.confinement import confine
from tasks.engine import Engine, EngineError, is_out_of_memory
from tasks.media import MediaError
from tasks.protocol import (
    HEADER_SIZE,
    Failed,
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
from tasks.transcription import Transcription

log = logging.getLogger(__name__)


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


def main() -> None:
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="engine: %(message)s")
    for chatty in ("faster_whisper", "httpx", "huggingface_hub"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    connection = Connection(socket.socket(fileno=int(sys.argv[1])))
    config = read_config(connection.receive())
    confine(config.memory_mb)
    requests: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    engine = Engine(config)
    connection.send(Ready())
    while True:
        _serve(requests.get(), engine, connection)


def _listen(connection: Connection, requests: SimpleQueue[Request]) -> None:
    """On a thread of its own, so that the worker's death is noticed amid a computation."""
    try:
        while True:
            requests.put(read_request(connection.receive()))
    except (EOFError, OSError):
        os._exit(0)


def _serve(request: Request, engine: Engine, connection: Connection) -> None:
    try:
        if isinstance(request, Load):
            model = engine.model(request.model)
            connection.send(Loaded(request.model, model.device, model.compute_type))
        else:
            Transcription(request, engine, connection.send).run()
    except MediaError as error:
        connection.send(Failed(code=error.code, message=error.message, permanent=True))
    except EngineError as error:
        connection.send(Failed(code=error.code, message=error.message, permanent=error.permanent))
    except Exception as error:  # the worker must hear of it, whatever it is
        connection.send(_unforeseen(error))


def _unforeseen(error: Exception) -> Failed:
    if is_out_of_memory(error):
        return Failed(
            code="out_of_memory",
            message="This recording or model needs more memory than one job gets on this server. "
            "Choose a smaller model and try again.",
            permanent=False,
        )
    log.error("A request failed", exc_info=error)
    return Failed(
        code="engine_failed",
        message="The engine stumbled over this recording. Try again; if it happens once more, "
        "save the recording in another format and upload that.",
        permanent=False,
    )


if __name__ == "__main__":
    main()
