"""Parts of a case that other teams do: who opens them, for whom, with which time, and who knows the case by them."""

from datetime import date, datetime

import pytest

from services.intake import domain
from services.intake.domain.guards import MOST_PARTS
from shared.commands import AddProgress, Refusal, ReturnCase
from shared.events import (
    CaseRouted,
    CaseTaskOpened,
    PartOf,
)
from tests.intake.parts import TUESDAY, answering, asking, due_of, parts_of, with_a_part
from tests.intake.results import events, refused
from tests.intake.stories import (
    CARER,
    DEMOCRATIC,
    DIRECTORY,
    MANAGER,
    OFFICER,
    TODAY,
    Story,
    order,
    raising,
    routed,
    tell,
    well_formed,
)

CALENDAR = DIRECTORY.calendar


def end_of(month: int, day: int) -> datetime:
    return CALENDAR.end_of_day(date(2026, month, day))


@pytest.mark.parametrize("actor", [OFFICER, MANAGER, DEMOCRATIC])
@pytest.mark.parametrize("state", ["with_team", "in_progress", "committed"])
def test_another_team_can_be_asked_for_a_part_with_a_time_of_its_own(state: str, actor: str) -> None:
    story = tell(state)
    before = story.case.public

    (fact,) = events(story.give(asking(actor=actor, days=3)))

    assert isinstance(fact, CaseTaskOpened)
    assert (fact.number, fact.team, fact.due) == (1, "adults", end_of(11, 27))
    assert parts_of(story.case) == [(1, "adults", False)]
    assert (fact.case.state, fact.case.team) == (before.state, before.team)
    assert fact.case.clocks[:-1] == before.clocks
    assert (fact.case.clocks[-1].kind, fact.case.clocks[-1].rev) == ("task", story.case.seq)
    assert story.facts[-1].text == {"text": "Please visit the resident."}


def test_without_days_a_part_has_the_time_of_the_service_from_now_on() -> None:
    story = with_a_part()

    assert due_of(story.case, 1) == end_of(12, 8)


@pytest.mark.parametrize("team", ["nobody", "lamps", "housing", "adults"])
def test_only_a_team_of_today_that_has_no_open_part_can_be_asked(team: str) -> None:
    refusal = refused(with_a_part().give(asking(team)))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", "not-a-team-for-a-part", "team")
    assert "choose among Democratic Services (democratic), Street Care (streets)." in refusal.sentence


@pytest.mark.parametrize("state", ["raised", "answered", "closed"])
def test_a_case_that_nobody_works_on_has_no_new_parts(state: str) -> None:
    assert refused(tell(state).give(asking(actor=DEMOCRATIC))).kind == "conflict"


def test_a_team_whose_part_is_done_can_be_asked_again() -> None:
    story = with_a_part()
    story.give(answering())

    story.give(asking())

    assert parts_of(story.case) == [(1, "adults", True), (2, "adults", False)]


def test_when_every_team_has_a_part_no_other_is_offered() -> None:
    story = with_a_part()
    story.give(asking("streets"))
    story.give(asking("democratic"))

    assert refused(story.give(asking("adults"))).code == "nobody-for-a-part"
    assert "open-task" not in domain.offered(story.case, OFFICER, DIRECTORY, TUESDAY)


def test_a_case_has_no_more_parts_than_a_command_can_name() -> None:
    story = with_a_part()
    for _ in range(MOST_PARTS - 1):
        story.give(answering(story.case.public.tasks[-1].number))
        story.give(asking())

    story.give(answering(MOST_PARTS))

    assert len(story.case.public.tasks) == MOST_PARTS
    assert refused(story.give(asking())).code == "too-many-parts"


def test_a_rule_opens_parts_in_the_same_write_as_it_routes() -> None:
    story = Story()
    story.give(raising())

    facts = events(
        story.hear(routed(also=(PartOf(team="adults", target="5wd"), PartOf(team="streets")), council_version=4))
    )

    routing, first, second = facts
    assert isinstance(routing, CaseRouted)
    assert isinstance(first, CaseTaskOpened)
    assert isinstance(second, CaseTaskOpened)
    assert (routing.case.tasks, routing.council_version) == ((), 4)
    assert parts_of(story.case) == [(1, "adults", False), (2, "streets", False)]
    assert (first.due, second.due) == (end_of(11, 30), end_of(12, 7))
    assert [(clock.kind, clock.rev) for clock in story.case.public.clocks] == [
        ("acknowledge", 2),
        ("answer", 2),
        ("task", 3),
        ("task", 4),
    ]


def test_a_case_that_is_routed_again_gives_a_team_no_second_part() -> None:
    story = tell("raised")
    also = (PartOf(team="adults"), PartOf(team="streets"))
    story.hear(routed(also=(also[0],)))
    story.give(answering())
    story.give(order(ReturnCase, OFFICER, TUESDAY, reason="other-team", suggestion="streets", text="Not ours."))

    facts = events(story.hear(routed(TUESDAY, team="streets", reason="suggested", also=also)))

    assert len(facts) == 1
    assert parts_of(story.case) == [(1, "adults", True)]


def test_officers_of_a_part_see_the_case_and_do_their_part_and_nothing_else() -> None:
    story = with_a_part()

    assert domain.role_of(story.case, CARER, DIRECTORY, TODAY) == "contributor"
    assert domain.offered(story.case, CARER, DIRECTORY, TUESDAY) == ("add-progress", "answer-task")
    assert not isinstance(story.give(order(AddProgress, CARER, TUESDAY, text="We go there on Friday.")), Refusal)
    assert refused(story.give(well_formed("answer", story.case, CARER, TUESDAY))).code == "not-permitted"
