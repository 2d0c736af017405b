"""A case of which another team has a part: how it is asked for, answered and looked at."""

from datetime import datetime, timedelta

from services.intake.domain import Case
from shared.commands import AnswerTask, OpenTask
from tests.intake.stories import CARER, COLLEAGUE, MONDAY, OFFICER, Story, order, tell

TUESDAY = MONDAY + timedelta(days=1)


def asking(team: str = "adults", actor: str = OFFICER, at: datetime = TUESDAY, days: int | None = None) -> OpenTask:
    """Ask another team for its part."""
    command: OpenTask = order(OpenTask, actor, at, team=team, days=days, text="Please visit the resident.")
    return command


def answering(number: int = 1, actor: str = CARER, at: datetime = TUESDAY) -> AnswerTask:
    """Say that a part is done."""
    command: AnswerTask = order(AnswerTask, actor, at, number=number, text="We have visited.")
    return command


def with_a_part(state: str = "in_progress", *, report: bool = False) -> Story:
    """Tell a case to a state, and ask for a part then."""
    story = tell(state, report=report, cc=(COLLEAGUE,))
    story.give(asking())
    return story


def parts_of(case: Case) -> list[tuple[int, str, bool]]:
    """Give number, team and end of each part."""
    return [(task.number, task.team, task.done) for task in case.public.tasks]


def due_of(case: Case, number: int) -> datetime | None:
    """Give the time of a part."""
    clock = case.part_clock(number)
    return clock.due if clock else None
