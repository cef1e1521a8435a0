"""A short run of everything, each fault at least once; and proof that its audit can fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.chaos import snapshot
from tests.chaos.audit import Case, audit
from tests.chaos.cluster import Cluster, running
from tests.chaos.faults import FAULTS
from tests.chaos.report import problems, report
from tests.chaos.schedule import Kind
from tests.chaos.trial import Outcome, Plan, trial

PLAN = Plan(seed=int(os.environ.get("CHAOS_SEED", "3")), seconds=30, gap=1.2, long=("long200",), at_once=4)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cluster(tiny_model: Path, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Its logs stay where a test of it fails."""
    failed = request.session.testsfailed
    async with running(tiny_model.parent) as started:
        yield started
    if request.session.testsfailed == failed:
        shutil.rmtree(started.folder)
    else:
        print(f"The logs are in {started.folder}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outcome(cluster: Cluster) -> Outcome:
    return await trial(cluster, PLAN)


async def test_every_accepted_job_ends_once_and_as_it_has_to(cluster: Cluster, outcome: Outcome) -> None:
    print(report(outcome, cluster))
    assert {hit.plan.name for hit in outcome.watch.hits} == {*FAULTS}
    assert {sent.plan.kind for sent in outcome.case.accepted} == {*Kind}
    assert outcome.clean, problems(outcome)


async def test_damage_to_the_real_thing_is_found(cluster: Cluster, outcome: Outcome) -> None:
    """Before this test means anything there must be nothing to find without it."""
    assert not any(audit(await _again(cluster, outcome)).values())
    await _damage(cluster)
    orphan = _orphan(cluster)
    try:
        found = audit(await _again(cluster, outcome))
    finally:
        orphan.kill()
        orphan.wait()
    assert {name for name, violations in found.items() if violations} == {
        "nobody holds a lease, and no clock runs",
        "no chunk waits in a job that has ended",
        "no text is missing, doubled or different",
        "S3 holds nothing else",
        "no process has lost its worker",
    }


async def _again(cluster: Cluster, outcome: Outcome) -> Case:
    return Case(await snapshot.take(cluster), outcome.case.sent, outcome.case.references)


async def _damage(cluster: Cluster) -> None:
    """A segment twice under another number, a lease that nobody gives up, an object that nobody needs."""
    async with cluster.database() as connection:
        await connection.execute(
            "INSERT INTO segments SELECT (json_populate_record(segments, json_build_object("
            "'id', gen_random_uuid(), 'index', index + 1))).* FROM segments"
            " ORDER BY index DESC, id LIMIT 1"
        )
        await connection.execute(
            "UPDATE chunks SET status = 'processing', lease_token = gen_random_uuid(),"
            " lease_until = now() + interval '1 hour' WHERE id = (SELECT min(chunks.id::text)::uuid"
            " FROM chunks JOIN jobs ON jobs.id = chunks.job WHERE jobs.status = 'completed')"
        )
    bucket, key = cluster.settings.s3_bucket, f"chunks/{uuid4()}/{uuid4()}/1-0"
    snapshot.storage(cluster).put_object(Bucket=bucket, Key=key, Body=b"sound")


def _orphan(cluster: Cluster) -> "subprocess.Popen[bytes]":
    """Started by nobody in the cluster, but with the mark that its processes inherit."""
    environ = os.environ | {"TMPDIR": str(cluster.tmp)}
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environ)
