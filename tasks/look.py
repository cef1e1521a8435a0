"""What a bell makes a worker do: take up whatever is next, until nothing is left or it is tired."""

from typing import TypedDict

from saq.job import Job as Bell

from tasks.crew import Crew
from tasks.hear import hear_next
from tasks.plan import plan_next
from webapp.core import turns
from webapp.core.database import patiently
from webapp.core.house import House


class Context(TypedDict):
    """What SAQ hands to every task: `job` is its own, the rest was put there at the start."""

    job: Bell
    house: House
    crew: Crew


async def look(context: Context, *, job: str) -> None:
    """The bell names a job, but another one's turn may come first. Going on without bells keeps a busy worker
    busy even when Redis has lost them all."""
    await work_off(context["crew"], context["job"], context["house"])


async def work_off(crew: Crew, bell: Bell | None, house: House) -> None:
    """Without a bell from time to time, too: a busy worker may have been woken in place of this one."""
    while not crew.leaving and await _one_piece(house, crew, bell):
        crew.note_piece()
    crew.leave_if_tired()


async def _one_piece(house: House, crew: Crew, bell: Bell | None) -> bool:
    """By turn; but where the engines are busy a job may be planned meanwhile, so that others can hear it."""
    if not crew.has_idle_engine:  # bells reach busy workers, too: nothing is asked that is of no use to them
        return await plan_next(house, crew, bell)
    if await patiently(turns.plan_first, house):
        return await plan_next(house, crew, bell) or await hear_next(house, crew, bell)
    return await hear_next(house, crew, bell) or await plan_next(house, crew, bell)
