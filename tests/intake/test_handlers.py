"""The table of intake: which messages it hears, and that a decision becomes what the plumbing can write."""

from datetime import timedelta

import pytest

from services.intake import domain, handlers
from services.intake.domain.reactions import CouncilBehind
from services.intake.handlers import CASES, commands, events, give_to_team, give_to_triage, keep_time, look_at_owner
from shared.commands import COMMANDS, Acknowledge, Refusal
from shared.council import Directory
from shared.events import RoutingDecided, RoutingTriageNeeded, TimerDue, TimerReview
from shared.plumbing.handling import GiveUp
from tests.intake.stories import (
    DECISIONS,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
    Story,
    make_council,
    order,
    raising,
    review,
    routed,
    tell,
    timer,
    undecided,
    well_formed,
)


def test_every_command_of_the_house_has_a_handler() -> None:
    assert {handler.message for handler in commands} == set(COMMANDS.values())


def test_intake_hears_routing_the_clock_and_what_is_to_be_reviewed() -> None:
    assert {handler.message for handler in events} == {RoutingDecided, RoutingTriageNeeded, TimerDue, TimerReview}


def test_every_handler_changes_one_case_and_asks_for_the_council_only() -> None:
    for handler in [*commands, *events]:
        assert handler.aggregate is CASES
        assert set(handler.parameters.values()) == {domain.Case, Directory}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_handler_decides_as_the_domain_does(name: str) -> None:
    story = Story() if name == "raise" else tell("in_progress")
    command = raising() if name == "raise" else well_formed(name, story.case, OFFICER, MONDAY)
    handle = next(handler.function for handler in commands if handler.message.name == name)  # type: ignore[union-attr]  # commands have names

    assert handle(command, story.known, DIRECTORY) == DECISIONS[name](story.known, command, DIRECTORY)


def test_a_team_is_given_the_case_and_its_officer_takes_it_on() -> None:
    story = tell("raised")

    facts = give_to_team(routed(), story.case, DIRECTORY)
    story.hear(routed())
    taken = handlers.acknowledge(order(Acknowledge, OFFICER, MONDAY), story.case, DIRECTORY)

    assert len(facts) == 1
    assert not isinstance(taken, Refusal)


def test_a_case_nobody_answers_for_goes_to_triage() -> None:
    assert len(give_to_triage(undecided(), tell("raised").case, DIRECTORY)) == 1


def test_a_stale_timer_says_nothing() -> None:
    story = tell("answered")

    assert keep_time(timer("autoclose", 1, MONDAY + timedelta(days=30)), story.case, DIRECTORY) == ()


def test_what_speaks_of_an_unknown_case_is_set_aside_at_once() -> None:
    with pytest.raises(GiveUp, match="unknown-case"):
        give_to_team(routed(), None, DIRECTORY)
    with pytest.raises(GiveUp, match="unknown-case"):
        give_to_triage(undecided(), None, DIRECTORY)
    with pytest.raises(GiveUp, match="unknown-case"):
        keep_time(timer("autoclose", 1, MONDAY), None, DIRECTORY)
    with pytest.raises(GiveUp, match="unknown-case"):
        look_at_owner(review(MONDAY), None, DIRECTORY)


def test_a_review_that_comes_before_its_version_is_left_for_later() -> None:
    early = review(MONDAY).model_copy(update={"cause": "2:2026-11-23"})
    case = tell("in_progress").case

    with pytest.raises(CouncilBehind):
        look_at_owner(early, case, Directory(make_council(), 1))

    assert look_at_owner(early, case, Directory(make_council(), 2)) == ()


def test_a_review_of_a_case_whose_owner_serves_says_nothing() -> None:
    assert look_at_owner(review(MONDAY), tell("in_progress").case, DIRECTORY) == ()


def test_a_timer_that_fires_too_early_is_set_aside_at_once() -> None:
    story = tell("answered")
    clock = story.case.public.clock("autoclose")
    assert clock is not None

    with pytest.raises(GiveUp, match="timer-before-due"):
        keep_time(timer("autoclose", clock.rev, MONDAY), story.case, DIRECTORY)


def test_a_command_on_a_case_that_does_not_exist_is_refused_without_a_word_about_it() -> None:
    result = handlers.accept(well_formed("accept", tell("answered").case, OWNER, MONDAY), None, DIRECTORY)  # type: ignore[arg-type]  # well_formed gives an Accept

    assert isinstance(result, Refusal)
    assert result.code == "unknown-case"
