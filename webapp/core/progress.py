"""How far a job is and how long it takes, from what its row says."""

from datetime import datetime

from webapp.core.tables import Job, Status

# Before that much was worked, an estimate is a guess that jumps about.
_ENOUGH_S = 2.0


def fraction(job: Job) -> float | None:
    """From 0 to 1; None as long as nobody knows how long the recording is."""
    if job.status == Status.COMPLETED:
        return 1.0
    if not job.duration:
        return None
    return float(min(1.0, job.position / job.duration))


def worked(job: Job, moment: datetime) -> float:
    """Seconds in which anybody worked on it."""
    return float(job.processing_seconds + _this_time(job, moment))


def remaining(job: Job, moment: datetime) -> float | None:
    """Seconds until the end at the pace since work was taken up."""
    if job.status != Status.PROCESSING or not job.duration:
        return None
    spent, covered = _this_time(job, moment), job.position - job.working_from
    if spent < _ENOUGH_S or covered <= 0:
        return None
    return float(max(0.0, job.duration - job.position) * spent / covered)


def _this_time(job: Job, moment: datetime) -> float:
    if job.working_since is None:
        return 0.0
    return max(0.0, (moment - job.working_since).total_seconds())
