"""The rule table: the narrowest rule wins, the order of its rows never matters, and every question gets an outcome."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.council import DutyTurn, RoutingRule
from shared.council.table import (
    Found,
    Lost,
    Question,
    Undecided,
    answers_on,
    decide,
    is_urgent,
)
from shared.events.routing import PartOf
from tests.routing.fakes import AT_NIGHT, NIGHTS, RECEIVED, directory

EVERYWHERE = RoutingRule(id="lamps", service="lamps", team="red")
IN_TOWN = RoutingRule(id="lamps-north", service="lamps", town="north", team="green")
IN_WARD = RoutingRule(id="lamps-elm", service="lamps", ward="elm", team="blue")
FLAGGED = RoutingRule(id="lamps-bare-wires", service="lamps", flags=("bare-wires",), team="green")
FLAGGED_IN_WARD = RoutingRule(id="lamps-elm-blocked", service="lamps", ward="elm", flags=("blocked",), team="blue")
FLAGGED_TWICE = RoutingRule(id="lamps-both", service="lamps", flags=("bare-wires", "blocked"), team="red")
OF_CABINET = RoutingRule(id="lamps-cabinet", service="lamps", capacity="cabinet", team="blue")
ON_DANGER = RoutingRule(id="lamps-danger", service="lamps", flags=("danger",), team="green")


def ask(**more: Any) -> Question:
    given: dict[str, Any] = {"service": "lamps", "ward": "elm", "on": RECEIVED}
    if "flags" in more:
        more["flags"] = frozenset(more["flags"])
    return Question(**(given | more))


@pytest.mark.parametrize(
    ("rules", "asked", "winner", "reason"),
    [
        ([EVERYWHERE], {}, "lamps", "service-rule"),
        ([EVERYWHERE, IN_TOWN], {}, "lamps-north", "town-rule"),
        ([IN_WARD, EVERYWHERE], {}, "lamps-elm", "ward-rule"),
        ([IN_TOWN, IN_WARD], {}, "lamps-elm", "ward-rule"),
        ([EVERYWHERE, IN_TOWN, IN_WARD], {"ward": "ash"}, "lamps", "service-rule"),
        ([EVERYWHERE, FLAGGED], {"flags": ["bare-wires"]}, "lamps-bare-wires", "flag-rule"),
        ([IN_WARD, FLAGGED], {"flags": ["bare-wires"]}, "lamps-bare-wires", "flag-rule"),
        ([FLAGGED, FLAGGED_IN_WARD], {"flags": ["bare-wires", "blocked"]}, "lamps-elm-blocked", "flag-rule"),
        ([FLAGGED_IN_WARD, FLAGGED_TWICE], {"flags": ["bare-wires", "blocked"]}, "lamps-both", "flag-rule"),
        ([EVERYWHERE, FLAGGED], {"flags": ["blocked"]}, "lamps", "service-rule"),
        ([EVERYWHERE, FLAGGED], {"flags": ["a-flag-nobody-knows"]}, "lamps", "service-rule"),
        ([EVERYWHERE, OF_CABINET], {}, "lamps", "service-rule"),
        ([EVERYWHERE, OF_CABINET], {"capacity": "cabinet"}, "lamps-cabinet", "capacity-rule"),
        ([IN_TOWN, OF_CABINET], {"capacity": "cabinet"}, "lamps-north", "town-rule"),
        ([EVERYWHERE, ON_DANGER], {"impact": "danger"}, "lamps-danger", "flag-rule"),
        ([EVERYWHERE, ON_DANGER], {"impact": "daily-life"}, "lamps", "service-rule"),
    ],
)
def test_the_narrowest_rule_wins_flags_first_then_the_place_then_the_capacity(
    rules: list[RoutingRule], asked: dict[str, Any], winner: str, reason: str
) -> None:
    outcome = decide(ask(**asked), directory(rules))

    assert isinstance(outcome, Found)
    assert (outcome.rule.id, outcome.reason) == (winner, reason)
    assert outcome.team == outcome.rule.team


@pytest.mark.parametrize(
    ("on", "winner"),
    [(date(2026, 3, 31), "old"), (date(2026, 4, 1), "new"), (date(2026, 5, 1), "new")],
)
def test_the_rule_of_the_day_the_case_was_received_decides(on: date, winner: str) -> None:
    old = RoutingRule(id="old", service="lamps", team="red", valid_to=date(2026, 3, 31))
    new = RoutingRule(id="new", service="lamps", team="blue", valid_from=date(2026, 4, 1))

    outcome = decide(ask(on=on), directory([old, new]))

    assert isinstance(outcome, Found)
    assert outcome.rule.id == winner


def test_equally_good_rules_for_different_teams_are_undecided_with_both_named() -> None:
    other = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team="blue")

    outcome = decide(ask(flags=["blocked", "bare-wires"]), directory([EVERYWHERE, other, FLAGGED]))

    assert isinstance(outcome, Undecided)
    assert (outcome.reason, outcome.candidates) == ("several-rules", ("lamps-bare-wires", "lamps-blocked"))


def test_equally_good_rules_for_the_same_team_are_no_doubt_and_the_first_by_its_id_is_named() -> None:
    other = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team=FLAGGED.team)

    outcome = decide(ask(flags=["blocked", "bare-wires"]), directory([EVERYWHERE, other, FLAGGED]))

    assert isinstance(outcome, Found)
    assert outcome.rule == FLAGGED
    assert [(each.rule.id, each.lost) for each in outcome.considered] == [
        ("lamps-bare-wires", None),
        ("lamps-blocked", "same-team"),
        ("lamps", "less-narrow"),
    ]


def test_a_rule_that_gives_others_a_part_says_whom_and_by_when() -> None:
    rule = RoutingRule(id="lamps", service="lamps", team="red", also=("green:5wd", "blue"))

    outcome = decide(ask(), directory([rule]))

    assert isinstance(outcome, Found)
    assert outcome.also == (PartOf(team="green", target="5wd"), PartOf(team="blue"))


@pytest.mark.parametrize(
    ("asked", "rules", "reason"),
    [
        ({"service": "no-such-service"}, [EVERYWHERE], "unknown-service"),
        ({"service": "past"}, [RoutingRule(id="past", service="past", team="red")], "unknown-service"),
        ({"ward": "no-such-ward"}, [EVERYWHERE], "unknown-ward"),
        ({"ward": "gone"}, [EVERYWHERE], "unknown-ward"),
        ({"service": "anything-else"}, [EVERYWHERE], "triage-service"),
        ({"service": "ponds"}, [EVERYWHERE], "no-rule"),
        ({"ward": "ash"}, [IN_TOWN], "no-rule"),
        ({}, [], "no-rule"),
        ({}, [RoutingRule(id="lamps", service="lamps", team="no-such-team")], "unknown-team"),
        ({}, [RoutingRule(id="lamps", service="lamps", team="former")], "unknown-team"),
    ],
)
def test_what_the_table_cannot_decide_people_decide(
    asked: dict[str, Any], rules: list[RoutingRule], reason: str
) -> None:
    outcome = decide(ask(**asked), directory(rules))

    assert isinstance(outcome, Undecided)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("rule", "lost"),
    [
        (RoutingRule(id="r", service="lamps", team="red", valid_from=date(2026, 3, 3)), "not-yet"),
        (RoutingRule(id="r", service="lamps", team="red", valid_to=date(2026, 3, 1)), "no-longer"),
        (RoutingRule(id="r", service="lamps", ward="oak", team="red"), "other-ward"),
        (RoutingRule(id="r", service="lamps", town="south", team="red"), "other-town"),
        (RoutingRule(id="r", service="lamps", flags=("leaning",), team="red"), "flag-not-set"),
        (RoutingRule(id="r", service="lamps", capacity="cabinet", team="red"), "other-capacity"),
        (RoutingRule(id="r", service="lamps", team="red"), "less-narrow"),
        (RoutingRule(id="r", service="lamps", flags=("blocked",), team="red"), "tied"),
        (RoutingRule(id="r", service="lamps", flags=("blocked",), team="green"), "same-team"),
    ],
)
def test_every_rule_considered_says_why_it_lost(rule: RoutingRule, lost: Lost) -> None:
    outcome = decide(ask(flags=["bare-wires", "blocked"]), directory([rule, FLAGGED]))

    assert {each.rule.id: each.lost for each in outcome.considered}["r"] == lost


SPILLS = RoutingRule(id="spills", service="spills", team="red", also=("green", "blue:5wd"))
GREEN_FOR_RED = DutyTurn(id="green-nights", covers="red", team="green", officer="off-1", start="17:30", end="08:30")


def test_danger_outside_office_hours_goes_to_whoever_is_on_duty() -> None:
    outcome = decide(ask(service="spills", at=AT_NIGHT), directory([SPILLS], duty=[GREEN_FOR_RED]))

    assert isinstance(outcome, Found)
    assert (outcome.team, outcome.rule, outcome.duty) == ("green", SPILLS, GREEN_FOR_RED)
    assert outcome.also == (PartOf(team="blue", target="5wd"),), "the team that leads has no part beside"


@pytest.mark.parametrize(
    ("asked", "duty"),
    [
        ({"service": "spills", "at": AT_NIGHT}, []),
        ({"service": "spills", "at": datetime(2026, 3, 2, 12, 0, tzinfo=UTC)}, [NIGHTS]),
        ({"service": "spills", "at": None}, [NIGHTS]),
        ({"service": "lamps", "at": AT_NIGHT}, [NIGHTS]),
        ({"service": "spills", "at": AT_NIGHT}, [GREEN_FOR_RED.model_copy(update={"team": "former"})]),
    ],
)
def test_nobody_else_is_on_duty_for_it(asked: dict[str, Any], duty: list[DutyTurn]) -> None:
    outcome = decide(ask(**asked), directory([EVERYWHERE, SPILLS], duty=duty))

    assert isinstance(outcome, Found)
    assert (outcome.team, outcome.duty) == ("red", None)


@pytest.mark.parametrize(
    ("asked", "urgent"),
    [
        ({}, False),
        ({"impact": "daily-life"}, False),
        ({"impact": "danger"}, True),
        ({"impact": "safeguarding"}, True),
        ({"service": "spills"}, True),
        ({"service": "no-such-service"}, False),
        ({"urgent": True}, True),
    ],
)
def test_urgent_is_what_service_or_impact_or_whoever_raised_it_says(asked: dict[str, Any], *, urgent: bool) -> None:
    question = ask(at=AT_NIGHT, **asked)
    outcome = decide(question, directory([EVERYWHERE, SPILLS], duty=[NIGHTS]))

    assert is_urgent(question, directory()) is urgent
    assert isinstance(outcome, Found) is (question.service != "no-such-service")
    assert isinstance(outcome, Undecided) or (outcome.duty is not None) is urgent


@pytest.mark.parametrize(
    ("team", "answers"), [("red", True), ("former", False), ("helpers", False), ("no-such-team", False)]
)
def test_a_case_can_be_given_to_a_team_of_that_day_and_not_to_those_who_place_cases(
    team: str, *, answers: bool
) -> None:
    assert answers_on(team, RECEIVED, directory()) is answers
