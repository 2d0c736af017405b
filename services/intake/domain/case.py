"""The case: its public state, and what later decisions must know of its past.

`evolve` is the only way a case changes, and it learns from facts alone: what is not in a fact is not in the state.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from shared.events import (
    CaseAutocloseExtended,
    CaseClosed,
    CaseCommitted,
    CaseEvent,
    CaseOverdue,
    CaseRaised,
    CaseRouted,
    CaseState,
    Clock,
    CloseReason,
    Code,
    Event,
    Fact,
    Moment,
)

Facts: TypeAlias = Sequence[Event | Fact]


class Routing(BaseModel):
    """Why the case came to its team."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: Code
    version: Code
    reason: Code


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
    routing: Routing | None = None
    promised: date | None = None
    not_before: date | None = None
    keep_open_until: date | None = None
    """Auto-close may not happen before the end of this day."""
    overdue: tuple[Code, ...] = ()
    """The clocks that were said to be overdue, as `kind:rev`: each is said once."""
    close_reason: CloseReason | None = None
    outcome: Code | None = None

    @property
    def is_dangerous(self) -> bool:
        """Say whether the case goes by the urgent lane."""
        return self.public.lane == "urgent"

    def was_said_overdue(self, clock: Clock) -> bool:
        """Say whether this very clock was reported as overdue before."""
        return overdue_mark(clock) in self.overdue


def overdue_mark(clock: Clock) -> str:
    """Name one setting of a clock."""
    return f"{clock.kind}:{clock.rev}"


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
            public=fact.case, seq=seq, raised_at=fact.at, raised_on=fact.raised_on, updated_at=fact.at, flags=fact.flags
        )
    changes: dict[str, Any] = {"public": fact.case, "seq": seq, "updated_at": fact.at}
    return case.model_copy(update=changes | _learned(case, fact))


def _learned(case: Case, fact: CaseEvent) -> dict[str, Any]:
    """Keep what a later decision needs and the public state does not say."""
    match fact:
        case CaseRouted():
            return {"routing": Routing(rule=fact.rule, version=fact.rules_version, reason=fact.reason)}
        case CaseCommitted():
            return {"promised": fact.promised, "not_before": fact.not_before}
        case CaseAutocloseExtended():
            return {"keep_open_until": fact.until}
        case CaseOverdue():
            clock = fact.case.clock(fact.clock)
            return {"overdue": (*case.overdue, overdue_mark(clock))} if clock else {}
        case CaseClosed():
            return {"close_reason": fact.reason, "outcome": fact.outcome}
        case _:
            return {}
