"""How far a job is and how long it will take."""

from datetime import timedelta

from webapp.core import progress
from webapp.core.clock import now
from webapp.core.tables import Job


def job(**facts: object) -> Job:
    made = Job(_ignore_missing=True)
    made.status = "processing"
    made.position = made.working_from = made.processing_seconds = 0.0
    made.duration = 100.0
    made.working_since = now() - timedelta(seconds=10)
    for name, fact in facts.items():
        setattr(made, name, fact)
    return made


def test_nobody_knows_how_far_a_recording_of_unknown_length_is() -> None:
    assert progress.fraction(job(duration=None, position=5.0)) is None
    assert progress.remaining(job(duration=None, position=5.0), now()) is None


def test_a_part_is_never_more_than_the_whole() -> None:
    assert progress.fraction(job(position=101.0)) == 1.0


def test_what_is_completed_is_whole_even_if_it_has_no_length() -> None:
    assert progress.fraction(job(status="completed", duration=0.0)) == 1.0


def test_the_rest_is_estimated_at_the_pace_of_this_attempt() -> None:
    # 20 s of audio in 10 s of work, after an earlier attempt had done the first 40 s.
    estimate = progress.remaining(job(position=60.0, working_from=40.0), now())
    assert estimate is not None
    assert 19 < estimate < 21


def test_no_estimate_is_made_before_there_is_something_to_go_by() -> None:
    assert progress.remaining(job(position=1.0, working_since=now()), now()) is None
    assert progress.remaining(job(position=0.0), now()) is None
    assert progress.remaining(job(status="pending", position=50.0), now()) is None


def test_time_worked_goes_on_only_while_work_does() -> None:
    moment = now()
    assert 14 < progress.worked(job(processing_seconds=5.0), moment) < 16
    assert progress.worked(job(working_since=None, processing_seconds=5.0), moment) == 5.0
