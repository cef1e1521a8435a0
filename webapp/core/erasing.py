"""Takes objects out of the bucket for good: every version of them, and what a broken-off upload left.

Stores differ in what they know. One without versions is asked for objects, and one that cannot delete many at
once is asked for each.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from webapp.core.s3 import allow_absence, allow_ignorance, status

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_MOST_AT_ONCE = 1000


class Erased(msgspec.Struct, frozen=True):
    """`versions` counts all of each object, and the markers that earlier deletions left."""

    objects: int = 0
    versions: int = 0
    bytes: int = 0

    def plus(self, other: "Erased") -> "Erased":
        return Erased(self.objects + other.objects, self.versions + other.versions, self.bytes + other.bytes)


def erase(client: "S3Client", bucket: str, prefix: str) -> Erased:
    """All that lies below a prefix with a slash at its end. Without one it is a whole key, and others that
    only begin like it are left alone."""
    _abort_uploads(client, bucket, prefix)
    keys: set[str] = set()
    versions = size = 0
    for page in _listed(client, bucket, prefix):
        found = [each for each in page if _meant(each, prefix)]
        for first in range(0, len(found), _MOST_AT_ONCE):
            _delete(client, bucket, found[first : first + _MOST_AT_ONCE])
        keys.update(each["Key"] for each in found)
        versions += len(found)
        size += sum(each.get("Size", 0) for each in found)
    return Erased(len(keys), versions, size)


def _listed(client: "S3Client", bucket: str, prefix: str) -> Iterator[list[Any]]:
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            yield [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    except ClientError as problem:
        allow_ignorance(problem)
        for objects in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield [*objects.get("Contents", [])]


def _delete(client: "S3Client", bucket: str, found: list[Any]) -> None:
    named: list[Any] = [_name(each) for each in found]
    try:
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
        left: list[Any] = [_name(each) for each in answer.get("Errors", [])]
    except ClientError as problem:
        allow_ignorance(problem)
        left = named
    for name in left:
        try:
            client.delete_object(Bucket=bucket, **name)
        except ClientError as problem:
            allow_absence(problem)


def _abort_uploads(client: "S3Client", bucket: str, prefix: str) -> None:
    """Where the store or our key does not let us, the bucket's own rule does it."""
    try:
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Uploads", []):
                if _meant(each, prefix):
                    _abort(client, bucket, each)
    except ClientError as problem:
        if status(problem) != 403:
            allow_ignorance(problem)


def _abort(client: "S3Client", bucket: str, upload: Any) -> None:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    except ClientError as problem:
        allow_absence(problem)


def _meant(found: Any, prefix: str) -> bool:
    return prefix.endswith("/") or found["Key"] == prefix


def _name(found: Any) -> dict[str, str]:
    return {part: found[part] for part in ("Key", "VersionId") if found.get(part)}
