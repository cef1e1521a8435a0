"""What the fragments of a job are rendered from."""

from collections.abc import Iterable
from itertools import takewhile
from uuid import UUID

import msgspec

from webapp import fragments
from webapp.core import jobs, progress, summary, transcripts
from webapp.core.chunks import ChunkText, gaps
from webapp.core.clock import now
from webapp.core.errors import LASTING
from webapp.core.exports import FORMATS
from webapp.core.language import SURE
from webapp.core.modes import Mode
from webapp.core.summary import Doubtful
from webapp.core.tables import ACTIVE, TERMINAL, Job, Status
from webapp.core.transcript import Gap

PAGE_SIZE = 20
NONE_DOUBTFUL = Doubtful()
# What each mode costs, in the words of its choice.
MODES_COST: dict[Mode, str] = {
    "accurate": "fewest mistakes, takes longest",
    "balanced": "few mistakes, much sooner",
    "fast": "soonest, with more mistakes",
}


class JobView(msgspec.Struct, frozen=True):
    """A job as its owner sees it at one moment. `place`: in the queue, 1 is next."""

    job: Job
    place: int | None
    opening: str | None
    fraction: float | None
    worked: float
    remaining: float | None
    wait: float  # seconds until another attempt is due
    spoken: list[str]  # languages that segments name, where there may be several
    doubtful: Doubtful

    @property
    def active(self) -> bool:
        return self.job.status in ACTIVE

    @property
    def retryable(self) -> bool:
        """Whether it makes sense to offer it; who asks all the same is not refused."""
        ended = self.job.status in (Status.FAILED, Status.CANCELLED)
        return ended and self.job.error_code not in LASTING

    @property
    def languages(self) -> list[str]:
        known = self.job.detected_language or self.job.language
        nobody_spoke = self.job.language_probability == 0 and not self.opening
        return self.spoken or ([known] if known and not nobody_spoke else [])

    @property
    def certainty(self) -> float | None:
        """Of the language, where there is one that nobody chose."""
        if self.spoken or not self.languages or self.job.language:
            return None
        probability: float | None = self.job.language_probability
        return probability

    @property
    def unsure(self) -> bool:
        return self.certainty is not None and self.certainty < SURE


class ListView(msgspec.Struct, frozen=True):
    jobs: list[JobView]
    after: UUID | None
    next: UUID | None

    @property
    def active(self) -> bool:
        return any(view.active for view in self.jobs)

    @property
    def stream(self) -> str:
        return f"/events?after={self.after}" if self.after else "/events"


class Passage(msgspec.Struct, frozen=True):
    """A chunk on the page of its job, and the gap that begins in it."""

    chunk: ChunkText
    gap: Gap | None
    over: bool  # what is missing will not come
    translated: bool  # the text is not in the language spoken

    @property
    def growing(self) -> bool:
        return self.chunk.status == Status.PROCESSING

    @property
    def look(self) -> tuple[object, ...]:
        """Tells whether it would look otherwise than before. Of times only whole seconds are shown."""
        gap = self.gap and (int(self.gap.start), None if self.gap.end is None else int(self.gap.end))
        return self.growing, tuple(self.chunk.ids), gap, self.over


class TextView(msgspec.Struct, frozen=True):
    """The text of a job from some chunk on. `rest`: the gap at its end."""

    passages: list[Passage]
    rest: Gap | None
    over: bool

    @property
    def settled(self) -> list[Passage]:
        """Those at the beginning that will not change any more."""
        return list(takewhile(lambda passage: passage.chunk.done, self.passages))

    @property
    def following(self) -> list[Passage]:
        return self.passages[len(self.settled) :]

    @property
    def events(self) -> str:
        """Where the stream is, seen from the job's address, that sends only what the page may lack."""
        settled = self.settled
        return f"events?settled={settled[-1].chunk.id}" if settled else "events"


def text_view(job: Job, chunks: Iterable[ChunkText]) -> TextView:
    chunks, over = list(chunks), job.status in TERMINAL
    found = gaps(job, chunks)
    translated = job.task == "translate"
    passages = [Passage(chunk, found.between.get(chunk.index), over, translated) for chunk in chunks]
    return TextView(passages, found.rest, over)


async def list_view(owner: UUID | None, after: UUID | None) -> ListView:
    if owner is None:
        return ListView([], None, None)
    page = await jobs.page(owner, after=after, limit=PAGE_SIZE)
    openings = await transcripts.openings([job.id for job in page.jobs])
    places = await jobs.places_in_queue(page.jobs)
    spoken = await _spoken(page.jobs)
    return ListView([_view(job, places, openings, spoken) for job in page.jobs], after, page.next)


async def job_view(job: Job) -> JobView:
    places, openings = await jobs.places_in_queue([job]), await transcripts.openings([job.id])
    doubtful = await summary.doubtful(job.id)
    return _view(job, places, openings, await _spoken([job]), doubtful)


async def _spoken(found: list[Job]) -> dict[UUID, list[str]]:
    return await summary.languages([job.id for job in found if job.mixed_languages])


def row(view: JobView) -> str:
    return fragments.render("jobs/_job.html", view=view)


def state(view: JobView) -> str:
    return fragments.render("jobs/_state.html", view=view, formats=FORMATS)


def _view(
    job: Job,
    places: dict[UUID, int],
    openings: dict[UUID, str],
    spoken: dict[UUID, list[str]],
    doubtful: Doubtful = NONE_DOUBTFUL,
) -> JobView:
    """Rows of a list do not say what is doubtful."""
    moment = now()
    return JobView(
        job=job,
        place=places.get(job.id),
        opening=openings.get(job.id),
        fraction=progress.fraction(job),
        worked=progress.worked(job, moment),
        remaining=progress.remaining(job, moment),
        wait=(job.next_attempt_at - moment).total_seconds(),
        spoken=spoken.get(job.id, []),
        doubtful=doubtful,
    )
