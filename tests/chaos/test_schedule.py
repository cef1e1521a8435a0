"""The same seed breaks the same things, and sends the same jobs."""

import os
import subprocess
import sys
import time

from tests.chaos.faults import FAULTS
from tests.chaos.schedule import SILENCING, Kind, draw
from tests.chaos.services import skewed
from tests.support.processes import ROOT

NAMES, LONG = [*FAULTS], ["long200"]


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert draw(7, 120, NAMES, 4, LONG) == draw(7, 120, NAMES, 4, LONG)
    assert draw(7, 120, NAMES, 4, LONG) != draw(8, 120, NAMES, 4, LONG)


def test_everything_comes_before_anything_comes_twice() -> None:
    drawn = draw(7, 600, NAMES, 4, LONG)
    assert {fault.name for fault in drawn.faults[: len(NAMES)]} == {*NAMES}
    assert {job.kind for job in drawn.jobs[:14]} == {*Kind} - {Kind.UNDISTURBED}
    assert all(fault.at <= 600 for fault in drawn.faults)


def test_a_job_is_sent_whenever_redis_hears_nobody() -> None:
    drawn = draw(7, 600, NAMES, 4, LONG)
    silenced = [fault.at for fault in drawn.faults if fault.name in SILENCING]
    assert silenced
    assert [job.at - 0.5 for job in drawn.jobs if job.extra] == silenced


def test_a_process_whose_clock_is_wrong_believes_it() -> None:
    asked = "import time; from webapp.core.clock import now; print(time.time(), now().timestamp())"
    environ = os.environ | skewed(-90.0)
    told = subprocess.run(
        [sys.executable, "-c", asked], env=environ, cwd=ROOT, capture_output=True, check=True
    )
    assert [round(float(each) - time.time(), -1) for each in told.stdout.split()] == [-90.0, -90.0]
