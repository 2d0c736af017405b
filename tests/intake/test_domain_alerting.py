"""Danger that nobody has taken on: called out again and again, one level up each time, and not once too often."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import Facts, OutOfPlace
from services.intake.domain.alerting import alert_clock
from shared.commands import Acknowledge, AddProgress, Assign, ReturnCase
from shared.council import Directory, Policies
from shared.events import CaseAcknowledged, CaseAlerted, Clock
from tests.counts import count
from tests.intake.stories import (
    DEMOCRATIC,
    MANAGER,
    MONDAY,
    OFFICER,
    OTHER_OFFICER,
    Story,
    make_council,
    order,
    routed,
    tell,
    timer,
    undecided,
    well_formed,
)
from tests.intake.terms import urgent

QUARTER = timedelta(minutes=15)
DEFAULTS = Policies()


def council_with(*escalation: str, policies: Policies = DEFAULTS) -> Directory:
    """Give a council whose team for housing names these people, one level after the other."""
    council = make_council()
    teams = tuple(
        team.model_copy(update={"escalation": escalation}) if team.id == "housing" else team for team in council.teams
    )
    return Directory(make_council(teams=teams, policies=policies))


def with_team(directory: Directory) -> Story:
    """Tell a danger that is with its team."""
    story = urgent()
    story.directory = directory
    story.hear(routed(service="dangerous-waste"))
    return story


def alerted(facts: Facts) -> CaseAlerted:
    (fact,) = facts
    assert isinstance(fact, CaseAlerted)
    return fact


def the_clock(story: Story) -> Clock:
    clock = story.case.public.clock("alert")
    assert clock is not None
    return clock


@pytest.mark.parametrize("event", [routed(service="dangerous-waste"), undecided()])
def test_a_danger_that_comes_to_a_team_or_to_triage_gets_the_clock(event: Any) -> None:
    story = urgent()

    story.hear(event)

    clock = the_clock(story)
    assert (clock.due, clock.rule, clock.rev) == (MONDAY + QUARTER, "15m", 2)


def test_a_danger_that_leaves_triage_is_called_out_from_then() -> None:
    story = urgent()
    story.hear(undecided())

    story.hear(routed(MONDAY + timedelta(minutes=10), service="dangerous-waste"))

    clock = the_clock(story)
    assert (clock.due, clock.rev) == (MONDAY + timedelta(minutes=25), 3)


def test_the_council_says_how_long_it_waits() -> None:
    clock = the_clock(with_team(council_with(policies=Policies(realert_minutes=40))))

    assert (clock.due, clock.rule) == (MONDAY + timedelta(minutes=40), "40m")


@pytest.mark.parametrize("state", ["triage", "with_team"])
def test_an_ordinary_case_is_never_called_out(state: str) -> None:
    story = tell(state)

    assert story.case.public.clock("alert") is None
    assert alert_clock(story.case, MONDAY, 3, story.directory) == ()


def test_each_round_calls_one_level_higher_and_the_highest_again_and_again() -> None:
    story = with_team(council_with(OFFICER, MANAGER, OTHER_OFFICER))

    said = [alerted(story.fire("alert")) for _ in range(5)]

    assert [(each.round, each.level, each.officer) for each in said] == [
        (1, 1, OFFICER),
        (2, 2, MANAGER),
        (3, 3, OTHER_OFFICER),
        (4, 3, OTHER_OFFICER),
        (5, 3, OTHER_OFFICER),
    ]
    assert [each.at - MONDAY for each in said] == [QUARTER * number for number in range(1, 6)]
    assert {each.team for each in said} == {"housing"}


@pytest.mark.parametrize(
    ("escalation", "levels", "called"),
    [
        ((OFFICER, MANAGER), 3, [(1, OFFICER), (2, MANAGER), (2, MANAGER)]),
        ((OFFICER, MANAGER, OTHER_OFFICER), 2, [(1, OFFICER), (2, MANAGER), (2, MANAGER)]),
        ((), 3, [(1, None), (2, None), (3, None)]),
        ((), 1, [(1, None), (1, None), (1, None)]),
        ((OFFICER,), 0, [(0, None), (0, None), (0, None)]),
    ],
)
def test_a_level_goes_no_higher_than_the_council_allows_and_the_team_names_people(
    escalation: tuple[str, ...], levels: int, called: list[tuple[int, str | None]]
) -> None:
    story = with_team(council_with(*escalation, policies=Policies(realert_levels=levels)))

    said = [alerted(story.fire("alert")) for _ in range(3)]

    assert [(each.level, each.officer) for each in said] == called


def test_who_works_for_the_council_no_more_is_not_named() -> None:
    council = council_with(OFFICER).council
    officers = tuple(
        each.model_copy(update={"valid_to": date(2026, 11, 22)}) if each.id == OFFICER else each
        for each in council.officers
    )

    said = alerted(with_team(Directory(council.model_copy(update={"officers": officers}))).fire("alert"))

    assert (said.level, said.officer) == (1, None)


def test_an_alert_moves_no_other_clock_and_counts_the_next_from_when_it_was_said() -> None:
    story = with_team(council_with())
    others = [clock for clock in story.case.public.clocks if clock.kind != "alert"]
    late = MONDAY + timedelta(hours=3)

    story.fire("alert", late)

    clock = the_clock(story)
    assert [each for each in story.case.public.clocks if each.kind != "alert"] == others
    assert (clock.due, clock.rev) == (late + QUARTER, story.case.seq)


def test_in_triage_democratic_services_are_called() -> None:
    story = urgent()
    story.hear(undecided())

    said = alerted(story.fire("alert"))

    assert (said.team, said.level, said.case.state) == ("democratic", 1, "triage")


def test_who_takes_the_danger_on_ends_the_calls() -> None:
    story = with_team(council_with(OFFICER))
    clock = the_clock(story)
    story.fire("alert")
    next_clock = the_clock(story)

    story.give(order(Acknowledge, OFFICER, MONDAY + timedelta(minutes=20)))

    assert story.case.public.clock("alert") is None
    for old in (clock, next_clock):
        assert story.hear(timer("alert", old.rev, old.due + timedelta(hours=1))) == ()


def test_progress_alone_does_not_end_the_calls() -> None:
    story = with_team(council_with())

    story.give(order(AddProgress, OFFICER, MONDAY, text="Somebody is asked."))

    assert alerted(story.fire("alert")).round == 1


@pytest.mark.parametrize("state", ["in_progress", "committed", "answered", "completed", "closed"])
def test_a_clock_that_should_not_run_calls_nobody(state: str) -> None:
    story = with_team(council_with(OFFICER))
    public = story.case.public.model_copy(update={"state": state})
    story.known = story.case.model_copy(update={"public": public})

    assert story.fire("alert") == ()


def test_a_call_before_its_time_is_an_error() -> None:
    story = with_team(council_with())

    with pytest.raises(OutOfPlace, match="timer-before-due"):
        story.fire("alert", MONDAY + QUARTER - timedelta(seconds=1))


def test_rounds_count_on_when_another_team_gets_the_danger() -> None:
    story = with_team(council_with(OFFICER, MANAGER))
    story.fire("alert")
    at = MONDAY + timedelta(minutes=20)

    story.give(order(Assign, DEMOCRATIC, at, team="streets", text="It is theirs."))
    said = alerted(story.fire("alert"))

    assert (said.round, said.level, said.team, said.at) == (2, 2, "streets", at + QUARTER)


def test_rounds_begin_anew_once_a_team_has_taken_it_on() -> None:
    story = with_team(council_with(OFFICER, MANAGER))
    story.fire("alert")
    story.fire("alert")
    story.give(order(Acknowledge, OFFICER, MONDAY + timedelta(hours=1)))

    story.give(order(Assign, DEMOCRATIC, MONDAY + timedelta(hours=2), team="streets", text="It is theirs."))
    said = alerted(story.fire("alert"))

    assert (said.round, said.level, said.at) == (1, 1, MONDAY + timedelta(hours=2) + QUARTER)


def test_while_no_team_has_the_danger_nobody_is_called_and_the_next_team_gets_the_clock_anew() -> None:
    story = with_team(council_with(OFFICER))
    at = MONDAY + timedelta(minutes=10)
    story.give(order(ReturnCase, OFFICER, at, reason="other-team", text="It is on the highway."))
    assert story.case.public.state == "raised"

    assert story.fire("alert", at + QUARTER) == ()
    story.hear(routed(at + timedelta(hours=1), service="dangerous-waste", team="streets"))

    assert the_clock(story).due == at + timedelta(hours=1) + QUARTER
    assert alerted(story.fire("alert")).team == "streets"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.integers(0, 400)),
        st.tuples(st.just("old"), st.integers(0, 50)),
        st.tuples(st.sampled_from(("acknowledge", "progress", "route", "assign", "return")), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 200)),
    ),
    min_size=3,
    max_size=40,
)


class Watch:
    """A danger, with every setting of its clock that the scheduler may still speak of, however late or often."""

    def __init__(self, directory: Directory, *, triage: bool) -> None:
        self.story, self.now = urgent(), MONDAY
        self.story.directory = directory
        self.story.hear(undecided() if triage else routed(service="dangerous-waste"))
        self.seen: list[Clock] = []
        self.answered: set[int] = set()

    def step(self, kind: str, amount: int) -> None:
        running = self.story.case.public.clock("alert")
        self.seen += [running] if running and running not in self.seen else []
        match kind:
            case "next" if running:
                self.now = max(self.now, running.due) + timedelta(minutes=amount)
                self.fire(running)
            case "old" if self.seen:
                self.fire(self.seen[amount % len(self.seen)])
            case "acknowledge":
                self.story.give(order(Acknowledge, OFFICER, self.now))
            case "progress":
                self.story.give(order(AddProgress, OFFICER, self.now, text="On the way."))
            case "assign" | "return":
                actor = DEMOCRATIC if kind == "assign" else OFFICER
                self.story.give(well_formed(kind, self.story.case, actor, self.now, self.story.directory))
            case "route":
                self.story.hear(routed(self.now, service="dangerous-waste"))
            case "wait":
                self.now += timedelta(minutes=amount)

    def fire(self, clock: Clock) -> None:
        if clock.due > self.now:
            return
        running = self.story.case.public.clock("alert")
        for fact in self.story.hear(timer("alert", clock.rev, self.now)):
            assert isinstance(fact, CaseAlerted)
            assert clock == running, "a stale timer calls nobody"
            assert clock.rev not in self.answered, "each setting of the clock calls once"
            assert fact.at == self.now
            self.answered.add(clock.rev)

    def spells(self) -> list[list[CaseAlerted]]:
        """Give the calls, apart for each time until a team took the danger on."""
        spells = list[list[CaseAlerted]]([[]])
        for fact in self.story.facts:
            if isinstance(fact.event, CaseAcknowledged):
                spells.append([])
            if isinstance(fact.event, CaseAlerted):
                spells[-1].append(fact.event)
        return spells


@settings(max_examples=count(100, 3_000))
@given(
    steps=STEPS,
    escalation=st.lists(st.sampled_from((OFFICER, MANAGER, OTHER_OFFICER)), max_size=3),
    levels=st.integers(0, 3),
    minutes=st.integers(1, 1440),
    triage=st.booleans(),
)
def test_no_late_or_repeated_timer_calls_twice_and_levels_only_rise(
    steps: list[tuple[str, int]],
    escalation: list[str],
    levels: int,
    minutes: int,
    triage: bool,  # noqa: FBT001  hypothesis gives it by name
) -> None:
    policies = Policies(realert_levels=levels, realert_minutes=minutes)
    watch = Watch(council_with(*escalation, policies=policies), triage=triage)

    for kind, amount in steps:
        watch.step(kind, amount)

    spells = watch.spells()
    for said in spells:
        assert [each.round for each in said] == list(range(1, len(said) + 1))
        for before, after in pairwise(said):
            assert before.team != after.team or before.level <= after.level <= before.level + 1
            assert after.at - before.at >= timedelta(minutes=minutes)
    assert all(each.level <= levels for said in spells for each in said)
