"""What is said of a text as a whole: which languages it is in, and how much of it may not be right."""

from uuid import UUID

import msgspec

from webapp.core.tables import SegmentRow


class Doubtful(msgspec.Struct, frozen=True):
    """So many segments may not be right, for these reasons: codes, the most frequent one first."""

    segments: int = 0
    reasons: list[str] = []


async def doubtful(job: UUID) -> Doubtful:
    found = await SegmentRow.raw(
        "SELECT doubts, count(*) AS times FROM segments"
        " WHERE job = {} AND cardinality(doubts) > 0 GROUP BY doubts",
        job,
    )
    times: dict[str, int] = {}
    for row in found:
        for code in row["doubts"]:
            times[code] = times.get(code, 0) + row["times"]
    reasons = sorted(times, key=lambda code: (-times[code], code))
    return Doubtful(sum(row["times"] for row in found), reasons)


async def languages(jobs: list[UUID]) -> dict[UUID, list[str]]:
    """Of each job whose segments name theirs: the one that is spoken longest comes first."""
    if not jobs:
        return {}
    found = await SegmentRow.raw(
        "SELECT job, language FROM segments WHERE job = ANY({}::uuid[]) AND language IS NOT NULL"
        ' GROUP BY job, language ORDER BY job, sum("end" - start) DESC, language',
        [str(job) for job in jobs],
    )
    spoken: dict[UUID, list[str]] = {}
    for row in found:
        spoken.setdefault(UUID(str(row["job"])), []).append(row["language"])
    return spoken
