"""What must hold once the dust has settled, each a check of its own that names whatever breaks it.

Nothing here asks a server: the checks judge a snapshot, so that a test can plant any damage in one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.schedule import Kind
from tests.chaos.snapshot import Row, Snapshot
from tests.chaos.stream import GONE, Sent
from tests.chaos.texts import References, Text, chunk_text, text_of
from webapp.core.bucket_rules import CHUNKS, INCOMING, KEPT
from webapp.core.tables import TERMINAL, Status

# The reasons that lie in a file. Any other would mean that a fault was taken for one.
FAULT_OF_THE_FILE = {"unknown_format", "unknown_codec", "no_sound_track", "nothing_decoded", "empty_file"}
NEAR_S = 0.002


@dataclass(frozen=True)
class Case:
    found: Snapshot
    sent: list[Sent]
    references: References

    @property
    def accepted(self) -> list[Sent]:
        return [each for each in self.sent if each.job]

    def end(self, sent: Sent) -> str:
        return next((str(job["status"]) for job in self.found.jobs if job["id"] == sent.job), GONE)

    def chunks(self, job: str) -> list[Row]:
        """By index."""
        chunks = [row for row in self.found.chunks if row["job"] == job]
        return sorted(chunks, key=lambda row: int(row["index"]))

    @property
    def completed(self) -> list[tuple[Sent, Text]]:
        return [
            (sent, text_of(self.found, sent.job))
            for sent in self.accepted
            if sent.job and self.end(sent) == Status.COMPLETED
        ]


Check = Callable[[Case], Iterator[str]]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    def named(carry_out: Check) -> Check:
        CHECKS[name] = carry_out
        return carry_out

    return named


def audit(case: Case) -> dict[str, list[str]]:
    """What was found, by the name of the check."""
    return {name: list(carry_out(case)) for name, carry_out in CHECKS.items()}


@check("every job that was sent was accepted, once")
def _accepted(case: Case) -> Iterator[str]:
    yield from (f"{sent.plan}: {sent.gave_up}" for sent in case.sent if sent.gave_up or not sent.job)
    counted = Counter(sent.job for sent in case.accepted)
    yield from (f"{job} stands for {times} submissions" for job, times in counted.items() if times > 1)
    known = set(counted)
    yield from (f"nobody was told of {job['id']}" for job in case.found.jobs if job["id"] not in known)


@check("every accepted job has ended, as it had to")
def _ended(case: Case) -> Iterator[str]:
    for sent in case.accepted:
        if case.end(sent) not in sent.ends:
            row = next((job for job in case.found.jobs if job["id"] == sent.job), {})
            chunks = [_state(chunk) for chunk in case.chunks(sent.job or "")]
            yield f"{sent.job} ({sent.plan}) is {case.end(sent)}, not {sent.ends}: {_state(row)}; {chunks}"


@check("a broken file failed for what is wrong with the file")
def _reasons(case: Case) -> Iterator[str]:
    broken = {sent.job for sent in case.accepted if sent.plan.kind == Kind.BROKEN}
    for job in case.found.jobs:
        if job["id"] in broken and job["error_code"] not in FAULT_OF_THE_FILE:
            yield f"{job['id']}: {_state(job)}"


@check("no text is missing, doubled or different")
def _texts(case: Case) -> Iterator[str]:
    for sent, text in case.completed:
        if not case.references.allows(sent.plan.recording, text):
            yield f"{sent.job} ({sent.plan.recording}): {_difference(case, sent, text)}"


@check("what a cancelled job keeps is text of its recording")
def _partial_texts(case: Case) -> Iterator[str]:
    for sent in case.accepted:
        if not sent.job or case.end(sent) != Status.CANCELLED:
            continue
        reference = case.references.first[sent.plan.recording]
        undecided = case.references.undecided
        for chunk in case.chunks(sent.job):
            whole, heard = reference[chunk["index"]], chunk_text(case.found, chunk)
            count = None if chunk["status"] == "completed" else len(heard.segments)
            name = f"{sent.plan.recording}, chunk {chunk['index']}"
            if heard.segments != whole.segments[:count] and name not in undecided:
                yield f"{sent.job}: {name} is {chunk['status']} and has {heard}"


@check("chunks follow each other without gap or overlap")
def _chunks(case: Case) -> Iterator[str]:
    for job in case.found.jobs:
        chunks = case.chunks(job["id"])
        if [row["index"] for row in chunks] != list(range(len(chunks))):
            yield f"{job['id']} has the chunks {[row['index'] for row in chunks]}"
        borders = [0.0, *(row["end"] for row in chunks)]
        starts = [row["start"] for row in chunks]
        if any(abs(start - end) > NEAR_S for start, end in zip(starts, borders, strict=False)):
            yield f"{job['id']}: chunks start at {starts} and end at {borders[1:]}"
        if job["status"] == "completed" and abs(borders[-1] - (job["duration"] or 0)) > NEAR_S:
            yield f"{job['id']} lasts {job['duration']} s, its chunks end at {borders[-1]}"


@check("segments are numbered, in order and inside their chunk")
def _segments(case: Case) -> Iterator[str]:
    for chunk in case.found.chunks:
        rows = case.found.heard_in(chunk)
        name = f"{chunk['job']}, chunk {chunk['index']}"
        if [row["index"] for row in rows] != list(range(len(rows))):
            yield f"{name}: segments {[row['index'] for row in rows]}"
        if any(after["start"] < before["start"] for before, after in pairwise(rows)):
            yield f"{name}: segments are not in order"
        if any(not _inside(row, chunk) for row in rows):
            yield f"{name}: a segment lies outside of it"


@check("every segment belongs to a chunk that is there")
def _strays(case: Case) -> Iterator[str]:
    there = {(row["job"], row["index"]) for row in case.found.chunks}
    for row in case.found.segments:
        if (row["job"], row["chunk"]) not in there:
            yield f"{row['job']}: {row['text']!r} of chunk {row['chunk']}"


@check("nobody holds a lease, and no clock runs")
def _leases(case: Case) -> Iterator[str]:
    for table, rows in (("jobs", case.found.jobs), ("chunks", case.found.chunks)):
        yield from (f"{table}: {_state(row)}" for row in rows if row["lease_token"] or row["lease_until"])
    yield from (f"jobs: {_state(row)}" for row in case.found.jobs if row["working_since"])


@check("no chunk waits in a job that has ended")
def _waiting_chunks(case: Case) -> Iterator[str]:
    ended = {job["id"]: job["status"] for job in case.found.jobs if job["status"] in TERMINAL}
    for row in case.found.chunks:
        left = row["status"] in ("pending", "processing") or row["queued_at"]
        if row["job"] in ended and (left or (ended[row["job"]] == "completed" != row["status"])):
            yield f"{ended[row['job']]}: {_state(row)}"


@check("no bell waits that would still make a worker do something")
def _bells(case: Case) -> Iterator[str]:
    active = {job["id"] for job in case.found.jobs if job["status"] not in TERMINAL}
    yield from (f"a bell for {job}" for job in case.found.bells if job in active)


@check("S3 holds the recordings of the jobs that are there")
def _recordings(case: Case) -> Iterator[str]:
    there = set(case.found.objects)
    yield from (f"{job['object_key']} is gone" for job in case.found.jobs if job["object_key"] not in there)


@check("S3 holds nothing else")
def _objects(case: Case) -> Iterator[str]:
    unfinished = [row for row in case.found.chunks if row["status"] != "completed"]
    allowed = {
        KEPT: {job["object_key"] for job in case.found.jobs},
        CHUNKS: {row["audio_key"] for row in unfinished},
        # Left by a web process that was killed right after a submission: the bucket's own rule removes it.
        INCOMING: {row["key"] for row in case.found.uploads},
    }
    for key in case.found.objects:
        if key not in allowed.get(f"{key.partition('/')[0]}/", set()):
            yield key


@check("nothing that is due for removal is still there")
def _removals(case: Case) -> Iterator[str]:
    yield from (f"{row['prefix']}, due at {row['due_at']}" for row in case.found.removals)


@check("no process has lost its worker")
def _orphans(case: Case) -> Iterator[str]:
    yield from case.found.orphans


@check("no folder of a dead worker is left")
def _folders(case: Case) -> Iterator[str]:
    yield from case.found.folders


def _inside(segment: Row, chunk: Row) -> bool:
    within = chunk["start"] - NEAR_S <= segment["start"] <= segment["end"] <= chunk["end"] + NEAR_S
    return bool(within)


def _difference(case: Case, sent: Sent, text: Text) -> str:
    expected = case.references.first[sent.plan.recording]
    if len(text) != len(expected):
        return f"{len(text)} chunks, not {len(expected)}"
    index = next(n for n, (one, other) in enumerate(zip(text, expected, strict=True)) if one != other)
    return f"chunk {index} is {text[index]}, not {expected[index]}"


_TOLD = ("id", "job", "index", "status", "attempt", "attempt_limit", "planned_at", "queued_at", "lease_until")


def _state(row: Row) -> str:
    told = [*_TOLD, "next_attempt_at", "error_code", "working_since"]
    return ", ".join(f"{name}={row[name]}" for name in told if name in row)
