"""What is looked for after a publication under load is found, where it is there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.council import Council, load_bundle
from shared.plumbing.versions import Published
from tests.faults.publishing import judge_decisions, judge_switches, with_rules_moved
from tests.shared.small_council import write

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
Said = Mapping[str, Any]
NUMBERS = {1: "old", 2: "new"}


@pytest.fixture(scope="module")
def councils(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Council]:
    small = load_bundle(write(tmp_path_factory.mktemp("small")))
    [rule, *_] = small.rules
    old = small.model_copy(
        update={"version": "old", "rules": (rule.model_copy(update={"id": "noise", "service": "noise", "team": "a"}),)}
    )
    return {"old": old, "new": with_rules_moved(old, "new")}


def decided(version: str, team: str, number: int = 0) -> dict[str, Any]:
    return {"rules_version": version, "rule": "noise", "team": team, "council_version": number}


def found(councils: dict[str, Council], said: Sequence[Said], taken: Sequence[Said]) -> set[str]:
    decisions = [{"subject": "c1", "history": [{"data": each}]} for each in said]
    history = [{"type": "casework.case.routed.v1", "data": each} for each in taken]
    cases = {"c1": {"history": [{"type": "casework.case.raised.v1", "data": {}}, *history]}}
    return {each.partition(":")[0] for each in judge_decisions(decisions, cases, councils, NUMBERS)}


def test_one_decision_of_one_version_that_is_followed_is_right(councils: dict[str, Council]) -> None:
    elsewhere = councils["new"].rules[0].team
    for said in (decided("old", "a"), decided("new", elsewhere), decided("new", elsewhere, 2)):
        assert found(councils, [said], [said]) == set()


def test_a_mixture_is_found(councils: dict[str, Council]) -> None:
    elsewhere = councils["new"].rules[0].team
    for said in (decided("old", elsewhere), decided("new", "a"), decided("old", "a", 2), decided("unknown", "a")):
        assert found(councils, [said], [said]) == {"mixture"}


def test_a_lost_and_a_second_decision_are_found(councils: dict[str, Council]) -> None:
    said = decided("old", "a")
    for decisions, taken in (([], []), ([said], []), ([said, said], [said]), ([said], [said, said])):
        assert found(councils, decisions, taken) == {"not-one-decision"}


def test_a_decision_that_is_not_followed_is_found(councils: dict[str, Council]) -> None:
    elsewhere = councils["new"].rules[0].team

    assert found(councils, [decided("old", "a")], [decided("new", elsewhere)]) == {"not-followed"}


def test_a_service_that_takes_the_wrong_version_is_found() -> None:
    versions = [Published(number, "", "", "", "", NOON, NOON + timedelta(minutes=number)) for number in (1, 2)]
    early, at_last_look, right = (
        ("intake", 2, NOON + timedelta(seconds=119)),
        ("intake", 1, NOON + timedelta(seconds=121)),
        ("intake", 2, NOON + timedelta(seconds=121)),
    )
    stale = ("intake", 1, NOON + timedelta(seconds=130))

    wrong = judge_switches([early, at_last_look, right, stale], versions, timedelta(0))

    assert [each.partition(" at ")[0] for each in wrong] == [
        "wrong-version: intake took 2",
        "wrong-version: intake took 1",
    ]
    assert judge_switches([early], versions, timedelta(seconds=1)) == []
