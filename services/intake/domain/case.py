"""The case: its public state, and what later decisions must know of its past.

`evolve` is the only way a case changes, and it learns from facts alone: what is not in a fact is not in the state.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from shared.events import (
    CaseAcknowledged,
    CaseAlerted,
    CaseAssigned,
    CaseAutocloseExtended,
    CaseClosed,
    CaseCommitted,
    CaseEvent,
    CaseHandoverOffered,
    CaseOverdue,
    CaseOwnerChanged,
    CaseRaised,
    CaseReturned,
    CaseRouted,
    CaseState,
    CaseTaskAnswered,
    CaseTaskOpened,
    CaseTriageNeeded,
    Clock,
    CloseReason,
    Code,
    Event,
    Fact,
    Moment,
    Targets,
    Task,
)

Facts: TypeAlias = Sequence[Event | Fact]
OfferReason = Literal["left-office", "portfolio-moved"]
REASONS: tuple[OfferReason, ...] = get_args(OfferReason)
"""Why a case was offered to others."""


LEAD = 0
"""The number of the leading team's own part."""


class Routing(BaseModel):
    """Why the case came to its team, or to triage."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: Code | None
    """None: no rule names a team, so people decide."""
    version: Code
    reason: Code
    duty: Code | None = None
    """The officer on duty, where the duty rota decided."""


class Returned(BaseModel):
    """The last time a team gave the case back."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    team: Code
    at: Moment
    times: int
    """How often it has been given back in all."""


class Part(BaseModel):
    """What the public state does not say of another team's part: which fact opened it, and so set its clock."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    rev: int


class Offer(BaseModel):
    """To whom a case was last offered because its owner can no longer act; it stands until the owner changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    to: tuple[Code, ...]
    """Empty: Democratic Services must find somebody."""
    reason: OfferReason
    at: Moment


class Case(BaseModel):
    """A case or report after all of its facts so far."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    public: CaseState
    """What every event of the case shows."""
    seq: int
    """`caseseq` of the last fact."""
    raised_at: Moment
    raised_on: date
    """The local day it was received: day 0 of every target."""
    updated_at: Moment
    flags: tuple[Code, ...] = ()
    council_version: int = 0
    """Number of the council data it was raised under."""
    targets: Targets | None = None
    """The times it was raised under; None: it was raised before they were kept."""
    features: tuple[Code, ...] = ()
    routing: Routing | None = None
    """None: nobody has routed it yet, or people have given it to its team."""
    returned: Returned | None = None
    parts: tuple[Part, ...] = ()
    lead_reason: Code | None = None
    """How the leading team completed its own part of a report, while others have not done theirs."""
    promised: date | None = None
    not_before: date | None = None
    keep_open_until: date | None = None
    """Auto-close may not happen before the end of this day."""
    overdue: tuple[Code, ...] = ()
    """The clocks that were said to be overdue, as `kind:rev`: each is said once."""
    close_reason: CloseReason | None = None
    outcome: Code | None = None
    alerts: int = 0
    """How often it has been called out again since a team last took it on."""
    offered: Offer | None = None

    @property
    def is_open(self) -> bool:
        """Say whether anything may still become of the case."""
        return self.public.state not in {"closed", "anonymised"}

    @property
    def is_dangerous(self) -> bool:
        """Say whether the case goes by the urgent lane."""
        return self.public.lane == "urgent"

    def has_been_returned_since(self, at: datetime) -> bool:
        """Say whether a team has given it back later: what routing says of an earlier time is no answer any more."""
        return self.returned is not None and at < self.returned.at

    def was_said_overdue(self, clock: Clock) -> bool:
        """Say whether this very clock was reported as overdue before."""
        return overdue_mark(clock) in self.overdue

    def part_clock(self, number: int) -> Clock | None:
        """Find the running clock of another team's part."""
        revs = {part.rev for part in self.parts if part.number == number}
        return next((clock for clock in self.public.clocks if clock.kind == "task" and clock.rev in revs), None)

    def part_of(self, clock: Clock) -> int | None:
        """Say which part a clock belongs to; None: it is a clock of the case."""
        if clock.kind != "task":
            return None
        return next((part.number for part in self.parts if part.rev == clock.rev), None)


def overdue_mark(clock: Clock) -> str:
    """Name one setting of a clock."""
    return f"{clock.kind}:{clock.rev}"


def open_parts(public: CaseState) -> tuple[Task, ...]:
    """Give the parts of other teams that are not done."""
    return tuple(task for task in public.tasks if task.number != LEAD and not task.done)


def lead_is_done(public: CaseState) -> bool:
    """Say whether the leading team has done its own part, while others had not done theirs."""
    return any(task.number == LEAD and task.done for task in public.tasks)


def evolve(case: Case | None, fact: Event, seq: int) -> Case:
    """Give the case after a fact, which is number `seq` of its history, counted from 1.

    Raises:
        TypeError: the fact is not one of the case stream, or the first one is not the raising.
        ValueError: the history would have a gap.
    """
    if not isinstance(fact, CaseEvent):
        raise TypeError(f"{fact.type} is no fact of a case")
    if seq != (case.seq if case else 0) + 1:
        raise ValueError(f"fact {seq} cannot follow {case.seq if case else 0}: the history would have a gap")
    if case is None:
        if not isinstance(fact, CaseRaised):
            raise TypeError(f"{fact.type} cannot be the first fact of a case")
        return Case(
            public=fact.case,
            seq=seq,
            raised_at=fact.at,
            raised_on=fact.raised_on,
            updated_at=fact.at,
            flags=fact.flags,
            council_version=fact.council_version,
            targets=fact.targets,
            features=fact.features,
        )
    changes: dict[str, Any] = {"public": fact.case, "seq": seq, "updated_at": fact.at}
    return case.model_copy(update=changes | _learned(case, fact) | _placed(fact) | _parted(case, fact) | _asked(fact))


def _learned(case: Case, fact: CaseEvent) -> dict[str, Any]:
    """Keep what a later decision needs and the public state does not say."""
    match fact:
        case CaseCommitted():
            return {"promised": fact.promised, "not_before": fact.not_before}
        case CaseAutocloseExtended():
            return {"keep_open_until": fact.until}
        case CaseOverdue():
            clock = fact.case.clock(fact.clock) if fact.number is None else case.part_clock(fact.number)
            return {"overdue": (*case.overdue, overdue_mark(clock))} if clock else {}
        case CaseClosed():
            return {"close_reason": fact.reason, "outcome": fact.outcome}
        case _:
            return {}


def _asked(fact: CaseEvent) -> dict[str, Any]:
    """Keep who has been asked: to take a danger on, or to take the case over."""
    match fact:
        case CaseAlerted():
            return {"alerts": fact.round}
        case CaseAcknowledged():
            return {"alerts": 0}
        case CaseHandoverOffered():
            return {"offered": Offer(to=fact.to, reason=fact.reason, at=fact.at)}
        case CaseOwnerChanged():
            return {"offered": None}
        case _:
            return {}


def _placed(fact: CaseEvent) -> dict[str, Any]:
    """Keep why the case is with its team."""
    match fact:
        case CaseRouted():
            routing = Routing(rule=fact.rule, version=fact.rules_version, reason=fact.reason, duty=fact.duty)
            return {"routing": routing}
        case CaseTriageNeeded():
            return {"routing": Routing(rule=None, version=fact.rules_version, reason=fact.reason)}
        case CaseReturned():
            returned = Returned(team=fact.team, at=fact.at, times=fact.times)
            return {"routing": None, "returned": returned, "lead_reason": None}
        case CaseAssigned():
            return {"routing": None, "lead_reason": None}
        case _:
            return {}


def _parted(case: Case, fact: CaseEvent) -> dict[str, Any]:
    """Keep what belongs to the parts of the case."""
    match fact:
        case CaseTaskOpened():
            return {"parts": (*case.parts, Part(number=fact.number, rev=case.seq + 1))}
        case CaseTaskAnswered() if fact.number == LEAD:
            return {"lead_reason": fact.reason}
        case _:
            return {}
