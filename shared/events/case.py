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
ClockKind = Literal["acknowledge", "answer", "commitment", "autoclose_warning", "autoclose_last_warning", "autoclose"]
CloseReason = Literal["accepted", "auto"]


class Clock(BaseModel):
    """A running deadline. `rev` is the `caseseq` of the fact that set it: a timer with another rev is stale."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    kind: ClockKind
    due: Moment
    rule: Code
    """The target it was computed from, e.g. `10wd` or `date`."""
    rev: int


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
    capacity: Literal["ward", "cabinet"] = "ward"
    service: Code
    ward: Code
    lane: Lane = "normal"
    clocks: tuple[Clock, ...] = ()

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


class CaseRouted(CaseEvent, type="casework.case.routed.v1", must_be_heard=True):
    """Sent when a team has been found that answers for the case."""

    team: Code
    rule: Code
    rules_version: Code
    reason: Code


class CaseTriageNeeded(CaseEvent, type="casework.case.triage_needed.v1", must_be_heard=True):
    """Sent when no rule, or more than one, names a team: Democratic Services decide."""

    rules_version: Code
    reason: Code


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
