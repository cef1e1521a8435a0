"""The bucket. Nothing else speaks S3. Signing is arithmetic; what goes over the network runs in a thread."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import boto3
import msgspec
import structlog
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from webapp.core.bucket_rules import cors, lifecycle
from webapp.core.errors import Unavailable
from webapp.core.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 16
# Parts of 64 MB: few enough requests for a large file, small enough that one broken part costs little.
_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20)
_ABSENT = {"404", "NoSuchKey", "NotFound", "412", "PreconditionFailed"}


class Presigned(msgspec.Struct, frozen=True):
    """How a browser or program sends one file: form `fields` for POST (the file last), `headers` for PUT."""

    method: str
    url: str
    fields: dict[str, str]
    headers: dict[str, str]


class StoredObject(msgspec.Struct, frozen=True):
    size: int
    etag: str


class Storage:
    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._settings = settings
        self._inside = _client(settings, settings.s3_endpoint_url)
        self._bulk = _client(settings, settings.s3_endpoint_url, patience=60)
        self._outside = _client(settings, settings.s3_public_endpoint_url or settings.s3_endpoint_url)
        # Of its own: a storage that hangs must not take the threads that everything else uses.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")

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
            _allow_absence(problem)
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
            _allow_absence(problem)
            return None
        return await self.head(target)

    async def download(self, key: str, path: Path, etag: str) -> bool:
        """False if the object is gone or was replaced."""
        stop = threading.Event()
        try:
            await self._call(self._fetch, key, path, etag, stop)
        except ClientError as problem:
            _allow_absence(problem)
            return False
        finally:
            stop.set()  # a thread cannot be cancelled, but it can be asked
        return True

    async def delete(self, *keys: str) -> None:
        for key in keys:
            await self._call(self._inside.delete_object, Bucket=self.bucket, Key=key)

    async def check(self) -> None:
        await self._call(self._inside.head_bucket, Bucket=self.bucket)

    def prepare_bucket(self, origins: Sequence[str]) -> None:
        """Set-up, not service: makes the bucket if it is not there, and its rules in any case."""
        _prepare(self._inside, self._settings, origins)

    def _fetch(self, key: str, path: Path, etag: str, stop: threading.Event) -> None:
        answer = self._bulk.get_object(Bucket=self.bucket, Key=key, IfMatch=etag)
        with path.open("wb") as file:
            for block in answer["Body"].iter_chunks(1 << 20):
                if stop.is_set():
                    return
                file.write(block)

    def _bucket_url(self) -> str:
        return str(self._outside.generate_presigned_post(self.bucket, "any", ExpiresIn=60)["url"])

    async def _call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, partial(call, *args, **kwargs))
        except ClientError as problem:
            if _status(problem) in (401, 403):
                log.error("storage refuses us", problem=str(problem))
                raise Unavailable(_REFUSED, code="storage_refused") from problem
            if _status(problem) < 500:
                raise
            raise _away() from problem
        except (BotoCoreError, Boto3Error, ConnectionError) as problem:
            raise _away() from problem


def _client(settings: Settings, endpoint: str | None, *, patience: int = 8) -> "S3Client":
    """`patience`: seconds without a byte after which a request is given up; it is tried twice."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=settings.s3_secret_access_key,
        config=Config(
            # Without this boto3 signs POST policies the old way, which most stores refuse.
            signature_version="s3v4",
            s3={"addressing_style": settings.s3_addressing_style},  # type: ignore[arg-type]
            # Several stores refuse the trailing checksums that boto3 adds by default.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=min(patience, 5),
            read_timeout=patience,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=_THREADS,
        ),
    )
    return client


def _prepare(client: "S3Client", settings: Settings, origins: Sequence[str]) -> None:
    try:
        client.head_bucket(Bucket=settings.s3_bucket)
    except ClientError as problem:
        _allow_absence(problem)
        client.create_bucket(Bucket=settings.s3_bucket, **_location(settings))
    client.put_bucket_cors(Bucket=settings.s3_bucket, CORSConfiguration=cors(origins))  # type: ignore[arg-type]
    client.put_bucket_lifecycle_configuration(
        Bucket=settings.s3_bucket,
        LifecycleConfiguration=lifecycle(settings.abandoned_upload_days),  # type: ignore[arg-type]
    )


def _location(settings: Settings) -> dict[str, Any]:
    """us-east-1 is the one region that must not be named."""
    if settings.s3_region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": settings.s3_region}}


def _status(problem: ClientError) -> int:
    return int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


def _allow_absence(problem: ClientError) -> None:
    if problem.response.get("Error", {}).get("Code") not in _ABSENT:
        raise problem


_REFUSED = (
    "The storage for recordings refuses this server. Nothing is lost; tell whoever runs the server to look at"
    " its key, the rights of that key and the server's clock."
)


def _away() -> Unavailable:
    return Unavailable(
        "The storage for recordings does not answer. Nothing is lost; try again in a minute.",
        code="storage_unavailable",
    )
