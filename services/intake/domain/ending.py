"""How a case is answered or completed: when the leading team has done its part, and every other team its own."""

from services.intake.domain.case import LEAD, lead_is_done, open_parts
from services.intake.domain.clocks import autoclose_clocks, closing_after
from services.intake.domain.guards import Standing
from shared.events import (
    CaseAnswered,
    CaseCompleted,
    CaseState,
    CaseTaskAnswered,
    Clock,
    Code,
    Fact,
    State,
    Task,
)

DONE = "done"
"""How a report ended whose leading team did not say."""


def lead_has_done(standing: Standing, text: str | None, reason: Code | None = None) -> tuple[Fact, ...]:
    """Say that the leading team has done its part; with it the case is answered or completed, if no other part is open.

    `reason` says how a report was completed.
    """
    public, beside = standing.case.public, {"text": text} if text else {}
    if not open_parts(public):
        return (Fact(_ended(standing, public, reason, standing.next_seq), beside),)
    team = public.team or ""
    after = public.model_copy(update={"tasks": (*public.tasks, Task(number=LEAD, team=team, done=True))})
    return (Fact(CaseTaskAnswered(at=standing.now, case=after, number=LEAD, team=team, reason=reason), beside),)


def other_has_done(standing: Standing, task: Task, text: str) -> tuple[Fact, ...]:
    """Say that another team has done its part; the last one ends the case, if the leading team has done its own."""
    case, clock = standing.case, standing.case.part_clock(task.number)
    after = case.public.model_copy(
        update={
            "tasks": tuple(_done(each) if each == task else each for each in case.public.tasks),
            "clocks": tuple(each for each in case.public.clocks if each != clock),
        }
    )
    part = CaseTaskAnswered(at=standing.now, case=after, number=task.number, team=task.team)
    facts = (Fact(part, {"text": text}),)
    if open_parts(after) or not lead_is_done(after):
        return facts
    return (*facts, Fact(_ended(standing, after, case.lead_reason, standing.next_seq + 1)))


def _ended(standing: Standing, public: CaseState, reason: Code | None, rev: int) -> CaseAnswered | CaseCompleted:
    """Put the ball with the councillor: nothing runs but the close."""
    closing = closing_after(standing.case, standing.now, standing.directory)
    clocks: tuple[Clock, ...] = ()
    if closing:
        clocks = autoclose_clocks(standing.case, closing, standing.now, rev, standing.directory)
    state: State = "answered" if public.kind == "case" else "completed"
    after = public.model_copy(update={"state": state, "clocks": clocks})
    if public.kind == "case":
        return CaseAnswered(at=standing.now, case=after, level=after.level)
    return CaseCompleted(at=standing.now, case=after, reason=reason or DONE)


def _done(task: Task) -> Task:
    return task.model_copy(update={"done": True})
