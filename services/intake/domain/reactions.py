"""What intake makes of what others say: routing suggests, the scheduler says that a time has come, intake decides.

Whatever comes late finds a case that has moved on and changes nothing.
"""

from datetime import datetime

from services.intake.domain import handing_over
from services.intake.domain.alerting import alert_clock, call_again
from services.intake.domain.case import Case, Facts, open_parts
from services.intake.domain.clocks import acknowledge_clock, answer_owed, without
from services.intake.domain.parts import open_parts_for
from services.intake.domain.policy import is_ownerless
from shared.council import Directory
from shared.events import (
    CaseAutocloseWarned,
    CaseClosed,
    CaseOverdue,
    CaseRouted,
    CaseTriageNeeded,
    Clock,
    RoutingDecided,
    RoutingTriageNeeded,
    TimerDue,
    TimerReview,
)


class OutOfPlace(ValueError):
    """What was said cannot be true, however often it is said again; the message is the reason, as a code."""


def route(case: Case | None, event: RoutingDecided, directory: Directory) -> Facts:
    """Give the case to the team that routing names; both of the team's clocks run, from the day it was raised.

    After a return they run on. What the decision gives to further teams becomes their parts, in the same write. An
    answer to what routing was asked before the last return is no answer any more.

    Raises:
        OutOfPlace: there is no such case.
    """
    case = _on_file(case)
    public = case.public
    if public.state not in {"raised", "triage"} or case.has_been_returned_since(event.at):
        return ()
    seq = case.seq + 1
    clocks = (
        _acknowledge_owed(case, event.at, directory),
        *answer_owed(case, seq, event.at, directory),
        *alert_clock(case, event.at, seq, directory),
        *without(public.clocks, "acknowledge", "answer", "alert"),
    )
    after = public.model_copy(update={"state": "with_team", "team": event.team, "clocks": clocks})
    routed = CaseRouted(
        at=event.at,
        case=after,
        team=event.team,
        rule=event.rule,
        rules_version=event.rules_version,
        reason=event.reason,
        council_version=event.council_version,
        duty=event.duty,
    )
    return (routed, *open_parts_for(case, after, event, directory))


def send_to_triage(case: Case | None, event: RoutingTriageNeeded, directory: Directory) -> Facts:
    """Give the case to Democratic Services, who must take it on in time.

    Raises:
        OutOfPlace: there is no such case.
        LookupError: the council has no triage team.
    """
    case = _on_file(case)
    if case.public.state != "raised" or case.has_been_returned_since(event.at):
        return ()
    clocks = (
        _acknowledge_owed(case, event.at, directory),
        *alert_clock(case, event.at, case.seq + 1, directory),
        *without(case.public.clocks, "acknowledge", "alert"),
    )
    after = case.public.model_copy(
        update={"state": "triage", "team": directory.triage_team().id, "clocks": clocks},
    )
    return (
        CaseTriageNeeded(
            at=event.at,
            case=after,
            rules_version=event.rules_version,
            reason=event.reason,
            council_version=event.council_version,
        ),
    )


def fire(case: Case | None, event: TimerDue, directory: Directory) -> Facts:
    """Do what a clock was set for, if this very clock still runs.

    Raises:
        OutOfPlace: there is no such case, or the clock runs but its time has not come.
    """
    case = _on_file(case)
    clock = next((each for each in case.public.clocks if (each.kind, each.rev) == (event.kind, event.rev)), None)
    if clock is None:
        return ()
    if event.at < clock.due:
        raise OutOfPlace("timer-before-due")
    match event.kind:
        case "alert":
            return call_again(case, event.at, directory)
        case "acknowledge" | "answer" | "task" | "commitment":
            return () if case.was_said_overdue(clock) else _overdue(case, clock, event)
        case "autoclose_warning" | "autoclose_last_warning":
            return _warn(case, clock, event, directory)
        case "autoclose":
            return _close(case, event, directory)


class CouncilBehind(RuntimeError):
    """The council in use is older than what is spoken of: tried again later, the message finds the newer one."""


def review(case: Case | None, event: TimerReview, directory: Directory) -> Facts:
    """Look whether the owner can still act, and offer the case to others where not.

    Raises:
        OutOfPlace: there is no such case.
        CouncilBehind: the version the review follows from is not in use here yet.
    """
    number = event.cause.partition(":")[0]
    if number.isdigit() and int(number) > directory.number:
        raise CouncilBehind
    return handing_over.offer(_on_file(case), event.at, directory)


def may_close_itself(case: Case, event: TimerDue, directory: Directory) -> bool:
    """Say whether nothing stands against a close that nobody asked for.

    While the owner cannot act nobody could object, so the case stays open: who takes it over gets the whole period.
    """
    today = directory.calendar.local_date(event.at)
    kept = [day for day in (case.promised, case.keep_open_until) if day]
    if is_ownerless(case, directory, today):
        return False
    ended = case.public.state in {"answered", "completed"} and not open_parts(case.public)
    return ended and all(day <= today for day in kept)


def _on_file(case: Case | None) -> Case:
    if case is None:
        raise OutOfPlace("unknown-case")
    return case


def _acknowledge_owed(case: Case, now: datetime, directory: Directory) -> Clock:
    """Give the next team its time to take the case on: what is left of the last team's, or all of it if that one had.

    Of a case that nobody has had yet it counts from the day it was raised.
    """
    running = case.public.clock("acknowledge")
    return running or acknowledge_clock(case, case.seq + 1, directory, now if case.returned else None)


def _overdue(case: Case, clock: Clock, event: TimerDue) -> Facts:
    """Say once that it was missed; the clock stays, because what it asks for is still owed."""
    number = case.part_of(clock)
    return (CaseOverdue(at=event.at, case=case.public, clock=clock.kind, due=clock.due, number=number),)


def _warn(case: Case, clock: Clock, event: TimerDue, directory: Directory) -> Facts:
    """Warn of the close while there is time to act; a warning that comes with or after the close is none.

    Nor is there one while the owner cannot act: the close is held back.
    """
    closing = case.public.clock("autoclose")
    if closing is None or event.at >= closing.due:
        return ()
    if is_ownerless(case, directory, directory.calendar.local_date(event.at)):
        return ()
    left = tuple(each for each in case.public.clocks if each != clock)
    after = case.public.model_copy(update={"clocks": left})
    return (CaseAutocloseWarned(at=event.at, case=after, closes_at=closing.due),)


def _close(case: Case, event: TimerDue, directory: Directory) -> Facts:
    if not may_close_itself(case, event, directory):
        return ()
    after = case.public.model_copy(update={"state": "closed", "clocks": ()})
    return (CaseClosed(at=event.at, case=after, reason="auto"),)
