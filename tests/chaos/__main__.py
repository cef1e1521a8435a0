"""`make chaos MINUTES=20`: prints what broke, and what became of the jobs."""

import argparse
import asyncio
import secrets
import shutil
import sys
from pathlib import Path

from local import models
from tests.chaos.cluster import MODEL, running
from tests.chaos.document import write_into
from tests.chaos.recordings import LONG
from tests.chaos.report import problems, report
from tests.chaos.trial import Plan, trial
from tests.support.processes import ROOT

GAP_S = 4.0
AT_ONCE = 8


async def run(plan: Plan, document: Path | None) -> bool:
    weights = models.ensure(MODEL, ROOT / ".data" / "models").parent
    async with running(weights) as cluster:
        print(f"seed {plan.seed}, logs in {cluster.folder}", flush=True)
        outcome = await trial(cluster, plan)
        table = report(outcome, cluster)
    print(table)
    if document:
        write_into(document, table)
    if outcome.clean:
        shutil.rmtree(cluster.folder)
    else:
        print(problems(outcome), f"\nThe logs are in {cluster.folder}", file=sys.stderr)
    return outcome.clean


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, help="the same seed breaks the same things; default: any")
    parser.add_argument("--into", type=Path, help="document whose marked place takes the tables")
    given = parser.parse_args()
    seed = secrets.randbelow(100_000) if given.seed is None else given.seed
    plan = Plan(seed, given.minutes * 60, GAP_S, tuple(LONG), AT_ONCE)
    sys.exit(not asyncio.run(run(plan, given.into)))


if __name__ == "__main__":
    main()
