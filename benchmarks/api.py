"""Requests per second and how long they take: the five main calls of the API, alone and mixed, beside
`/health/live`, which does nothing but go through server and framework.

Run: python -m benchmarks.api [--seconds 8] [--connections 8]

The files are in the storage already: "create job" has it look for them, copy and delete. In the mix the
upload is one that a job was made of before.
"""

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
from typing import Any, NamedTuple
from uuid import UUID

import httpx

from benchmarks import fill
from benchmarks.instance import instance, visit
from benchmarks.serving import ROOT, Serving, serving
from webapp.api.schemas import API
from webapp.core import accounts, jobs, uploads
from webapp.core.house import House

JOBS = 500
FLOOR, CREATE = "/health/live", "create job"
# In the mix: for each upload and job that is made, so often the others are asked.
MIX = ("create upload", CREATE, *("read job",) * 4, *("list jobs",) * 2, *("read transcript",) * 2)
UPLOADS = 400
CONTENT = b"x" * 1000


class Call(NamedTuple):
    method: str
    path: str
    body: object = None

    def raw(self, token: str) -> bytes:
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: benchmark\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    with instance() as folder:
        token, calls = asyncio.run(_prepare())
        with serving(folder) as server:
            _report(server, token, calls, arguments)


def _report(server: Serving, token: str, calls: dict[str, list[Call]], arguments: argparse.Namespace) -> None:
    print("| call | requests per second | p50, ms | p99, ms | requests per second, ratio |")
    print("|---|---|---|---|---|")
    floor = 0.0
    for name, wanted in calls.items():
        found = _load(server, [each.raw(token) for each in wanted], once=name == CREATE, wanted=arguments)
        rate = len(found["taken"]) / found["seconds"]
        floor = floor or rate
        cuts = statistics.quantiles(found["taken"], n=100)
        print(f"| {name} | {rate:,.0f} | {cuts[49]:.1f} | {cuts[98]:.1f} | {rate / floor:.2f} |", flush=True)


def _load(server: Serving, requests: list[bytes], *, once: bool, wanted: argparse.Namespace) -> Any:
    told = {
        "port": server.port,
        "seconds": wanted.seconds,
        "connections": wanted.connections,
        "once": once,
        "requests": [base64.b64encode(request).decode() for request in requests],
    }
    load = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=ROOT,
        input=json.dumps(told).encode() + b"\n",
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(load.stdout)


async def _prepare() -> tuple[str, dict[str, list[Call]]]:
    async with visit() as (house, owner):
        await fill.finished_jobs([owner], JOBS)
        _, token = await accounts.issue_token(owner, "benchmark")
        made = (await jobs.page(owner, limit=100)).jobs
        known = [_creation(job.upload) for job in made]
        calls = _calls([job.id for job in made], [_creation(each) for each in await _arrived(house, owner)])
    again = {**calls, CREATE: known}
    mixed = [again[name][number % len(again[name])] for number in range(100) for name in MIX]
    return token, {FLOOR: [Call("GET", FLOOR)], **calls, "mixed": mixed}


async def _arrived(house: House, owner: UUID) -> list[UUID]:
    """Uploads whose files are there."""
    async with httpx.AsyncClient() as client:
        return [await _send(house, owner, client) for _ in range(UPLOADS)]


async def _send(house: House, owner: UUID, client: httpx.AsyncClient) -> UUID:
    upload, form = await uploads.prepare(house, owner, "talk.flac", "audio/flac", len(CONTENT))
    (await client.post(form.url, data=form.fields, files={"file": CONTENT})).raise_for_status()
    found: UUID = upload.id
    return found


def _creation(upload: UUID) -> Call:
    return Call("POST", f"{API}/jobs", {"upload": str(upload)})


def _calls(made: list[UUID], creations: list[Call]) -> dict[str, list[Call]]:
    upload = {"filename": "talk.flac", "content_type": "audio/flac", "size": 1_000_000}
    return {
        "create upload": [Call("POST", f"{API}/uploads", upload)],
        "read job": [Call("GET", f"{API}/jobs/{each}") for each in made],
        "list jobs": [Call("GET", f"{API}/jobs")],
        "read transcript": [Call("GET", f"{API}/jobs/{each}/transcript") for each in made],
        CREATE: creations,
    }


if __name__ == "__main__":
    main()
