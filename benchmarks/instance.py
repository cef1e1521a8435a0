"""Real servers and real workers for a benchmark, in a folder that is thrown away."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import httpx

from local.models import ensure
from local.process import die_with_parent
from local.servers import Servers
from webapp.core import accounts, jobs, uploads
from webapp.core.house import House, open_house
from webapp.core.options import WantedOptions
from webapp.core.settings import get_settings
from webapp.core.storage import Storage
from webapp.core.tables import Job

ROOT = Path(__file__).parents[1]
MODELS = ROOT / ".data" / "models"
READY_S = 180


@contextmanager
def instance(*models: str, **environ: str) -> Iterator[Path]:
    """Sets the environment of this process, too: call it before anything reads the settings."""
    with (
        tempfile.TemporaryDirectory(prefix="audiotext-benchmark-") as folder,
        _many_connections(Servers(Path(folder), durable=False)) as servers,
    ):
        os.environ.update(
            servers.environ,
            MODELS=",".join(models),
            MODELS_DIR=str(MODELS),
            HF_HUB_OFFLINE="1",
            LOG_LEVEL="warning",
            **environ,
        )
        for model in models:
            ensure(model, MODELS)
        migrate = [sys.executable, "-m", "webapp.core.migrate"]
        subprocess.run(migrate, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        Storage(get_settings()).prepare_bucket(["http://127.0.0.1"])
        yield Path(folder)


def _many_connections(servers: Servers) -> Servers:
    """Of 64 workers each has some."""
    servers.postgres.connections = 300
    return servers


@contextmanager
def workers(
    count: int,
    folder: Path,
    command: Sequence[str] = ("-m", "saq", "tasks.settings"),
    environ: Mapping[str, str] | None = None,
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """All of them ready: their engines are warm."""
    started: list[subprocess.Popen[bytes]] = []
    logs = [folder / f"worker-{time.monotonic_ns()}-{number}.log" for number in range(count)]
    try:
        started.extend(_start(log, command, environ or {}) for log in logs)
        _wait_until_ready(started, logs)
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(40)


@asynccontextmanager
async def visit() -> AsyncIterator[tuple[House, UUID]]:
    async with open_house(get_settings()) as house:
        yield house, (await accounts.open_space(1))[0]


async def submit(house: House, owner: UUID, path: Path, **options: object) -> Job:
    content = await asyncio.to_thread(path.read_bytes)
    upload, presigned = await uploads.prepare(house, owner, path.name, "audio/flac", len(content))
    async with httpx.AsyncClient(timeout=120) as client:
        sent = await client.post(presigned.url, data=presigned.fields, files={"file": content})
        sent.raise_for_status()
    return (await jobs.submit(house, owner, upload, WantedOptions(**options)))[0]  # type: ignore[arg-type]


def _start(log: Path, command: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"LOG_LEVEL": "info"} | dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )


def _wait_until_ready(started: Sequence["subprocess.Popen[bytes]"], logs: Sequence[Path]) -> None:
    deadline = time.monotonic() + READY_S
    for process, log in zip(started, logs, strict=True):
        while b"worker ready" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"A worker did not get ready:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
