"""The jobs of a schedule, sent and disturbed at their moments; and what each of them has to end as."""

import asyncio
from dataclasses import dataclass, field
from math import inf

from tests.chaos.client import Client, GaveUp
from tests.chaos.recordings import Recordings
from tests.chaos.schedule import Kind, PlannedJob
from tests.chaos.waiting import until
from webapp.core.tables import TERMINAL, Status

GONE = "gone"
_LOOK_EVERY_S = 1.0


@dataclass
class Sent:
    """`ends` holds every end that is right; None for `job` as long as nobody has accepted it."""

    plan: PlannedJob
    job: str | None = None
    ends: set[str] = field(default_factory=set)
    gave_up: str = ""


class Stream:
    """At most so many jobs are under way at once, as many as the machine can bear: the others wait, and are
    not sent at all once it is `over`. So a slow machine is sent less, in the same order."""

    def __init__(self, client: Client, recordings: Recordings, at_once: int) -> None:
        self.sent: list[Sent] = []
        self.over = asyncio.Event()
        self._client = client
        self._recordings = recordings
        self._places = asyncio.Semaphore(at_once)

    async def run(self, jobs: list[PlannedJob], start: float) -> None:
        """`start` is the event loop's moment from which the schedule counts."""
        await asyncio.gather(*(self._one(plan, start) for plan in jobs))

    async def _one(self, plan: PlannedJob, start: float) -> None:
        await asyncio.sleep(start + plan.at - asyncio.get_running_loop().time())
        if plan.extra:
            await self._send(plan)
            return
        async with self._places:
            if not self.over.is_set():
                await self._follow(await self._send(plan))

    async def _send(self, plan: PlannedJob) -> Sent:
        sent = Sent(plan)
        self.sent.append(sent)
        try:
            await self._submit(sent)
            await asyncio.sleep(plan.then)
            await self._disturb(sent)
        except GaveUp as problem:
            sent.gave_up = str(problem)
        return sent

    async def _submit(self, sent: Sent) -> None:
        plan, path = sent.plan, self._recordings[sent.plan.recording]
        sent.ends = {Status.FAILED if plan.kind == Kind.BROKEN else Status.COMPLETED}
        sent.job = await self._client.submit(
            f"job-{plan.number}", path.name, path.read_bytes(), first=plan.web, twin=plan.twin
        )

    async def _disturb(self, sent: Sent) -> None:
        if sent.plan.kind == Kind.CANCELLED:
            await self._cancel(sent)
        elif sent.plan.kind == Kind.DELETED:
            await self._client.call("DELETE", f"/jobs/{sent.job}", first=sent.plan.web)
            sent.ends = {GONE}
        elif sent.plan.kind == Kind.RETRIED:
            await self._cancel(sent)
            # Refused if it was completed before it could be cancelled.
            wish = {"start_over": sent.plan.start_over}
            await self._client.call("POST", f"/jobs/{sent.job}/retry", first=sent.plan.web, json=wish)
            sent.ends = {Status.COMPLETED}

    async def _cancel(self, sent: Sent) -> None:
        """Unless it is told so, the client cannot know which of both was faster."""
        sent.ends = {Status.CANCELLED, Status.COMPLETED}
        answer = await self._client.call("POST", f"/jobs/{sent.job}/cancel", first=sent.plan.web)
        if answer.is_success:
            sent.ends = {Status.CANCELLED}

    async def _follow(self, sent: Sent) -> None:
        await until(lambda: self._ended(sent), seconds=inf, every=_LOOK_EVERY_S)

    async def _ended(self, sent: Sent) -> bool:
        if self.over.is_set() or sent.gave_up:
            return True
        try:
            answer = await self._client.call("GET", f"/jobs/{sent.job}", first=sent.plan.web)
        except GaveUp:
            return True
        return not answer.is_success or answer.json()["status"] in TERMINAL
