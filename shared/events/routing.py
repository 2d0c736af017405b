"""What routing says: suggestions. Intake decides and says what became of them."""

from shared.events.base import Code, Event
from shared.events.case import Lane


class RoutingEvent(Event):
    """A routing decision about one case."""

    lane: Lane
    service: Code
    ward: Code
    rules_version: Code
    """Version of the council's rule table the decision was taken under."""
    reason: Code
    """Why, as a code: the reader's language has the sentence."""

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class RoutingDecided(RoutingEvent, type="casework.routing.decided.v1", must_be_heard=True):
    """Sent when exactly one rule names the team for a case."""

    team: Code
    rule: Code


class RoutingTriageNeeded(RoutingEvent, type="casework.routing.triage_needed.v1", must_be_heard=True):
    """Sent when no rule, or several equally good ones, apply."""

    candidates: tuple[Code, ...] = ()
    """The rules that tied, if any."""
