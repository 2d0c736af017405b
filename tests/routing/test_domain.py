"""Routing decides by the rule table and says why; what comes back goes on once, and then to people."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.routing.domain import Tally, reroute, route
from shared.council import DutyTurn, RoutingRule
from shared.events import RoutingDecided, RoutingTriageNeeded
from shared.events.routing import PartOf, RoutingInputs
from tests.routing.fakes import AT, AT_NIGHT, NIGHTS, RECEIVED, directory, raised, returned

EVERYWHERE = RoutingRule(id="lamps", service="lamps", team="red")
SPILLS = RoutingRule(id="spills", service="spills", team="red", also=("blue:5wd",))


def test_a_case_goes_to_the_team_of_its_service_and_the_decision_says_by_what() -> None:
    event, notes = route(raised(flags=("leaning",)), directory([EVERYWHERE], version="42", number=5))

    assert event == RoutingDecided(
        at=AT,
        lane="normal",
        service="lamps",
        ward="elm",
        rules_version="42",
        council_version=5,
        inputs=RoutingInputs(on=RECEIVED, raised_at=AT, town="north", flags=("leaning",)),
        reason="service-rule",
        team="red",
        rule="lamps",
    )
    assert notes == {
        "sentence": "Rule lamps, the only one that fits: Street lamps anywhere goes to Red Team.",
        "reference": "CW-00000-00000",
    }


def test_the_inputs_are_those_of_the_case() -> None:
    event, _ = route(
        raised(ward="moor", impact="safeguarding", capacity="cabinet", on=date(2026, 3, 1), at=AT_NIGHT),
        directory([EVERYWHERE]),
    )

    assert event.inputs == RoutingInputs(
        on=date(2026, 3, 1), raised_at=AT_NIGHT, town=None, capacity="cabinet", impact="safeguarding"
    )


def test_danger_at_night_goes_to_whoever_is_on_duty_with_the_parts_of_others() -> None:
    event, notes = route(raised(service="spills", lane="urgent", at=AT_NIGHT), directory([SPILLS], duty=[NIGHTS]))

    assert isinstance(event, RoutingDecided)
    assert (event.lane, event.team, event.rule, event.duty) == ("urgent", "red", "spills", "off-1")
    assert event.also == (PartOf(team="blue", target="5wd"),)
    assert "outside office hours off-1 is on duty there" in notes["sentence"]


def test_what_came_as_urgent_goes_by_the_rota_though_this_version_would_not_call_it_so() -> None:
    event, _ = route(raised(lane="urgent", at=AT_NIGHT), directory([EVERYWHERE], duty=[NIGHTS]))

    assert isinstance(event, RoutingDecided)
    assert event.duty == "off-1"


def test_what_the_table_cannot_decide_goes_to_triage_with_reason_inputs_and_sentence() -> None:
    other = RoutingRule(id="lamps-also", service="lamps", team="blue")

    event, notes = route(raised(lane="urgent"), directory([EVERYWHERE, other], version="42", number=5))

    assert event == RoutingTriageNeeded(
        at=AT,
        lane="urgent",
        service="lamps",
        ward="elm",
        rules_version="42",
        council_version=5,
        inputs=RoutingInputs(on=RECEIVED, raised_at=AT, town="north"),
        reason="several-rules",
        candidates=("lamps", "lamps-also"),
    )
    assert notes["sentence"].endswith("fit equally well, for different teams: the people of Member Helpers decide.")


@pytest.mark.parametrize(
    ("service", "ward", "reason"),
    [
        ("no-such-service", "elm", "unknown-service"),
        ("lamps", "no-such-ward", "unknown-ward"),
        ("anything-else", "elm", "triage-service"),
        ("ponds", "elm", "no-rule"),
    ],
)
def test_a_case_nobody_answers_for_is_not_dropped(service: str, ward: str, reason: str) -> None:
    event, _ = route(raised(service=service, ward=ward), directory([EVERYWHERE]))

    assert isinstance(event, RoutingTriageNeeded)
    assert (event.reason, event.service, event.ward) == (reason, service, ward)


def test_a_case_given_back_goes_to_the_team_that_was_named() -> None:
    event, notes = reroute(returned("green"), directory([EVERYWHERE], version="42", number=5))

    assert event == RoutingDecided(
        at=AT,
        lane="normal",
        service="lamps",
        ward="elm",
        rules_version="42",
        council_version=5,
        team="green",
        rule="suggested",
        reason="suggested",
    )
    assert notes == {
        "sentence": 'Red Team gave it back ("Another team answers for this") and named Green Team: Green Team gets it.',
        "reference": "CW-00000-00000",
        "returned": {
            "team": "red",
            "reason": "other-team",
            "suggestion": "green",
            "times": 1,
            "rule": "lamps",
            "rules_version": "7",
        },
    }


@pytest.mark.parametrize(
    ("more", "reason", "said"),
    [
        ({"suggestion": None}, "returned", "and named nobody: the people of"),
        ({"suggestion": "red"}, "returned", "and named Red Team, which cannot have it: the people of"),
        ({"suggestion": "former"}, "returned", "and named Former Team, which cannot have it"),
        ({"suggestion": "ghosts"}, "returned", "and named ghosts, which cannot have it"),
        ({"suggestion": "helpers"}, "returned", "and named Member Helpers, which cannot have it"),
        ({"suggestion": "green", "times": 2}, "returned-twice", "and it has come back 2 times: the people of"),
        ({"suggestion": "green", "times": 3}, "returned-twice", "and it has come back 3 times: the people of"),
    ],
)
def test_a_case_given_back_without_a_team_that_can_have_it_or_again_goes_to_people(
    more: dict[str, Any], reason: str, said: str
) -> None:
    event, notes = reroute(returned(**more), directory([EVERYWHERE]))

    assert isinstance(event, RoutingTriageNeeded)
    assert event.reason == reason
    assert said in notes["sentence"]
    assert notes["returned"]["times"] == more.get("times", 1)


def test_the_team_of_the_day_of_the_return_counts_in_council_time() -> None:
    still_the_day_before = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)

    event, _ = reroute(returned("former", at=still_the_day_before), directory())
    later, _ = reroute(returned("former", at=datetime(2026, 3, 1, 0, 30, tzinfo=UTC)), directory())

    assert isinstance(event, RoutingDecided)
    assert event.team == "former"
    assert isinstance(later, RoutingTriageNeeded)


GREEN_FOR_BLUE = DutyTurn(id="nights", covers="blue", team="green", officer="off-1", start="17:30", end="08:30")


def test_a_danger_given_back_at_night_goes_to_whoever_is_on_duty_for_the_team_that_was_named() -> None:
    event, notes = reroute(returned("blue", at=AT_NIGHT, lane="urgent"), directory(duty=[GREEN_FOR_BLUE]))

    assert isinstance(event, RoutingDecided)
    assert (event.team, event.duty, event.reason) == ("green", "off-1", "suggested")
    assert notes["sentence"].endswith(
        "and named Blue Team: Green Team gets it; outside office hours off-1 is on duty for it."
    )


@pytest.mark.parametrize(
    "more",
    [{"team": "green", "lane": "urgent", "at": AT_NIGHT}, {"lane": "normal", "at": AT_NIGHT}, {"lane": "urgent"}],
)
def test_the_rota_never_sends_a_case_back_to_the_team_that_gave_it_away(more: dict[str, Any]) -> None:
    event, _ = reroute(returned("blue", **more), directory(duty=[GREEN_FOR_BLUE]))

    assert isinstance(event, RoutingDecided)
    assert (event.team, event.duty) == ("blue", None)


@pytest.mark.parametrize(("routed", "back", "accuracy"), [(0, 0, 1.0), (4, 0, 1.0), (4, 1, 0.75), (4, 4, 0.0)])
def test_accuracy_is_how_often_the_team_kept_the_case(routed: int, back: int, accuracy: float) -> None:
    assert Tally("lamps", "7", routed, back).accuracy == accuracy
