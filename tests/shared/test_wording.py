"""What the rule table decided, said so that whoever keeps the rules knows which to change."""

from datetime import date
from typing import Any

import pytest

from shared.council import Directory, DutyTurn, RoutingRule
from shared.council.table import decide
from shared.council.wording import condition, sentence, why_lost
from tests.routing.fakes import AT_NIGHT, NIGHTS, directory
from tests.shared.test_table import EVERYWHERE, FLAGGED, GREEN_FOR_RED, IN_TOWN, IN_WARD, ask

BLOCKED = RoutingRule(id="lamps-blocked", service="lamps", flags=("blocked",), team="blue")
BOTH = ["bare-wires", "blocked"]


def said(table: Directory, **asked: Any) -> str:
    question = ask(**asked)
    return sentence(question, decide(question, table), table)


def rule(**more: Any) -> RoutingRule:
    return RoutingRule.model_validate({"id": "r", "service": "lamps", "team": "red"} | more)


@pytest.mark.parametrize(
    ("rules", "asked", "expected"),
    [
        ([EVERYWHERE], {}, "Rule lamps, the only one that fits: Street lamps anywhere goes to Red Team."),
        (
            [EVERYWHERE, IN_TOWN, IN_WARD, FLAGGED],
            {},
            "Rule lamps-elm, the narrowest of 3 that fit: Street lamps in the ward Elm goes to Blue Team.",
        ),
        (
            [EVERYWHERE, FLAGGED],
            {"flags": ["bare-wires"]},
            (
                'Rule lamps-bare-wires, the narrowest of 2 that fit: Street lamps anywhere, with "Bare wires", '
                "goes to Green Team."
            ),
        ),
        (
            [rule(town="north", flags=("danger", "leaning"), capacity="cabinet")],
            {"flags": ["leaning"], "impact": "danger", "capacity": "cabinet"},
            (
                'Rule r, the only one that fits: Street lamps in the town North, with "Danger" and "Leaning", '
                "as cabinet business, goes to Red Team."
            ),
        ),
        (
            [FLAGGED, rule(flags=("blocked",), team="green"), EVERYWHERE],
            {"flags": BOTH},
            (
                "Rule lamps-bare-wires, the narrowest of 3 that fit (r is as narrow and names the same team): "
                'Street lamps anywhere, with "Bare wires", goes to Green Team.'
            ),
        ),
        (
            [rule(also=("green:5wd", "blue", "former:1h"))],
            {},
            (
                "Rule r, the only one that fits: Street lamps anywhere goes to Red Team; Green Team gets a part of it, "
                "within 5 working days; Blue Team gets a part of it; Former Team gets a part of it, within 1 hour."
            ),
        ),
    ],
)
def test_a_decision_names_its_rule_what_it_asks_for_and_whom_it_names(
    rules: list[RoutingRule], asked: dict[str, Any], expected: str
) -> None:
    assert said(directory(rules), **asked) == expected


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (NIGHTS, "goes to Red Team; outside office hours off-1 is on duty there."),
        (
            GREEN_FOR_RED,
            "goes to Red Team; outside office hours Green Team answers in its place, where off-1 is on duty.",
        ),
    ],
)
def test_a_danger_at_night_names_who_is_on_duty(turn: DutyTurn, expected: str) -> None:
    table = directory([RoutingRule(id="spills", service="spills", team="red")], duty=[turn])

    assert said(table, service="spills", at=AT_NIGHT).endswith(expected)


@pytest.mark.parametrize(
    ("rules", "asked", "expected"),
    [
        ([], {"service": "mines"}, "There is no service mines"),
        ([], {"service": "past"}, "Past things ended on 28 February 2026"),
        ([], {"ward": "moor"}, "There is no ward moor"),
        ([], {"ward": "gone"}, "The ward Gone ended on 28 February 2026"),
        ([], {"service": "anything-else"}, "Cases of Anything else are placed by hand"),
        ([], {}, "No rule says who answers for Street lamps"),
        ([IN_WARD, FLAGGED], {"ward": "ash"}, "No rule of Street lamps fits, of 2 there are"),
        (
            [FLAGGED, BLOCKED],
            {"flags": BOTH},
            "Rules lamps-bare-wires (Green Team) and lamps-blocked (Blue Team) fit equally well, for different teams",
        ),
        ([rule(team="ghosts")], {}, "Rule r names the team ghosts, which the council does not have"),
        (
            [rule(team="former")],
            {},
            "Rule r names a team that is not there: Former Team ended on 28 February 2026",
        ),
    ],
)
def test_what_people_decide_says_what_is_missing(
    rules: list[RoutingRule], asked: dict[str, Any], expected: str
) -> None:
    assert said(directory(rules), **asked) == f"{expected}: the people of Member Helpers decide."


@pytest.mark.parametrize(
    ("loser", "expected"),
    [
        (rule(valid_from=date(2026, 4, 1)), "begins on 1 April 2026"),
        (rule(valid_to=date(2026, 3, 1)), "ended on 1 March 2026"),
        (rule(ward="oak"), "is for the ward Oak alone"),
        (rule(town="south"), "is for the town South alone, where the ward Elm is not"),
        (rule(flags=("leaning", "danger", "blocked")), 'asks for "Danger" and "Leaning"'),
        (rule(capacity="cabinet"), "is for cabinet business alone"),
        (rule(), "fits, but is wider than lamps-bare-wires"),
        (rule(flags=("blocked",)), "fits as well as lamps-bare-wires, and they name different teams"),
        (rule(flags=("blocked",), team="green"), "fits as well as lamps-bare-wires, and names the same team"),
    ],
)
def test_a_rule_that_lost_says_why(loser: RoutingRule, expected: str) -> None:
    table, question = directory([loser, FLAGGED]), ask(flags=BOTH)
    outcome = decide(question, table)
    considered = next(each for each in outcome.considered if each.rule == loser)

    assert why_lost(considered, question, outcome, table) == expected


def test_the_rule_that_decided_says_so_and_one_that_names_nobody_fits_best() -> None:
    table, broken = directory([FLAGGED]), directory([rule(team="ghosts")])
    question = ask(flags=["bare-wires"])

    for council, expected in ((table, "decides"), (broken, "fits best")):
        outcome = decide(question, council)
        assert why_lost(outcome.considered[0], question, outcome, council) == expected


def test_a_condition_is_said_without_its_team() -> None:
    assert condition(FLAGGED, directory()) == 'Street lamps anywhere, with "Bare wires"'
