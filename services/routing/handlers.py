"""What routing does when something happens.

A handler returns the decision; the plumbing keeps it under the event's id and says it. Both lanes use this one table.
"""

from services.routing import domain
from shared.council import Directory
from shared.events import CaseRaised, RoutingDecided, RoutingTriageNeeded
from shared.plumbing.handling import Handlers

handlers = Handlers()

DECISIONS = "decisions"


@handlers.into(DECISIONS)
def route_case(event: CaseRaised, directory: Directory) -> RoutingDecided | RoutingTriageNeeded:
    """Hand a new case to the team that answers for it."""
    return domain.route(event, directory)
