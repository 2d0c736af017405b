"""What holds of every rule table: one outcome, the same in any order, and never a rule that fits better."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import chain, combinations, product
from pathlib import Path
from random import Random
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from shared.council import Capacity, Directory, Impact, RoutingRule, load_bundle
from shared.council.reading import Entry
from shared.council.rows import Tables
from shared.council.rule_checks import ambiguity, ties
from shared.council.table import Found, Question, Undecided, by_rules, decide, turning_points
from shared.council.tables import Table
from tests.routing.fakes import AT_NIGHT, FLAGS, RECEIVED, directory
from tests.shared.test_table import EVERYWHERE, FLAGGED

SAMPLE = Path(__file__).parents[2] / "council"
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
