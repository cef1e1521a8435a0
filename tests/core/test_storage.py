"""The bucket itself: what is put there is there, and what is removed is gone in every version."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from local.ports import LOOPBACK
from local.servers import Servers
from webapp.core.erasing import Erased
from webapp.core.errors import Unavailable
from webapp.core.settings import Settings
from webapp.core.storage import Storage

VERSIONED = "versioned"


@pytest.fixture
def prefix() -> str:
    return f"chunks/{uuid4()}/{uuid4()}/"


@pytest.fixture
def client(servers: Servers) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=servers.s3.url,
        aws_access_key_id=servers.s3.key,
        aws_secret_access_key=servers.s3.secret,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def storage(servers: Servers, settings: Settings) -> Storage:
    return Storage(settings)


@pytest.fixture
def versioned(client: Any, settings: Settings) -> Iterator[Storage]:
    client.create_bucket(Bucket=VERSIONED)
    client.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    yield Storage(replace(settings, s3_bucket=VERSIONED))
    client.delete_bucket(Bucket=VERSIONED)


def refuse(storage: Storage, operation: str, code: str, status: int, **answer: Any) -> None:
    """As a store would that does not know this request, or does not want it; all others are real."""
    error = {"Error": {"Code": code, "Message": code}} if code else {}
    parsed = {**error, **answer, "ResponseMetadata": {"HTTPStatusCode": status}}
    events: Any = storage._inside.meta.events
    events.register(f"before-call.s3.{operation}", lambda **_: (SimpleNamespace(status_code=status), parsed))


def put(client: Any, bucket: str, *keys: str) -> None:
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"sound")


def keys(client: Any, bucket: str, prefix: str) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


async def test_sound_of_ours_is_stored_and_fetched(storage: Storage, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "chunk").write_bytes(b"fLaC" * 100_000)
    await storage.put(f"{prefix}1-0", tmp_path / "chunk")
    assert await storage.download(f"{prefix}1-0", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == (tmp_path / "chunk").read_bytes()
    assert not await storage.download(f"{prefix}1-1", tmp_path / "none")
    head = await asyncio.to_thread(storage._inside.head_object, Bucket=storage.bucket, Key=f"{prefix}1-0")
    assert head["ContentType"] == "audio/flac"


async def test_storing_ends_when_it_is_cancelled(settings: Settings, prefix: str, tmp_path: Path) -> None:
    size, arrived, amid, over = 100 << 20, 0, asyncio.Event(), asyncio.Event()

    async def swallow_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        while block := await reader.read(1 << 16):
            arrived += len(block)
            if arrived > 1 << 20:
                amid.set()
            await asyncio.sleep(0.005)
        writer.close()
        over.set()

    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    server = await asyncio.start_server(swallow_slowly, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        storage = Storage(replace(settings, s3_endpoint_url=f"http://{LOOPBACK}:{port}"))
        storing = asyncio.create_task(storage.put(f"{prefix}1-0", tmp_path / "large"))
        await asyncio.wait_for(amid.wait(), 20)
        storing.cancel()
        await asyncio.wait_for(over.wait(), 10)
    assert arrived < size / 2


async def test_all_below_a_prefix_is_removed_and_nothing_else(
    storage: Storage, client: Any, prefix: str
) -> None:
    other = f"{prefix[:-1]}0/1-0"
    put(client, storage.bucket, f"{prefix}1-0", f"{prefix}1-1", other)
    assert await storage.remove(prefix) == Erased(objects=2, versions=2, bytes=10)
    assert keys(client, storage.bucket, prefix) == []
    assert keys(client, storage.bucket, other) == [other]
    assert await storage.remove(prefix) == Erased()


async def test_whole_key_is_not_taken_for_a_prefix(storage: Storage, client: Any, prefix: str) -> None:
    put(client, storage.bucket, f"{prefix}1-1", f"{prefix}1-10", f"{prefix}1-1/odd")
    assert (await storage.remove(f"{prefix}1-1")).objects == 1
    assert keys(client, storage.bucket, prefix) == [f"{prefix}1-1/odd", f"{prefix}1-10"]


@pytest.mark.parametrize("prefix", ["", "chunks/", "chunks"])
async def test_whole_bucket_is_never_removed(storage: Storage, prefix: str) -> None:
    with pytest.raises(ValueError, match="more than anything of ours"):
        await storage.remove(prefix)


async def test_every_version_and_marker_is_removed(versioned: Storage, client: Any, prefix: str) -> None:
    put(client, VERSIONED, f"{prefix}1-0", f"{prefix}1-0", f"{prefix}1-1", f"{prefix}1-10")
    client.delete_object(Bucket=VERSIONED, Key=f"{prefix}1-1")
    assert await versioned.remove(f"{prefix}1-1") == Erased(objects=1, versions=2, bytes=5)
    assert await versioned.remove(prefix) == Erased(objects=2, versions=3, bytes=15)
    left = client.list_object_versions(Bucket=VERSIONED, Prefix=prefix)
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


async def test_versions_on_many_pages_are_removed(versioned: Storage, client: Any, prefix: str) -> None:
    names = [f"{prefix}1-{index}" for index in range(5)]
    put(client, VERSIONED, *names, *names)
    events = versioned._inside.meta.events
    events.register(
        "before-parameter-build.s3.ListObjectVersions", lambda params, **_: params.update(MaxKeys=3)
    )
    assert await versioned.remove(prefix) == Erased(objects=5, versions=10, bytes=50)


async def test_parts_of_a_broken_off_upload_are_removed(storage: Storage, client: Any, prefix: str) -> None:
    for key in (f"{prefix}1-0", f"{prefix}1-00"):
        client.create_multipart_upload(Bucket=storage.bucket, Key=key)
    await storage.remove(f"{prefix}1-0")
    (left,) = client.list_multipart_uploads(Bucket=storage.bucket, Prefix=prefix)["Uploads"]
    assert left["Key"] == f"{prefix}1-00"


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("ListObjectVersions", "NotImplemented", 501),
        ("ListObjectVersions", "InvalidArgument", 400),
        ("DeleteObjects", "NotImplemented", 501),
        ("DeleteObjects", "MissingContentMD5", 400),
        ("ListMultipartUploads", "MethodNotAllowed", 405),
        ("ListMultipartUploads", "AccessDenied", 403),
    ],
)
async def test_stores_that_know_less_are_asked_in_another_way(
    storage: Storage, client: Any, prefix: str, operation: str, code: str, status: int
) -> None:
    refuse(storage, operation, code, status)
    put(client, storage.bucket, f"{prefix}1-0", f"{prefix}1-1")
    assert (await storage.remove(prefix)).objects == 2
    assert keys(client, storage.bucket, prefix) == []


async def test_object_left_out_of_a_batch_is_removed_by_itself(
    storage: Storage, client: Any, prefix: str
) -> None:
    put(client, storage.bucket, f"{prefix}1-0")
    refuse(storage, "DeleteObjects", "", 200, Errors=[{"Key": f"{prefix}1-0", "Code": "InternalError"}])
    await storage.remove(prefix)
    assert keys(client, storage.bucket, prefix) == []


async def test_store_that_refuses_is_not_taken_for_an_empty_one(storage: Storage, prefix: str) -> None:
    refuse(storage, "ListObjectVersions", "AccessDenied", 403)
    with pytest.raises(Unavailable) as refused:
        await storage.remove(prefix)
    assert refused.value.code == "storage_refused"


async def test_storage_that_is_away_is_called_so(servers: Servers, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "chunk").write_bytes(b"fLaC")
    key = f"chunks/{uuid4()}/1-0"
    servers.s3.stop()
    for call in (storage.remove(key), storage.put(key, tmp_path / "chunk"), anext(storage.listed(key))):
        with pytest.raises(Unavailable) as away:
            await call
        assert away.value.code == "storage_unavailable"


async def test_link_in_place_of_our_own_sound_is_not_followed(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password")
    (tmp_path / "0.flac").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        await storage.put("chunks/owner/job/1-0", tmp_path / "0.flac")
    assert await storage.head("chunks/owner/job/1-0") is None
