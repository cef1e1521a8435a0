"""Where objects lie in the bucket, and the rules that the bucket keeps by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

INCOMING = "uploads/"
KEPT = "recordings/"
CHUNKS = "chunks/"

# We remove the sound of a chunk ourselves. Should that fail for good, or nobody ever try the job again, the
# bucket does; a chunk whose sound is gone is cut out of the recording anew.
CHUNK_DAYS = 14


def cors(origins: Sequence[str]) -> Mapping[str, Any]:
    rule = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["POST", "PUT", "GET", "HEAD"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3000,
    }
    return {"CORSRules": [rule]}


def lifecycle(days: int) -> Mapping[str, Any]:
    """A recording that became a job has been copied out of the incoming prefix by then."""
    rule = {
        "ID": "abandoned-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": INCOMING},
        "Expiration": {"Days": days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    # A copy of a large recording that was broken off leaves parts that nobody sees, but that cost.
    broken_off = {
        "ID": "broken-off-copies",
        "Status": "Enabled",
        "Filter": {"Prefix": KEPT},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    chunks = {
        "ID": "sound-of-chunks",
        "Status": "Enabled",
        "Filter": {"Prefix": CHUNKS},
        "Expiration": {"Days": CHUNK_DAYS},
    }
    return {"Rules": [rule, broken_off, chunks]}
