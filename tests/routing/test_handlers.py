"""A case is routed by plain functions, and the plumbing can read from them what they hear, say and keep."""

import pytest

from services.routing.handlers import handlers, route_again, route_case
from shared.council import RoutingRule
from shared.events import CaseRaised, CaseReturned, Lane, RoutingDecided, RoutingTriageNeeded
from tests.routing.fakes import AT, directory, raised, returned


@pytest.mark.parametrize("lane", ["normal", "urgent"])
def test_a_decision_keeps_the_time_and_the_lane_of_the_case(lane: Lane) -> None:
    table = directory([RoutingRule(id="lamps", service="lamps", team="red")])

    decision, notes = route_case(raised(lane=lane), table)

    assert isinstance(decision, RoutingDecided)
    assert decision.at == AT
    assert decision.routing_key() == f"routing.decided.v1.{lane}.lamps.elm"
    assert "goes to Red Team" in notes["sentence"]


def test_a_case_nobody_answers_for_is_not_dropped() -> None:
    decision, _ = route_case(raised(lane="urgent"), directory([]))

    assert isinstance(decision, RoutingTriageNeeded)
    assert decision.routing_key() == "routing.triage_needed.v1.urgent.lamps.elm"


def test_a_case_given_back_is_decided_again() -> None:
    decision, notes = route_again(returned("green", lane="urgent"), directory([]))

    assert isinstance(decision, RoutingDecided)
    assert decision.routing_key() == "routing.decided.v1.urgent.lamps.elm"
    assert notes["returned"]["team"] == "red"


def test_routing_hears_raised_and_returned_cases_and_keeps_each_decision_under_the_event() -> None:
    assert [handler.message for handler in handlers] == [CaseRaised, CaseReturned]
    for handler in handlers:
        assert set(handler.says) == {RoutingDecided, RoutingTriageNeeded}
        assert (handler.collection, handler.aggregate, handler.entries) == ("decisions", None, False)
