"""A case is routed by a plain function, and the plumbing can read from it what it hears, says and keeps."""

import pytest

from services.routing.handlers import handlers, route_case
from shared.council import RoutingRule
from shared.events import CaseRaised, Lane, RoutingDecided, RoutingTriageNeeded
from tests.routing.fakes import AT, directory, raised


@pytest.mark.parametrize("lane", ["normal", "urgent"])
def test_a_decision_keeps_the_time_and_the_lane_of_the_case(lane: Lane) -> None:
    table = directory([RoutingRule(id="lamps", service="lamps", team="red")])

    decision = route_case(raised(lane=lane), table)

    assert isinstance(decision, RoutingDecided)
    assert decision.at == AT
    assert decision.routing_key() == f"routing.decided.v1.{lane}.lamps.elm"


def test_a_case_nobody_answers_for_is_not_dropped() -> None:
    decision = route_case(raised(lane="urgent"), directory([]))

    assert isinstance(decision, RoutingTriageNeeded)
    assert decision.routing_key() == "routing.triage_needed.v1.urgent.lamps.elm"


def test_routing_hears_raised_cases_and_keeps_each_decision_under_the_event() -> None:
    (handler,) = handlers

    assert handler.message is CaseRaised
    assert set(handler.says) == {RoutingDecided, RoutingTriageNeeded}
    assert (handler.collection, handler.aggregate, handler.entries) == ("decisions", None, False)
