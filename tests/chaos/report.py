"""What a run has shown, as Markdown."""

import os
import platform
from collections import Counter
from collections.abc import Iterator

from tests.chaos.cluster import SETTINGS, Cluster
from tests.chaos.faults import FAULTS
from tests.chaos.schedule import Kind
from tests.chaos.services import Ended
from tests.chaos.stream import GONE
from tests.chaos.trial import Outcome


def report(outcome: Outcome, cluster: Cluster) -> str:
    parts = [_head(outcome, cluster), _faults(outcome), _jobs(outcome), _checks(outcome)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def problems(outcome: Outcome, most: int = 20) -> str:
    broken = {name: found for name, found in outcome.problems.items() if found}
    return "\n".join("\n  ".join([f"{name}:", *found[:most]]) for name, found in broken.items())


def _head(outcome: Outcome, cluster: Cluster) -> Iterator[str]:
    plan, settled = outcome.plan, outcome.settled
    took = "never" if settled.took is None else f"{settled.took:.0f} s after the last fault"
    undecided = ", ".join(outcome.case.references.undecided) or "no chunk"
    yield f"`make chaos MINUTES={plan.seconds / 60:g} SEED={plan.seed}`"
    yield ""
    yield f"- Machine: {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    yield f"- Settings: `{' '.join(f'{name}={value}' for name, value in SETTINGS.items())}`"
    yield f"- {len(outcome.watch.hits)} faults in {plan.seconds:.0f} s, {len(outcome.case.sent)} jobs, "
    yield f"  {plan.at_once} of them at once"
    yield f"- The last job ended {took}. Allowed were {settled.limit:.0f} s:"
    yield f"  90 s, and the time for {settled.remaining:.0f} s of sound that were unheard then, at the"
    yield f"  {settled.pace:.1f} s of sound a second that the cluster hears undisturbed"
    yield f"- Asked twice and undisturbed, the engine gave different text for {undecided}"
    yield from _noticed(outcome, cluster)


def _noticed(outcome: Outcome, cluster: Cluster) -> Iterator[str]:
    """That faults did reach what they were meant for."""
    logs = "".join(log.read_text(errors="replace") for log in cluster.logs)
    yield f"- Bells that could not be rung: {logs.count('bell not rung')}"
    yield f"- Times a worker found that its work was another's: {logs.count('work is no longer ours')}"
    yield f"- Workers that started afresh after their share: {logs.count('worker will start afresh')}"
    yield f"- Objects that a dead worker left, and the hourly round removed: {outcome.settled.swept}"
    yield f"- Processes that ended and were started again: {_endings(cluster)}"


def _faults(outcome: Outcome) -> Iterator[str]:
    yield from _head_of(
        "fault", "times", "work held then", "of it begun again", "jobs of it", "ended as they had to"
    )
    right = {sent.job for sent in outcome.case.accepted if outcome.case.end(sent) in sent.ends}
    for name in FAULTS:
        hits = [hit for hit in outcome.watch.hits if hit.plan.name == name]
        held = [piece for hit in hits for piece in hit.held]
        again = [piece for piece in held if outcome.watch.attempts.get(piece.id, 0) > piece.attempt]
        jobs = [job for hit in hits for job in {piece.job for piece in hit.held}]
        yield _row(name, len(hits), len(held), len(again), len(jobs), sum(job in right for job in jobs))


def _jobs(outcome: Outcome) -> Iterator[str]:
    ends = ("completed", "failed", "cancelled", GONE)
    yield from _head_of("jobs", "accepted", *ends, "as they had to")
    for kind in Kind:
        sent = [each for each in outcome.case.accepted if each.plan.kind == kind]
        found = Counter(outcome.case.end(each) for each in sent)
        right = sum(outcome.case.end(each) in each.ends for each in sent)
        yield _row(kind, len(sent), *(found[end] for end in ends), right)


def _checks(outcome: Outcome) -> Iterator[str]:
    yield from _head_of("what must hold", "violations")
    yield from (_row(name, len(found)) for name, found in outcome.problems.items())


def _head_of(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield f"|---|{'--:|' * (len(cells) - 1)}"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _endings(cluster: Cluster) -> str:
    counted = Counter(_how(ended) for service in cluster.services for ended in service.endings)
    return ", ".join(f"{times} {how}" for how, times in sorted(counted.items())) or "none"


def _how(ended: Ended) -> str:
    kind = ended.service.rstrip("12")
    if ended.killed:
        return f"{kind} killed"
    return f"{kind} when asked" if ended.told else f"{kind} by itself with {ended.code}"
