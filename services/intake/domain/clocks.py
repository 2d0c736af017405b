"""The deadlines of a case: when each runs out, by which rule, and which fact set it.

A clock that a fact does not move keeps its `rev`; one that is set or moved gets the `caseseq` of that fact.
"""

import calendar as months
from collections.abc import Iterable
from datetime import date, datetime

from services.intake.domain.case import Case
from shared.calendar import Target
from shared.council import Directory, ServiceType
from shared.events import CaseKind, Clock, ClockKind, Code, Lane, Targets

ACKNOWLEDGE = Target.parse("1wd")
ANSWER = Target.parse("10wd")
"""The defaults of domain table 2.5, for a service that has left the catalogue while its case was on the way."""

DATE = "date"
"""The rule of a clock that runs to a day somebody named."""

LEAVE_AFTER_PROMISE = 5
"""Working days between a promise and the close that `to_commitment` asks for."""

_WARNINGS: tuple[ClockKind, ClockKind] = ("autoclose_warning", "autoclose_last_warning")
OF_THE_CLOSE: tuple[ClockKind, ...] = (*_WARNINGS, "autoclose")


def without(clocks: Iterable[Clock], *kinds: ClockKind) -> tuple[Clock, ...]:
    """Leave the clocks of other kinds."""
    return tuple(clock for clock in clocks if clock.kind not in kinds)


def decide_targets(
    service: ServiceType | None, kind: CaseKind, flags: frozenset[str], lane: Lane, directory: Directory
) -> Targets:
    """Say which times a case with these flags has; without a service, those of the domain and the council's policies.

    A dangerous report is never closed by a timer, whatever its service says: somebody has to accept that it is safe.
    """
    policies = directory.council.policies
    usual = policies.autoclose_case_days if kind == "case" else policies.autoclose_report_days
    days = service.autoclose_days if service else usual
    return Targets(
        acknowledge=str((service and service.acknowledge_target(flags)) or ACKNOWLEDGE),
        answer=str((service and service.answer_target(flags)) or ANSWER),
        autoclose_days=None if kind == "report" and lane == "urgent" else days,
        autoclose_warning_days=policies.autoclose_warning_days,
    )


def targets_of(case: Case, directory: Directory) -> Targets:
    """Give the times of a case: those it was raised under, or today's where it was raised before they were kept."""
    service = directory.service(case.public.service)
    return case.targets or decide_targets(service, case.public.kind, frozenset(case.flags), case.public.lane, directory)


def acknowledge_clock(case: Case, rev: int, directory: Directory, since: datetime | None = None) -> Clock:
    """Give the team its time to take the case on, counted from the day it was raised, or from `since`."""
    return _running("acknowledge", targets_of(case, directory).acknowledge, since or case.raised_at, rev, directory)


def answer_clock(case: Case, rev: int, directory: Directory, since: datetime | None = None) -> Clock:
    """Give the team its time to answer or complete, counted from the day the case was raised, or from `since`."""
    return _running("answer", targets_of(case, directory).answer, since or case.raised_at, rev, directory)


def answer_owed(
    case: Case, rev: int, now: datetime, directory: Directory, *, restart: bool = False
) -> tuple[Clock, ...]:
    """Give the clock of what the councillor waits for, whichever team has the case: it runs on, unless restarted.

    While a promise runs it stands for the answer. A team that gets a case which has been answered answers anew, in the
    whole time; one that nobody has had yet is counted from the day it was raised.
    """
    running = case.public.clock("answer")
    if restart:
        return (answer_clock(case, rev, directory, now),)
    if running or case.public.clock("commitment"):
        return (running,) if running else ()
    fresh = case.public.state in {"raised", "triage"}
    return (answer_clock(case, rev, directory, None if fresh else now),)


def task_clock(target: str, since: datetime, rev: int, directory: Directory) -> Clock:
    """Give another team the time for its part."""
    return _running("task", target, since, rev, directory)


def commitment_clock(promised: date, rev: int, directory: Directory) -> Clock:
    """Run to the end of the promised day."""
    return _clock("commitment", directory.calendar.end_of_day(promised), DATE, rev)


def closing_after(case: Case, now: datetime, directory: Directory) -> tuple[date, Code] | None:
    """Say on which day a case answered or completed now would close by itself, and by which rule; None: never.

    The day is the latest of: the service's period after now, the day the councillor asked for, the promised day.
    """
    days = autoclose_days(case, directory)
    if days is None:
        return None
    calendar = directory.calendar
    period = calendar.add_working_days(calendar.local_date(now), days), f"{days}wd"
    named = [(day, DATE) for day in (case.keep_open_until, case.promised) if day]
    return max([period, *named], key=lambda each: each[0])


def autoclose_days(case: Case, directory: Directory) -> int | None:
    """Give the working days between the answer and the close; None where no timer may close the case."""
    return targets_of(case, directory).autoclose_days


def autoclose_clocks(
    case: Case, closing: tuple[date, Code], now: datetime, rev: int, directory: Directory
) -> tuple[Clock, ...]:
    """Set the close and its warnings; a warning that would lie before its setting is left out."""
    day, rule = closing
    calendar = directory.calendar
    distances = sorted(set(targets_of(case, directory).autoclose_warning_days), reverse=True)
    ends = [distances[0], distances[-1]] if len(distances) > 1 else distances
    warnings = [
        _clock(kind, calendar.end_of_day(calendar.subtract_working_days(day, distance)), f"{distance}wd", rev)
        for kind, distance in zip(_WARNINGS, ends, strict=False)
    ]
    return (
        *(warning for warning in warnings if warning.due > now),
        _clock("autoclose", calendar.end_of_day(day), rule, rev),
    )


def present_close(case: Case, directory: Directory) -> date | None:
    """Say on which day the case would close by itself, or, while no clock runs, until when it must stay open.

    Without a clock that is the later of the day the councillor asked for and the promised day.
    """
    clock = case.public.clock("autoclose")
    if clock:
        return directory.calendar.local_date(clock.due)
    return max((day for day in (case.keep_open_until, case.promised) if day), default=None)


def latest_extension(now: datetime, directory: Directory) -> date:
    """Give the last day an extension may reach: months ahead as the council sets, within its known calendar."""
    today = directory.calendar.local_date(now)
    year, month = divmod(today.year * 12 + today.month - 1 + directory.council.policies.extension_max_months, 12)
    month += 1
    ahead = date(year, month, min(today.day, months.monthrange(year, month)[1]))
    return min(ahead, directory.calendar.known_until)


def _running(kind: ClockKind, target: str, since: datetime, rev: int, directory: Directory) -> Clock:
    return _clock(kind, Target.parse(target).due(directory.calendar, since), target, rev)


def _clock(kind: ClockKind, due: datetime, rule: Code, rev: int) -> Clock:
    return Clock(kind=kind, due=due, rule=rule, rev=rev)
