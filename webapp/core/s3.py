"""How we speak to S3: the client, and what its errors mean."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from webapp.core.bucket_rules import cors, lifecycle
from webapp.core.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

THREADS = 16
_ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchVersion", "NoSuchUpload", "412", "PreconditionFailed"}
# What stores answer that do not know a request which others do.
_UNKNOWN = {"NotImplemented", "MethodNotAllowed", "InvalidArgument", "InvalidRequest", "MalformedXML"}
_UNKNOWN_STATUSES = {400, 405, 501}


def connect(settings: Settings, endpoint: str | None, *, patience: int = 8) -> "S3Client":
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
            max_pool_connections=THREADS,
        ),
    )
    return client


def prepare(client: "S3Client", settings: Settings, origins: Sequence[str]) -> None:
    try:
        client.head_bucket(Bucket=settings.s3_bucket)
    except ClientError as problem:
        allow_absence(problem)
        client.create_bucket(Bucket=settings.s3_bucket, **_location(settings))
    client.put_bucket_cors(Bucket=settings.s3_bucket, CORSConfiguration=cors(origins))  # type: ignore[arg-type]
    client.put_bucket_lifecycle_configuration(
        Bucket=settings.s3_bucket,
        LifecycleConfiguration=lifecycle(settings.abandoned_upload_days),  # type: ignore[arg-type]
    )


def status(problem: ClientError) -> int:
    return int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


def allow_absence(problem: ClientError) -> None:
    if _code(problem) not in _ABSENT:
        raise problem


def allow_ignorance(problem: ClientError) -> None:
    """Not every store knows every request: what comes after this is another way to the same end."""
    if _code(problem) not in _UNKNOWN and status(problem) not in _UNKNOWN_STATUSES:
        raise problem


def _code(problem: ClientError) -> str:
    return str(problem.response.get("Error", {}).get("Code"))


def _location(settings: Settings) -> dict[str, Any]:
    """us-east-1 is the one region that must not be named."""
    if settings.s3_region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": settings.s3_region}}
