"""What a case keeps from the day it was raised: its times, its features, and the council it was raised under."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.intake.domain import Case, offered
from services.intake.domain.policy import PERMITTED
from shared.commands import Acknowledge, AddCc, Answer, Refusal
from shared.council import Directory, Feature, Policies
from shared.council.rule_checks import SWITCHABLE
from shared.events import CaseRaised, Targets
from tests.intake.results import refused
from tests.intake.stories import (
    COLLEAGUE,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
    Story,
    make_council,
    order,
    raising,
    reporting,
    routed,
    tell,
    well_formed,
)

CALENDAR = DIRECTORY.calendar
TAKEN_OVER = "take-over"
"""The one command of a councillor who is neither owner nor cc'd yet."""


def end_of(year: int, month: int, day: int) -> datetime:
    return CALENDAR.end_of_day(date(year, month, day))


def raised_under(directory: Directory, **changes: Any) -> Story:
    story = Story(directory)
    story.give(raising(**changes))
    return story


def dues(case: Case) -> dict[str, datetime]:
    return {clock.kind: clock.due for clock in case.public.clocks}


def quicker(number: int = 2) -> Directory:
    """Give a council that has changed every time it allows itself."""
    services = tuple(
        each.model_copy(update={"acknowledge": "2wd", "answer": "5wd", "autoclose_days": 3})
        for each in make_council().services
    )
    return Directory(make_council(services=services, policies=Policies(autoclose_warning_days=(2,))), number)


def test_a_case_names_the_council_it_was_raised_under() -> None:
    story = raised_under(Directory(make_council(), 41))

    fact = story.facts[0].event
    assert isinstance(fact, CaseRaised)
    assert (fact.council_version, story.case.council_version) == (41, 41)


@pytest.mark.parametrize(
    ("command", "targets"),
    [
        (raising(), ("1wd", "10wd", 10)),
        (raising(service="trees"), ("1wd", "10wd", None)),
        (reporting(), ("1wd", "2wd", 5)),
        (reporting(flags=("asbestos",)), ("1h", "1wd", None)),
        (reporting(impact="danger"), ("1wd", "2wd", None)),
        (raising(impact="safeguarding"), ("1wd", "10wd", 10)),
    ],
)
def test_the_times_are_decided_when_a_case_is_raised(command: Any, targets: tuple[str, str, int | None]) -> None:
    story = Story()
    story.give(command)

    acknowledge, answer, days = targets
    assert story.case.targets == Targets(
        acknowledge=acknowledge, answer=answer, autoclose_days=days, autoclose_warning_days=(5, 1)
    )


def test_a_running_case_keeps_its_times_and_a_new_one_gets_the_new() -> None:
    old, new = raised_under(DIRECTORY), raised_under(quicker())
    old.directory = quicker()

    for story in (old, new):
        story.hear(routed())
        story.give(order(Acknowledge, OFFICER, MONDAY))
    to_answer = [dues(story.case)["answer"] for story in (old, new)]
    for story in (old, new):
        story.give(order(Answer, OFFICER, MONDAY, text="Done."))

    assert to_answer == [end_of(2026, 12, 7), end_of(2026, 11, 30)]
    assert [dues(story.case) for story in (old, new)] == [
        {
            "autoclose_warning": end_of(2026, 11, 30),
            "autoclose_last_warning": end_of(2026, 12, 4),
            "autoclose": end_of(2026, 12, 7),
        },
        {"autoclose_warning": end_of(2026, 11, 24), "autoclose": end_of(2026, 11, 26)},
    ]


def before_times_were_kept(story: Story) -> Story:
    """Take away what a case of the first version did not have."""
    story.known = story.case.model_copy(update={"targets": None, "council_version": 0, "features": ()})
    return story


def test_a_case_of_before_times_were_kept_has_those_of_today() -> None:
    story = before_times_were_kept(raised_under(DIRECTORY))
    story.directory = quicker()

    story.hear(routed())

    assert dues(story.case) == {"acknowledge": end_of(2026, 11, 25), "answer": end_of(2026, 11, 30)}


def test_a_case_of_before_whose_service_has_left_the_catalogue_still_has_deadlines() -> None:
    story = before_times_were_kept(raised_under(DIRECTORY))
    story.directory = Directory(make_council(services=(), policies=Policies(autoclose_case_days=7)))

    story.hear(routed())
    story.give(order(Acknowledge, OFFICER, MONDAY))
    to_answer = dues(story.case)
    story.give(order(Answer, OFFICER, MONDAY, text="Done."))

    assert to_answer == {"answer": end_of(2026, 12, 7)}
    assert dues(story.case)["autoclose"] == end_of(2026, 12, 2)


def piloted(*members: str, wards: tuple[str, ...] = (), everybody: bool = False) -> Directory:
    feature = Feature(
        code="copying", name="Copying in", commands=("add-cc",), members=members, wards=wards, everybody=everybody
    )
    return Directory(make_council(features=(feature,)))


@pytest.mark.parametrize(
    ("directory", "features"),
    [
        (piloted(OWNER), ("copying",)),
        (piloted(wards=("abbey",)), ("copying",)),
        (piloted(everybody=True), ("copying",)),
        (piloted(COLLEAGUE, wards=("langley",)), ()),
        (DIRECTORY, ()),
    ],
)
def test_a_case_carries_the_features_of_whoever_raised_it(directory: Directory, features: tuple[str, ...]) -> None:
    assert raised_under(directory).case.features == features


def test_what_a_feature_switches_is_refused_and_not_offered_on_a_case_without_it() -> None:
    without, having = raised_under(piloted(COLLEAGUE)), raised_under(piloted(OWNER))
    command = order(AddCc, OWNER, MONDAY, person=COLLEAGUE)

    refusal = refused(without.give(command))

    assert (refusal.kind, refusal.code, refusal.instead) == ("forbidden", "not-switched-on", ())
    assert refusal.sentence.startswith("The council has not switched this on")
    assert offered(without.case, OWNER, without.directory, MONDAY) == ()
    assert offered(having.case, OWNER, having.directory, MONDAY) == ("add-cc",)
    assert not isinstance(having.give(command), Refusal)


def test_a_case_keeps_its_features_when_the_council_switches_them_off_and_gets_none_later() -> None:
    having, without = raised_under(piloted(OWNER)), raised_under(piloted(COLLEAGUE))
    having.directory, without.directory = piloted(COLLEAGUE), piloted(OWNER)

    assert offered(having.case, OWNER, having.directory, MONDAY) == ("add-cc",)
    assert offered(without.case, OWNER, without.directory, MONDAY) == ()


@pytest.mark.parametrize(("member", "commands"), [(OWNER, ("add-cc",)), (COLLEAGUE, ())])
def test_a_case_of_before_features_were_kept_has_those_of_its_owner(member: str, commands: tuple[str, ...]) -> None:
    story = before_times_were_kept(raised_under(DIRECTORY))

    assert offered(story.case, OWNER, piloted(member), MONDAY) == commands


@pytest.mark.parametrize("state", ["raised", "committed", "answered", "closed"])
@pytest.mark.parametrize("person", [OWNER, COLLEAGUE])
def test_with_every_switch_off_what_is_offered_is_exactly_what_is_accepted(state: str, person: str) -> None:
    off = Feature(code="all", name="All", commands=tuple(sorted(SWITCHABLE)), valid_to=date(2026, 1, 1))
    story = tell(state, cc=(COLLEAGUE,))
    story.directory = Directory(make_council(features=(off,)))

    refusals = [
        refused(story.give(well_formed(name, story.case, person, MONDAY))) for name in sorted(SWITCHABLE - {TAKEN_OVER})
    ]

    assert offered(story.case, person, story.directory, MONDAY) == ()
    assert {refusal.kind for refusal in refusals} == {"forbidden"}
    assert "not-switched-on" in {refusal.code for refusal in refusals}


def test_exactly_the_commands_of_councillors_can_be_switched() -> None:
    assert PERMITTED["owner"] | PERMITTED["cc"] | {TAKEN_OVER} == SWITCHABLE


def test_an_ended_feature_is_off_for_new_cases() -> None:
    feature = Feature(
        code="copying", name="Copying in", commands=("add-cc",), everybody=True, valid_to=MONDAY.date() - timedelta(1)
    )

    assert raised_under(Directory(make_council(features=(feature,)))).case.features == ()
