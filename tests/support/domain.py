"""The domain over real servers: an owner, and recordings that have arrived in the bucket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from local.servers import Servers
from tests.support.speech import Speech
from webapp.core import accounts, jobs, uploads
from webapp.core.house import House, open_house
from webapp.core.options import WantedOptions
from webapp.core.settings import Settings
from webapp.core.storage import Presigned
from webapp.core.tables import Job, Upload

Arrive = Callable[..., Awaitable[Upload]]
Submit = Callable[..., Awaitable[Job]]


@pytest_asyncio.fixture(loop_scope="session")
async def house(servers: Servers, settings: Settings) -> AsyncIterator[House]:
    async with open_house(settings) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def owner(house: House) -> UUID:
    return (await accounts.open_space(1))[0]


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(house: House) -> UUID:
    return (await accounts.open_space(1))[0]


async def send(presigned: Presigned, content: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        if presigned.method == "PUT":
            return await client.put(presigned.url, content=content, headers=presigned.headers)
        return await client.post(presigned.url, data=presigned.fields, files={"file": content})


@pytest.fixture
def arrive(house: House, owner: UUID, speech: Speech) -> Arrive:
    async def upload(path: Path | None = None, name: str = "talk.flac") -> Upload:
        content = (path or speech["jfk.flac"]).read_bytes()
        made, presigned = await uploads.prepare(house, owner, name, "audio/flac", len(content))
        (await send(presigned, content)).raise_for_status()
        return made

    return upload


@pytest.fixture
def submit(house: House, owner: UUID, arrive: Arrive) -> Submit:
    async def job(path: Path | None = None, **options: object) -> Job:
        wanted = WantedOptions(**options)  # type: ignore[arg-type]
        return (await jobs.submit(house, owner, await arrive(path), wanted))[0]

    return job
