"""Puts a process's clock forward or back. Python reads this at its start if its folder is on PYTHONPATH.

The clock that measures how long something takes is left alone, as it is on a machine whose date is wrong.
So is the one that signs requests to the storage: a storage would refuse them, and rightly so.
"""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T", int, float)
_SKEW_S = float(os.environ.get("CHAOS_SKEW_S", "0"))


def _shifted(clock: Callable[[], T], by: T) -> Callable[[], T]:
    return lambda: clock() + by


def _shift() -> None:
    from webapp.core import clock

    honest = clock.now
    clock.now = lambda: honest() + timedelta(seconds=_SKEW_S)
    time.time = _shifted(time.time, _SKEW_S)
    time.time_ns = _shifted(time.time_ns, round(_SKEW_S * 1e9))


if _SKEW_S:
    _shift()
