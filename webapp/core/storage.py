"""The bucket, for all who need it. Signing is arithmetic; what goes over the network runs in a thread."""

import asyncio
import errno
import io
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec
import structlog
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from webapp.core import s3
from webapp.core.erasing import Erased, erase
from webapp.core.errors import Unavailable
from webapp.core.settings import Settings

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Parts of 64 MB: few enough requests for a large file, small enough that one broken part costs little.
_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20)
# How our own sound is stored: chunks of a recording.
_OURS = "audio/flac"


class Presigned(msgspec.Struct, frozen=True):
    """How a browser or program sends one file: form `fields` for POST (the file last), `headers` for PUT."""

    method: str
    url: str
    fields: dict[str, str]
    headers: dict[str, str]


class StoredObject(msgspec.Struct, frozen=True):
    size: int
    etag: str


class StoredKey(msgspec.Struct, frozen=True):
    key: str
    modified: datetime


class Storage:
    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._settings = settings
        self._inside = s3.connect(settings, settings.s3_endpoint_url)
        self._bulk = s3.connect(settings, settings.s3_endpoint_url, patience=60)
        self._outside = s3.connect(settings, settings.s3_public_endpoint_url or settings.s3_endpoint_url)
        # Of its own: a storage that hangs must not take the threads that everything else uses.
        self._threads = ThreadPoolExecutor(s3.THREADS, thread_name_prefix="storage")

    @property
    def browser_origin(self) -> str:
        """The origin that pages must be allowed to send files to."""
        scheme, _, rest = self._bucket_url().partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def presign_post(
        self, key: str, content_type: str, sizes: tuple[int, int], redirect: str | None = None
    ) -> Presigned:
        """The policy fixes key, type, sizes and the way back; each field needs a condition of its own."""
        answer = {"success_action_redirect": redirect} if redirect else {"success_action_status": "201"}
        fields = {"Content-Type": content_type, **answer}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", *sizes])
        signed = self._outside.generate_presigned_post(
            self.bucket, key, fields, conditions, ExpiresIn=self._settings.upload_expires_s
        )
        return Presigned("POST", signed["url"], signed["fields"], {})

    def presign_put(self, key: str, content_type: str, size: int) -> Presigned:
        """Type and exact length are among the signed headers, so the store refuses any other."""
        url = self._outside.generate_presigned_url(
            "put_object",
            {
                "Bucket": self.bucket,
                "Key": key,
                "ContentType": content_type,
                "ContentLength": size,
            },
            ExpiresIn=self._settings.upload_expires_s,
        )
        return Presigned("PUT", url, {}, {"Content-Type": content_type})

    async def head(self, key: str) -> StoredObject | None:
        try:
            facts = await self._call(self._inside.head_object, Bucket=self.bucket, Key=key)
        except ClientError as problem:
            s3.allow_absence(problem)
            return None
        return StoredObject(facts["ContentLength"], facts["ETag"].strip('"'))

    async def copy(self, source: str, target: str, etag: str) -> StoredObject | None:
        """None if the source is gone or no longer the object with this ETag."""
        try:
            await self._call(
                self._bulk.copy,
                {"Bucket": self.bucket, "Key": source},
                self.bucket,
                target,
                ExtraArgs={"CopySourceIfMatch": etag},
                Config=_TRANSFER,
            )
        except ClientError as problem:
            s3.allow_absence(problem)
            return None
        return await self.head(target)

    async def download(self, key: str, path: Path, etag: str | None = None) -> bool:
        """False if the object is gone or, where an ETag is given, was replaced."""
        try:
            with _stopping() as stop:
                await self._call(self._fetch, key, path, etag, stop)
        except ClientError as problem:
            s3.allow_absence(problem)
            return False
        return True

    async def put(self, key: str, path: Path) -> None:
        """Stores sound of our own making."""
        with _stopping() as stop:
            await self._call(self._send, key, path, stop)

    async def remove(self, prefix: str) -> Erased:
        """Every version: of all below a prefix that ends with a slash, or of the object with that key."""
        if prefix.count("/") < 2:
            raise ValueError(f"{prefix!r} is more than anything of ours is called")
        return await self._call(erase, self._inside, self.bucket, prefix)

    async def listed(self, prefix: str) -> AsyncIterator[list[StoredKey]]:
        """Page by page."""
        more: dict[str, Any] = {}
        while True:
            page = await self._call(self._inside.list_objects_v2, Bucket=self.bucket, Prefix=prefix, **more)
            yield [StoredKey(each["Key"], each["LastModified"]) for each in page.get("Contents", [])]
            if "NextContinuationToken" not in page:
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, *keys: str) -> None:
        for key in keys:
            await self._call(self._inside.delete_object, Bucket=self.bucket, Key=key)

    async def check(self) -> None:
        await self._call(self._inside.head_bucket, Bucket=self.bucket)

    def prepare_bucket(self, origins: Sequence[str]) -> None:
        """Set-up, not service: makes the bucket if it is not there, and its rules in any case."""
        s3.prepare(self._inside, self._settings, origins)

    def _fetch(self, key: str, path: Path, etag: str | None, stop: threading.Event) -> None:
        unchanged: dict[str, Any] = {} if etag is None else {"IfMatch": etag}
        answer = self._bulk.get_object(Bucket=self.bucket, Key=key, **unchanged)
        with path.open("wb") as file:
            for block in answer["Body"].iter_chunks(1 << 20):
                if stop.is_set():
                    return
                file.write(block)

    def _send(self, key: str, path: Path, stop: threading.Event) -> None:
        with _Stoppable(path, stop) as file:
            self._bulk.put_object(Bucket=self.bucket, Key=key, Body=file, ContentType=_OURS)

    def _bucket_url(self) -> str:
        return str(self._outside.generate_presigned_post(self.bucket, "any", ExpiresIn=60)["url"])

    async def _call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))
        except ClientError as problem:
            if s3.status(problem) in (401, 403):
                log.error("storage refuses us", problem=str(problem))
                raise Unavailable(_REFUSED, code="storage_refused") from problem
            if s3.status(problem) < 500 and s3.status(problem) != 429:
                raise
            raise _away() from problem
        except (BotoCoreError, Boto3Error, ConnectionError) as problem:
            raise _away() from problem


def _without_following(path: str, flags: int) -> int:
    """A child that was taken over may have put something else in place of what it made: a link to the
    worker's secrets, or a pipe that nobody writes to."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file", path)
    return descriptor


class _Stoppable(io.FileIO):
    """A file whose reader is told to stop amid it."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        super().__init__(path, opener=_without_following)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise InterruptedError
        return super().read(-1 if size is None else size)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """A thread cannot be cancelled, but it can be asked."""
    stop = threading.Event()
    try:
        yield stop
    finally:
        stop.set()


_REFUSED = (
    "The storage for recordings refuses this server. Nothing is lost; tell whoever runs the server to look at"
    " its key, the rights of that key and the server's clock."
)


def _away() -> Unavailable:
    return Unavailable(
        "The storage for recordings does not answer. Nothing is lost; try again in a minute.",
        code="storage_unavailable",
    )
