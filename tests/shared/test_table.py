"""The rule table: the narrowest rule wins, the order of its rows never matters, and every question gets an outcome."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain, combinations, product
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.council import Capacity, Directory, DutyTurn, Impact, RoutingRule, load_bundle
from shared.council.reading import Entry
from shared.council.rows import Tables
from shared.council.rule_checks import ambiguity, ties
from shared.council.table import (
    Found,
    Lost,
    Question,
    Undecided,
    answers_on,
    by_rules,
    decide,
    is_urgent,
    turning_points,
)
from shared.council.tables import Table
from shared.events.routing import PartOf
from tests.routing.fakes import AT_NIGHT, FLAGS, NIGHTS, RECEIVED, directory

SAMPLE = Path(__file__).parents[2] / "council"
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


WHEN = st.none() | st.integers(-2, 2).map(lambda days: RECEIVED + timedelta(days=days))


PLACES = [{}, {}, {"ward": "elm"}, {"ward": "ash"}, {"town": "north"}, {"town": "south"}]


@st.composite
def rules_of(draw: st.DrawFn) -> list[RoutingRule]:
    """Draw a table of up to twelve rules."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        begins, ends = draw(WHEN), draw(WHEN)
        row = {
            "id": f"r{draw(st.integers(0, 9))}-{number}",
            "service": draw(st.sampled_from(["lamps", "lamps", "ponds"])),
            "flags": sorted(draw(st.sets(st.sampled_from([*FLAGS, "danger"])))),
            "capacity": draw(st.sampled_from([None, None, "ward", "cabinet"])),
            "team": draw(st.sampled_from(["red", "green", "blue"])),
            "valid_from": begins,
            "valid_to": ends if begins is None or ends is None or ends >= begins else begins,
        }
        found.append(RoutingRule.model_validate(row | draw(st.sampled_from(PLACES))))
    return found


QUESTIONS = st.builds(
    Question,
    service=st.just("lamps"),
    ward=st.sampled_from(["elm", "oak", "ash"]),
    on=st.integers(-3, 3).map(lambda days: RECEIVED + timedelta(days=days)),
    flags=st.frozensets(st.sampled_from(FLAGS)),
    impact=st.sampled_from(get_args(Impact)),
    capacity=st.sampled_from(get_args(Capacity)),
)


def fitting(rules: Sequence[RoutingRule], question: Question) -> list[RoutingRule]:
    """Find the rules that fit, in the plainest way."""
    town = {"elm": "north", "oak": "north", "ash": "south"}[question.ward]
    flags = {*question.flags, question.impact} if question.impact in {"danger", "safeguarding"} else question.flags
    return [
        rule
        for rule in rules
        if rule.service == question.service
        and rule.ward in {None, question.ward}
        and rule.town in {None, town}
        and rule.capacity in {None, question.capacity}
        and set(rule.flags) <= flags
        and (rule.valid_from or date.min) <= question.on <= (rule.valid_to or date.max)
    ]


@given(rules=rules_of(), question=QUESTIONS, shuffle=st.randoms())
def test_the_same_question_gets_the_same_outcome_whatever_the_order_of_the_rows(
    rules: list[RoutingRule], question: Question, shuffle: Random
) -> None:
    shuffled = list(rules)
    shuffle.shuffle(shuffled)

    outcome, again, once_more = (decide(question, directory(table)) for table in (rules, rules, shuffled))

    assert outcome == again == once_more


@given(rules=rules_of(), question=QUESTIONS)
def test_no_rule_that_fits_is_narrower_than_the_one_that_decided(rules: list[RoutingRule], question: Question) -> None:
    outcome = decide(question, directory(rules))
    fit = fitting(rules, question)

    assert {each.rule.id for each in outcome.considered if each.lost in {None, "less-narrow", "tied", "same-team"}} == {
        rule.id for rule in fit
    }
    if isinstance(outcome, Found):
        assert outcome.rule in fit
        flags, place, capacity = (
            len(set(outcome.rule.flags)),
            2 if outcome.rule.ward else bool(outcome.rule.town),
            bool(outcome.rule.capacity),
        )
        for rule in fit:
            narrower = (len(set(rule.flags)), 2 if rule.ward else bool(rule.town), bool(rule.capacity))
            assert narrower <= (flags, place, capacity)
    else:
        assert (outcome.reason == "no-rule") == (not fit)
        assert outcome.reason in {"no-rule", "several-rules"}


@given(rules=rules_of(), question=QUESTIONS, extra=st.sampled_from(["flag", "ward", "capacity"]))
def test_a_rule_made_narrower_wins_over_the_one_it_was_made_of(
    rules: list[RoutingRule], question: Question, extra: str
) -> None:
    question = Question(**{**{name: getattr(question, name) for name in question.__slots__}, "flags": frozenset(FLAGS)})
    before = decide(question, directory(rules))
    if not isinstance(before, Found):
        return
    narrower = before.rule.model_dump() | {"id": "narrower", "town": None, "ward": question.ward}
    if extra == "flag":
        narrower["flags"] = tuple({*before.rule.flags, *FLAGS})
    elif extra == "capacity":
        narrower["capacity"] = question.capacity
    rule = RoutingRule.model_validate(narrower)
    if rule.specificity <= before.rule.specificity:
        return

    after = decide(question, directory([*rules, rule]))

    assert isinstance(after, Found)
    assert after.rule == rule


def problems_of(rules: Sequence[RoutingRule]) -> list[str]:
    """Check a table of rules as `casework council check` does."""
    table: Table[RoutingRule] = Table("rule", complete=True)
    table.pairs = [(Entry("rules.csv", line, {}, {}), rule) for line, rule in enumerate(rules, 2)]
    tables: Any = type("OnlyRules", (), {"rules": table})()
    only_rules: Tables = tables
    return [problem.rule for problem in chain(ambiguity(only_rules), ties(only_rules))]


@given(rules=rules_of(), question=QUESTIONS, shuffle=st.randoms())
def test_a_table_that_passes_the_check_never_leaves_two_teams_to_choose_from(
    rules: list[RoutingRule], question: Question, shuffle: Random
) -> None:
    passing: list[RoutingRule] = []
    for rule in rules:  # what would be refused beside the others is left out
        passing = passing if problems_of([*passing, rule]) else [*passing, rule]
    outcome = decide(question, directory(passing))
    shuffle.shuffle(passing)

    assert isinstance(outcome, Found) or outcome.reason == "no-rule"
    assert decide(question, directory(passing)) == outcome


def test_the_check_finds_the_ties_that_the_property_relies_on() -> None:
    other = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team="blue")

    assert problems_of([FLAGGED, other]) == ["rules-tie"]
    assert problems_of([EVERYWHERE, EVERYWHERE.model_copy(update={"id": "again"})]) == ["rules-ambiguous"]


@given(rules=rules_of(), question=QUESTIONS)
def test_between_two_turning_points_the_table_says_the_same_every_day(
    rules: list[RoutingRule], question: Question
) -> None:
    table = directory(rules)
    points = turning_points(table.council)
    next_day = Question(
        **{**{name: getattr(question, name) for name in question.__slots__}, "on": question.on + timedelta(days=1)}
    )

    today, tomorrow = by_rules(question, table), by_rules(next_day, table)

    assert points == sorted(set(points))
    if next_day.on not in points:
        assert today == tomorrow


def test_every_service_ward_flag_impact_and_capacity_of_the_sample_gets_one_outcome() -> None:
    council = load_bundle(SAMPLE)
    sample = Directory(council, 1)
    ours = [service for service in council.services if service.kind != "signpost"]
    asked = 0

    for service, ward, capacity, impact in product(ours, council.wards, get_args(Capacity), get_args(Impact)):
        codes = [flag.code for flag in service.flags]
        for flags in chain.from_iterable(combinations(codes, size) for size in range(len(codes) + 1)):
            question = Question(
                service.code, ward.code, date(2026, 11, 25), frozenset(flags), impact, capacity, AT_NIGHT
            )
            outcome = decide(question, sample)
            asked += 1
            if service.triage:
                assert isinstance(outcome, Undecided)
                assert outcome.reason == "triage-service"
            else:
                assert isinstance(outcome, Found), (service.code, ward.code, flags)
                assert [each.lost for each in outcome.considered].count(None) == 1
                assert sample.team(outcome.team) is not None
    assert asked > 10_000
