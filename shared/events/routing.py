"""What routing says: suggestions. Intake decides and says what became of them."""

from datetime import date
from typing import Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from shared.events.base import Code, Event, Moment
from shared.events.case import Capacity, Impact, Lane

DecidedReason: TypeAlias = Literal["flag-rule", "ward-rule", "town-rule", "capacity-rule", "service-rule", "suggested"]
"""What made the rule fit, narrowest condition first: a ticked flag, the ward, its town, the capacity, or the service
alone. `suggested`: the team that gave the case back named it."""

SUGGESTED: Final = "suggested"
"""Stands as rule and reason where no rule decided but the team that gave the case back: no rule may be called so."""
BY_A_RULE: Final = tuple(sorted(set(get_args(DecidedReason)) - {SUGGESTED}))
"""The reasons that credit a rule."""

TriageReason: TypeAlias = Literal[
    "unknown-service",
    "unknown-ward",
    "triage-service",
    "no-rule",
    "several-rules",
    "unknown-team",
    "returned",
    "returned-twice",
]
"""Why people must decide: the council does not know a word of it, wants it so, has no rule, or has too many; or a team
gave it back without saying whose it is, or a second team did."""


class RoutingInputs(BaseModel):
    """All that a routing decision is a function of, beside service, ward and the rule table."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    on: date
    """The local day the case was raised."""
    raised_at: Moment
    town: Code | None = None
    flags: tuple[Code, ...] = ()
    capacity: Capacity = "ward"
    impact: Impact = "routine"


class PartOf(BaseModel):
    """A part of the case for another team, and the time the rule gives it."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    team: Code
    target: Code | None = None
    """E.g. `5wd`; None: that of the service."""


class RoutingEvent(Event):
    """A routing decision about one case."""

    lane: Lane
    service: Code
    ward: Code
    rules_version: Code
    """Version of the council's rule table the decision was taken under."""
    council_version: int = 0
    """Number under which that version was published."""
    inputs: RoutingInputs | None = None

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class RoutingDecided(RoutingEvent, type="casework.routing.decided.v1", must_be_heard=True):
    """Sent when the rule table names exactly one team for a case."""

    team: Code
    rule: Code
    reason: DecidedReason
    duty: Code | None = None
    """The officer on duty, where the duty rota names who answers at this hour; the team is then the one on duty."""
    also: tuple[PartOf, ...] = ()


class RoutingTriageNeeded(RoutingEvent, type="casework.routing.triage_needed.v1", must_be_heard=True):
    """Sent when no rule, or several equally good ones, apply."""

    reason: TriageReason
    candidates: tuple[Code, ...] = ()
    """The rules that tied, if any."""
