"""What routing does when something happens.

A handler returns the decision; the plumbing keeps it under the event's id and says it. Both lanes use this one table.
"""

from services.routing import domain
from services.routing.domain import Decision
from services.routing.ports import DECISIONS
from shared.council import Directory
from shared.events import CaseRaised, CaseReturned, RoutingDecided, RoutingTriageNeeded
from shared.plumbing.handling import Handlers, Noted

handlers = Handlers()


@handlers.into(DECISIONS)
def route_case(event: CaseRaised, directory: Directory) -> Noted[RoutingDecided | RoutingTriageNeeded]:
    """Hand a new case to the team that answers for it."""
    return _noted(domain.route(event, directory))


@handlers.into(DECISIONS)
def route_again(event: CaseReturned, directory: Directory) -> Noted[RoutingDecided | RoutingTriageNeeded]:
    """Hand a case that was given back to the team that was named, or to people."""
    return _noted(domain.reroute(event, directory))


def _noted(decision: Decision) -> Noted[RoutingDecided | RoutingTriageNeeded]:
    return Noted(decision.event, decision.notes)
