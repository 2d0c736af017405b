"""Routing decides by the rule table: the narrowest rule wins, and what it cannot decide goes to people."""

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain import route
from shared.council import RoutingRule
from shared.events import RoutingDecided, RoutingTriageNeeded
from tests.routing.fakes import AT, FLAGS, RECEIVED, directory, raised

EVERYWHERE = RoutingRule(id="lamps", service="lamps", team="red")
IN_TOWN = RoutingRule(id="lamps-north", service="lamps", town="north", team="green")
IN_WARD = RoutingRule(id="lamps-elm", service="lamps", ward="elm", team="blue")
FLAGGED = RoutingRule(id="lamps-bare-wires", service="lamps", flags=("bare-wires",), team="green")
FLAGGED_IN_WARD = RoutingRule(id="lamps-elm-blocked", service="lamps", ward="elm", flags=("blocked",), team="blue")
FLAGGED_TWICE = RoutingRule(id="lamps-both", service="lamps", flags=("bare-wires", "blocked"), team="red")


def test_a_case_goes_to_the_team_of_its_service() -> None:
    decision = route(raised(), directory([EVERYWHERE], version="42"))

    assert decision == RoutingDecided(
        at=AT,
        lane="normal",
        service="lamps",
        ward="elm",
        rules_version="42",
        reason="service-rule",
        team="red",
        rule="lamps",
    )


@pytest.mark.parametrize(
    ("rules", "flags", "winner", "reason"),
    [
        ([EVERYWHERE, IN_TOWN], (), "lamps-north", "town-rule"),
        ([IN_WARD, EVERYWHERE], (), "lamps-elm", "ward-rule"),
        ([IN_TOWN, IN_WARD], (), "lamps-elm", "ward-rule"),
        ([EVERYWHERE, FLAGGED], ("bare-wires",), "lamps-bare-wires", "flag-rule"),
        ([IN_WARD, FLAGGED], ("bare-wires",), "lamps-bare-wires", "flag-rule"),
        ([FLAGGED, FLAGGED_IN_WARD], ("bare-wires", "blocked"), "lamps-elm-blocked", "flag-rule"),
        ([FLAGGED_IN_WARD, FLAGGED_TWICE], ("bare-wires", "blocked"), "lamps-both", "flag-rule"),
        ([EVERYWHERE, FLAGGED], ("blocked",), "lamps", "service-rule"),
        ([EVERYWHERE, FLAGGED], ("a-flag-nobody-knows",), "lamps", "service-rule"),
    ],
)
def test_the_rule_with_the_most_conditions_wins_then_flags_then_the_ward(
    rules: list[RoutingRule], flags: tuple[str, ...], winner: str, reason: str
) -> None:
    decision = route(raised(flags=flags), directory(rules))

    assert isinstance(decision, RoutingDecided)
    assert (decision.rule, decision.reason) == (winner, reason)


def test_a_rule_for_another_place_does_not_apply() -> None:
    decision = route(raised(ward="ash"), directory([EVERYWHERE, IN_TOWN, IN_WARD]))

    assert isinstance(decision, RoutingDecided)
    assert decision.rule == "lamps"


@pytest.mark.parametrize(
    ("on", "winner"),
    [(date(2026, 3, 31), "old"), (date(2026, 4, 1), "new"), (date(2026, 5, 1), "new")],
)
def test_the_rule_of_the_day_the_case_was_received_decides(on: date, winner: str) -> None:
    old = RoutingRule(id="old", service="lamps", team="red", valid_to=date(2026, 3, 31))
    new = RoutingRule(id="new", service="lamps", team="blue", valid_from=date(2026, 4, 1))

    decision = route(raised(on=on), directory([old, new]))

    assert isinstance(decision, RoutingDecided)
    assert decision.rule == winner


def test_equally_good_rules_for_different_teams_go_to_triage_with_both_named() -> None:
    other = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team="blue")

    decision = route(raised(flags=("blocked", "bare-wires")), directory([EVERYWHERE, FLAGGED, other]))

    assert isinstance(decision, RoutingTriageNeeded)
    assert (decision.reason, decision.candidates) == ("several-rules", ("lamps-bare-wires", "lamps-blocked"))


def test_equally_good_rules_for_the_same_team_are_no_doubt_and_the_first_of_the_table_is_named() -> None:
    other = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team=FLAGGED.team)

    decision = route(raised(flags=("blocked", "bare-wires")), directory([EVERYWHERE, other, FLAGGED]))

    assert isinstance(decision, RoutingDecided)
    assert decision.rule == "lamps-blocked"


@pytest.mark.parametrize(
    ("service", "ward", "rules", "reason"),
    [
        ("no-such-service", "elm", [EVERYWHERE], "unknown-service"),
        ("lamps", "no-such-ward", [EVERYWHERE], "unknown-ward"),
        ("lamps", "gone", [EVERYWHERE], "unknown-ward"),
        ("anything-else", "elm", [EVERYWHERE], "triage-service"),
        ("ponds", "elm", [EVERYWHERE], "no-rule"),
        ("lamps", "ash", [IN_TOWN], "no-rule"),
        ("lamps", "elm", [], "no-rule"),
        ("lamps", "elm", [RoutingRule(id="lamps", service="lamps", team="no-such-team")], "unknown-team"),
    ],
)
def test_what_the_table_cannot_decide_goes_to_triage_with_the_reason(
    service: str, ward: str, rules: list[RoutingRule], reason: str
) -> None:
    decision = route(raised(service=service, ward=ward, lane="urgent"), directory(rules, version="42"))

    assert isinstance(decision, RoutingTriageNeeded)
    assert (decision.reason, decision.rules_version, decision.lane) == (reason, "42", "urgent")
    assert (decision.service, decision.ward, decision.at) == (service, ward, AT)


RULES = st.lists(
    st.builds(
        RoutingRule,
        id=st.from_regex(r"\Ar[0-9]{1,4}\Z"),
        service=st.sampled_from(["lamps", "ponds"]),
        ward=st.sampled_from([None, None, "elm", "ash"]),
        flags=st.sets(st.sampled_from(FLAGS)).map(lambda flags: tuple(sorted(flags))),
        team=st.sampled_from(["red", "green", "blue"]),
        valid_from=st.none() | st.integers(-2, 2).map(lambda days: RECEIVED + timedelta(days=days)),
    ),
    max_size=12,
    unique_by=lambda rule: rule.id,
)


@given(rules=RULES, shuffle=st.randoms(), flags=st.sets(st.sampled_from(FLAGS)))
def test_the_order_of_the_table_never_changes_the_team_and_no_fitting_rule_is_narrower(
    rules: list[RoutingRule], shuffle: Random, flags: set[str]
) -> None:
    shuffled = list(rules)
    shuffle.shuffle(shuffled)
    fitting = [
        rule
        for rule in rules
        if rule.matches(service="lamps", ward="elm", town="north", flags=frozenset(flags), on=RECEIVED)
    ]

    decision, again = (route(raised(flags=sorted(flags)), directory(table)) for table in (rules, shuffled))

    assert type(decision) is type(again)
    if isinstance(decision, RoutingDecided) and isinstance(again, RoutingDecided):
        chosen = next(rule for rule in fitting if rule.id == decision.rule)
        assert decision.team == again.team == chosen.team
        conditions = max(len(rule.flags) + bool(rule.ward) for rule in fitting)
        assert len(chosen.flags) + bool(chosen.ward) == conditions
    else:
        assert isinstance(decision, RoutingTriageNeeded)
        assert (decision.reason == "no-rule") == (not fitting)
