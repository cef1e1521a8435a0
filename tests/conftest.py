"""Fixtures for all tests. The servers are real, on free ports, in a folder that is thrown away."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from local import chromium
from local.models import ensure
from local.servers import Servers
from tests.support.slate import wipe
from tests.support.speech import Speech
from webapp.core.database import Database, open_database
from webapp.core.settings import Settings, get_settings
from webapp.core.storage import Storage

pytest_plugins = ["tests.support.domain"]

ROOT = Path(__file__).parents[1]
ORIGIN = "http://testserver.local"

# Settings are read as modules are imported, so the environment is complete before the first
# test module is. The servers themselves start when a test first asks for them.
_folder = Path(tempfile.mkdtemp(prefix="audiotext-tests-"))
_servers = Servers(_folder, durable=False)
os.environ.update(
    _servers.environ,
    MODELS="base,tiny.en",
    MODELS_DIR=str(ROOT / ".data" / "models"),
    # However many cores there are: which engine has what is known, and many workers fit in.
    WORKER_CONCURRENCY="1",
    HF_HUB_OFFLINE="1",
    ORT_DISABLE_TELEMETRY="1",
)


def pytest_unconfigure() -> None:
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return get_settings()


@pytest.fixture(scope="session")
def servers(settings: Settings) -> Iterator[Servers]:
    """PostgreSQL, migrated; Valkey; S3 with its bucket. Each can be killed and started again."""
    with _servers:
        subprocess.run([sys.executable, "-m", "webapp.core.migrate"], cwd=ROOT, check=True)
        Storage(settings).prepare_bucket([ORIGIN])
        yield _servers


@pytest.fixture(autouse=True)
def _clean_slate(request: pytest.FixtureRequest) -> None:
    """A test that uses the servers, however indirectly, finds tables and Redis empty."""
    if "servers" in request.fixturenames:
        wipe(request.getfixturevalue("servers"))


@pytest_asyncio.fixture(loop_scope="session")
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with open_database() as engine:
        yield engine


@pytest.fixture(scope="session")
def tiny_model(settings: Settings) -> Path:
    return ensure("tiny.en", settings.models_dir)


@pytest.fixture(scope="session")
def base_model(settings: Settings) -> Path:
    return ensure("base", settings.models_dir)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    return chromium.ensure()


@pytest.fixture(scope="session")
def speech() -> Speech:
    return Speech(ROOT / "tests" / "data")
