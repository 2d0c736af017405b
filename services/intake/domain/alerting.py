"""Danger that nobody has taken on: it is called out again, one level up each time, until a team acknowledges it.

The clock `alert` runs beside the others and moves none of them. Rounds count on when the case goes to another team,
because it is the danger that has been waiting; they begin anew once a team has taken it on.
"""

from datetime import datetime

from services.intake.domain.case import Case, Facts
from services.intake.domain.clocks import without
from shared.calendar import Target
from shared.council import Directory
from shared.events import CaseAlerted, Clock, Code, State

WAITING: frozenset[State] = frozenset({"triage", "with_team", "escalated"})
"""A team has the case and has not taken it on."""


def alert_clock(case: Case, since: datetime, rev: int, directory: Directory) -> tuple[Clock, ...]:
    """Give a dangerous case that comes to a team the time after which it is called out again; any other case none."""
    if not case.is_dangerous:
        return ()
    pause = Target(directory.council.policies.realert_minutes, "m")
    return (Clock(kind="alert", due=pause.due(directory.calendar, since), rule=str(pause), rev=rev),)


def call_again(case: Case, at: datetime, directory: Directory) -> Facts:
    """Call the danger out again, and set the clock for the next time; nothing where a team has taken it on."""
    public = case.public
    if public.state not in WAITING or public.team is None:
        return ()
    number = case.alerts + 1
    level, officer = who_is_called(public.team, number, at, directory)
    clocks = (*without(public.clocks, "alert"), *alert_clock(case, at, case.seq + 1, directory))
    after = public.model_copy(update={"clocks": clocks})
    return (CaseAlerted(at=at, case=after, round=number, level=level, team=public.team, officer=officer),)


def who_is_called(team_id: str, number: int, at: datetime, directory: Directory) -> tuple[int, Code | None]:
    """Give the level a round reaches, and whom the team names there, if somebody who works for the council that day.

    A level goes no higher than the council allows, nor than the team names people; 0 calls the team alone.
    """
    team = directory.team(team_id)
    named = team.escalation if team else ()
    highest = directory.council.policies.realert_levels
    level = min(number, highest, len(named) or highest)
    officer = directory.officer(named[level - 1]) if level and named else None
    return level, officer.id if officer and officer.holds_on(directory.calendar.local_date(at)) else None
