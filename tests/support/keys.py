"""Requests that carry a key, and their answers."""

import httpx

JOBS, UPLOADS = "/api/v1/jobs", "/api/v1/uploads"
WISH = {"filename": "talk.flac", "size": 1000}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def replayed(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotency-replayed") == "true")
