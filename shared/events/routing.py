"""What routing says: suggestions. Intake decides and says what became of them."""

from typing import Literal, TypeAlias

from shared.events.base import Code, Event
from shared.events.case import Lane

DecidedReason: TypeAlias = Literal["flag-rule", "ward-rule", "town-rule", "service-rule"]
"""What made the rule fit, narrowest condition first: a ticked flag, the ward, its town, or the service alone."""

TriageReason: TypeAlias = Literal[
    "unknown-service", "unknown-ward", "triage-service", "no-rule", "several-rules", "unknown-team"
]
"""Why people must decide: the council does not know a word of it, wants it so, has no rule, or has too many."""


class RoutingEvent(Event):
    """A routing decision about one case."""

    lane: Lane
    service: Code
    ward: Code
    rules_version: Code
    """Version of the council's rule table the decision was taken under."""

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class RoutingDecided(RoutingEvent, type="casework.routing.decided.v1", must_be_heard=True):
    """Sent when the rule table names exactly one team for a case."""

    team: Code
    rule: Code
    reason: DecidedReason


class RoutingTriageNeeded(RoutingEvent, type="casework.routing.triage_needed.v1", must_be_heard=True):
    """Sent when no rule, or several equally good ones, apply."""

    reason: TriageReason
    candidates: tuple[Code, ...] = ()
    """The rules that tied, if any."""
