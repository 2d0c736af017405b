"""What intake says: the facts of the case stream, each with the public state of the case after it.

Only intake says `case.*`. A consumer needs no history: every event carries owner, cc, team, state and running clocks.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Code, Event, Moment

Lane = Literal["normal", "urgent"]
CaseKind = Literal["case", "report"]
State = Literal[
    "raised",
    "triage",
    "with_team",
    "in_progress",
    "information_requested",
    "committed",
    "answered",
    "escalated",
    "completed",
    "closed",
    "anonymised",
]
ClockKind = Literal[
    "acknowledge", "answer", "task", "alert", "commitment", "autoclose_warning", "autoclose_last_warning", "autoclose"
]
"""`task`: the part of another team is due, one clock for each part. `alert`: a danger nobody has taken on is called
out again."""
Capacity = Literal["ward", "cabinet"]
Impact = Literal["routine", "daily-life", "safeguarding", "danger"]
CloseReason = Literal["accepted", "auto"]


class Clock(BaseModel):
    """A running deadline. `rev` is the `caseseq` of the fact that set it: a timer with another rev is stale."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    kind: ClockKind
    due: Moment
    rule: Code
    """The target it was computed from, e.g. `10wd` or `date`."""
    rev: int


class Task(BaseModel):
    """The part of a case that another team than the leading one has to do."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    number: int
    """Counted from 1 in each case; 0 stands for the leading team's own part."""
    team: Code
    done: bool = False


class Targets(BaseModel):
    """The times the council allowed itself for a case when it was raised; the case keeps them."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    acknowledge: Code
    """E.g. `1wd` or `1h`."""
    answer: Code
    autoclose_days: int | None = None
    """Working days after the answer; None: no timer closes it."""
    autoclose_warning_days: tuple[int, ...] = ()


class CaseState(BaseModel):
    """The public state of a case after a fact."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    id: Code
    reference: Code
    kind: CaseKind
    state: State
    level: int = 0
    owner: Code
    cc: tuple[Code, ...] = ()
    secretary: Code | None = None
    team: Code | None = None
    capacity: Capacity = "ward"
    portfolio: Code | None = None
    """Of a case of cabinet business: the portfolio it belongs to."""
    service: Code
    ward: Code
    lane: Lane = "normal"
    impact: Impact = "routine"
    """How much it weighs for those concerned, as the councillor declared it."""
    clocks: tuple[Clock, ...] = ()
    tasks: tuple[Task, ...] = ()
    """Parts that other teams do, in the order they were opened."""

    def clock(self, kind: ClockKind) -> Clock | None:
        """Find the running clock of this kind."""
        return next((clock for clock in self.clocks if clock.kind == kind), None)


class CaseEvent(Event):
    """A fact of the case stream."""

    case: CaseState

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.case.lane, self.case.service, self.case.ward


class CaseRaised(CaseEvent, type="casework.case.raised.v1", must_be_heard=True):
    """Sent when a councillor has raised a case or reported a problem."""

    raised_on: date
    """The local day the request was received: day 0 of every target."""
    flags: tuple[Code, ...] = ()
    """What the councillor declared about it, e.g. `danger`."""
    council_version: int = 0
    """Number of the council data it was raised under."""
    targets: Targets | None = None
    features: tuple[Code, ...] = ()
    """Features that were on for the owner; the case keeps them."""
    form: Code | None = None
    """Which form was filled in, by its digest. The answers lie with the case."""


class CaseRouted(CaseEvent, type="casework.case.routed.v1", must_be_heard=True):
    """Sent when a team has been found that answers for the case."""

    team: Code
    rule: Code
    rules_version: Code
    reason: Code
    council_version: int = 0
    duty: Code | None = None
    """The officer on duty, where the case came by the duty rota."""


class CaseTriageNeeded(CaseEvent, type="casework.case.triage_needed.v1", must_be_heard=True):
    """Sent when no rule, or more than one, names a team: Democratic Services decide."""

    rules_version: Code
    reason: Code
    council_version: int = 0


class CaseReturned(CaseEvent, type="casework.case.returned.v1", must_be_heard=True):
    """Sent when a team has given a case back as misrouted: routing decides again. The clocks run on."""

    team: Code
    """The team that gave it back."""
    reason: Code
    suggestion: Code | None = None
    """The team that should have it, in the view of the one that gave it back."""
    times: int
    """How often the case has been given back, this time included."""
    rule: Code | None = None
    """The rule that had named the team, under this version: what routing learns from."""
    rules_version: Code | None = None
    flags: tuple[Code, ...] = ()


class CaseAssigned(CaseEvent, type="casework.case.assigned.v1", must_be_heard=True):
    """Sent when somebody has given the case to a team by hand: from triage, or from another team."""

    team: Code
    former: Code | None = None


class CaseTaskOpened(CaseEvent, type="casework.case.task_opened.v1", must_be_heard=True):
    """Sent when another team gets a part of the case, with a time of its own."""

    number: int
    team: Code
    due: Moment


class CaseTaskAnswered(CaseEvent, type="casework.case.task_answered.v1"):
    """Sent when a team has done its part. The case is answered when all parts are."""

    number: int
    team: Code
    reason: Code | None = None
    """Of a report: how the leading team completed its own part (number 0), e.g. `done`."""


class CaseAlerted(CaseEvent, type="casework.case.alerted.v1", must_be_heard=True):
    """Sent when nobody has taken a danger on: whoever is on duty is called again, one level up each time."""

    round: int
    """How often it has been called out again, from 1."""
    level: int
    """Who is called: the first, second or third of the team's escalation."""
    team: Code
    officer: Code | None = None
    """Who is called at that level; None where the team names nobody."""


class CaseHandoverOffered(CaseEvent, type="casework.case.handover_offered.v1", must_be_heard=True):
    """Sent when the owner can no longer act: others are asked to take the case over. Nobody gets it unasked."""

    to: tuple[Code, ...]
    """Councillors who may take it; empty: Democratic Services must find somebody."""
    reason: Literal["left-office", "portfolio-moved"]


class CaseOwnerChanged(CaseEvent, type="casework.case.owner_changed.v1", must_be_heard=True):
    """Sent when another councillor has taken the case over, or was given it by Democratic Services."""

    owner: Code
    former: Code
    reason: Literal["taken-over", "transferred"]


class CaseAcknowledged(CaseEvent, type="casework.case.acknowledged.v1"):
    """Sent when the team has taken the case on."""

    team: Code


class CaseProgressed(CaseEvent, type="casework.case.progressed.v1"):
    """Sent when the team has told the councillor how it stands. The words lie with the case."""


class CaseCommitted(CaseEvent, type="casework.case.committed.v1"):
    """Sent when the team has promised a date. The answer clock stops, the commitment clock runs."""

    promised: date
    """The day, or the last day of the range, by which it will be done."""
    not_before: date | None = None


class CaseAnswered(CaseEvent, type="casework.case.answered.v1"):
    """Sent when the team has given its final response: the councillor reviews it, auto-close runs."""

    level: int = 0


class CaseCompleted(CaseEvent, type="casework.case.completed.v1"):
    """Sent when the reported job is done: auto-close runs."""

    reason: Code


class CaseAutocloseExtended(CaseEvent, type="casework.case.autoclose_extended.v1"):
    """Sent when auto-close may not happen before a later day."""

    until: date


class CaseAutocloseWarned(CaseEvent, type="casework.case.autoclose_warned.v1"):
    """Sent when a case will close by itself soon unless somebody acts."""

    closes_at: Moment


class CaseOverdue(CaseEvent, type="casework.case.overdue.v1"):
    """Sent when a target or a promise has passed without being met."""

    clock: ClockKind
    due: Moment
    number: int | None = None
    """Of the clock `task`: the part that is late."""


class CaseCcAdded(CaseEvent, type="casework.case.cc_added.v1"):
    """Sent when a colleague may follow the case."""

    person: Code


class CaseCcRemoved(CaseEvent, type="casework.case.cc_removed.v1"):
    """Sent when a colleague no longer follows the case."""

    person: Code


class CaseClosed(CaseEvent, type="casework.case.closed.v1", must_be_heard=True):
    """Sent when a case is closed, by the councillor or by itself."""

    reason: CloseReason
    outcome: Code | None = None
