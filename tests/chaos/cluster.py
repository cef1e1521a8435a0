"""Two web processes, two workers, PostgreSQL, Valkey and SeaweedFS, all real and in a folder of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from local.ports import LOOPBACK, free_ports
from local.process import Server
from local.servers import Servers
from tests.chaos.services import GRACE_S, Service, web, worker
from tests.chaos.waiting import until
from tests.support.processes import ROOT
from webapp.core.background import beside
from webapp.core.settings import Settings
from webapp.core.storage import Storage

MODEL = "tiny.en"
LEASE_S = 8
SETTINGS = {
    "MODELS": MODEL,
    "CPU_THREADS": "1",
    "LEASE_S": str(LEASE_S),
    # In a batch with other company a score's last bits come out otherwise, and now and then a word with them.
    # Texts are held against the undisturbed ones to the letter.
    "ENGINE_BATCH": "1",
    "WORKER_CONCURRENCY": "1",
    "RETRY_DELAY_S": "1",
    "RETRY_MAX_DELAY_S": "5",
    # Each loss of a worker counts against what it worked on, and here a worker is lost every few seconds. An
    # innocent recording may meet that more often than in years of service. Work that is itself to blame
    # for the loss of its workers is given up after a few attempts, which has a test of its own.
    "JOB_ATTEMPTS": "60",
    # Often enough that workers start afresh in the midst of it.
    "WORKER_MAX_JOBS": "25",
    "SHUTDOWN_GRACE": str(GRACE_S),
    "HF_HUB_OFFLINE": "1",
}
READY_S = 90


class Cluster:
    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.servers = Servers(folder, durable=False)
        # Children inherit nothing but a few names, this one among them: by it they are known as ours.
        self.tmp = folder / "tmp"
        self.environ = {
            **self.servers.environ,
            **SETTINGS,
            "MODELS_DIR": str(models.resolve()),
            "TMPDIR": str(self.tmp),
        }
        self.settings = Settings.from_env(self.environ)
        # One fault at a time for each server; those of different servers may meet.
        self.locks = {server.name: threading.Lock() for server in self.servers.all}
        self.webs: list[Service] = []
        self.workers: list[Service] = []
        self.urls: list[str] = []
        self.token = ""

    @property
    def services(self) -> list[Service]:
        return [*self.webs, *self.workers]

    @property
    def logs(self) -> list[Path]:
        return [log for service in self.services for log in service.logs]

    def prepare(self) -> None:
        self.tmp.mkdir()
        self.run("webapp.core.migrate")
        Storage(self.settings).prepare_bucket(["http://testserver.local"])
        self.token = self.run("webapp.core.token", "chaos").strip()
        logs, ports = self.folder / "logs", free_ports(2)
        self.urls = [f"http://{LOOPBACK}:{port}" for port in ports]
        self.webs = [web(f"web{n}", port, logs, self.environ) for n, port in enumerate(ports, 1)]
        self.workers = [worker(f"worker{n}", logs, self.environ) for n in (1, 2)]

    async def ready(self) -> None:
        """Every web process answers, and every worker has said that it takes work."""
        assert await until(self._all_well, READY_S), "the cluster does not get well"

    async def heal(self) -> None:
        """Everything runs again, and nothing is frozen any more."""
        for server in self.servers.all:
            await asyncio.to_thread(self.start, server)
        for service in self.services:
            for process in service.tree():
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGCONT)
        await self.ready()

    async def _all_well(self) -> bool:
        async with httpx.AsyncClient(timeout=5) as http:
            answers = [await _answers(http, f"{url}/api/v1/health/ready") for url in self.urls]
        return all(answers) and all(worker.process.said("worker ready") for worker in self.workers)

    def start(self, server: Server) -> None:
        with self.locks[server.name]:
            server.start()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.servers.postgres.url, timeout=5, command_timeout=20)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    def note(self, words: str) -> None:
        """Beside the logs of all processes, to be read together with them."""
        with (self.folder / "logs" / "faults.txt").open("a") as notes:
            notes.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {words}\n")

    def run(self, module: str, *words: str) -> str:
        """A command with the settings of this cluster; what it prints."""
        environ = os.environ | self.environ
        command = [sys.executable, "-m", module, *words]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@asynccontextmanager
async def running(models: Path) -> AsyncIterator[Cluster]:
    """Its folder, with all logs, is for the caller to remove."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="audiotext-chaos-")), models)
    with cluster.servers:
        cluster.prepare()
        async with _served(cluster):
            await cluster.ready()
            yield cluster


@asynccontextmanager
async def _served(cluster: Cluster) -> AsyncIterator[None]:
    for service in cluster.services:
        service.start()
    try:
        async with beside(_keep_all(cluster.services)):
            yield
    finally:
        await asyncio.gather(*(service.stop() for service in cluster.services))


async def _keep_all(services: list[Service]) -> None:
    await asyncio.gather(*(service.keep() for service in services))


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False
