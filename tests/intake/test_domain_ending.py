"""How a case with parts ends: each part is done by its team, and the case is answered when all are."""

from datetime import date, datetime

import pytest

from services.intake import domain
from services.intake.domain import words
from shared.commands import Accept, Answer, Assign, Complete, ReturnCase
from shared.council import Directory
from shared.events import (
    CaseAnswered,
    CaseClosed,
    CaseCompleted,
    CaseOverdue,
    CaseTaskAnswered,
    Task,
)
from tests.intake.parts import TUESDAY, answering, asking, due_of, parts_of, with_a_part
from tests.intake.results import events, refused
from tests.intake.stories import (
    CARER,
    DEMOCRATIC,
    DIRECTORY,
    OFFICER,
    OTHER_OFFICER,
    OWNER,
    STRANGER,
    Story,
    make_council,
    order,
    routed,
    tell,
    timer,
    well_formed,
)

CALENDAR = DIRECTORY.calendar


def end_of(month: int, day: int) -> datetime:
    return CALENDAR.end_of_day(date(2026, month, day))


def test_a_part_that_is_done_stops_its_clock_and_no_other() -> None:
    story = with_a_part()
    story.give(asking("streets"))
    before = story.case.public

    (fact,) = events(story.give(answering()))

    assert isinstance(fact, CaseTaskAnswered)
    assert (fact.number, fact.team, fact.reason) == (1, "adults", None)
    assert parts_of(story.case) == [(1, "adults", True), (2, "streets", False)]
    assert [clock.rev for clock in before.clocks if clock not in fact.case.clocks] == [4]
    assert (fact.case.state, due_of(story.case, 2)) == ("in_progress", end_of(12, 8))
    assert story.facts[-1].text == {"text": "We have visited."}


@pytest.mark.parametrize(
    ("number", "actor", "kind", "code"),
    [
        (3, CARER, "conflict", "part-done"),
        (1, CARER, "invalid", "not-your-part"),
        (9, CARER, "invalid", "not-your-part"),
        (9, DEMOCRATIC, "invalid", "not-your-part"),
    ],
)
def test_a_part_that_does_not_wait_for_this_person_cannot_be_done(
    number: int, actor: str, kind: str, code: str
) -> None:
    story = tell("in_progress")
    for team in ("streets", "democratic", "adults"):
        story.give(asking(team))
    story.give(answering(3))
    story.give(asking())

    refusal = refused(story.give(answering(number, actor)))

    assert (refusal.kind, refusal.code) == (kind, code)
    assert "4 (Adult Care)" in refusal.sentence or refusal.instead == ("add-progress", "answer-task")


def test_who_has_no_open_part_has_none_to_do() -> None:
    story = with_a_part()
    story.give(answering())

    assert refused(story.give(answering())).code == "no-open-part"


def test_democratic_services_can_end_a_part_whose_team_is_gone() -> None:
    story = with_a_part()
    grants = tuple(grant for grant in make_council().grants if grant.team != "adults")
    story.directory = Directory(make_council(grants=grants))

    story.give(answering(actor=DEMOCRATIC))

    assert parts_of(story.case) == [(1, "adults", True)]


def test_while_a_part_is_open_the_answer_is_the_leading_teams_part_and_the_case_stays() -> None:
    story = with_a_part()
    before = story.case.public

    (fact,) = events(story.give(order(Answer, OFFICER, TUESDAY, text="The wall has been sealed.")))

    assert isinstance(fact, CaseTaskAnswered)
    assert (fact.number, fact.team) == (0, "housing")
    assert (fact.case.state, fact.case.clocks) == ("in_progress", before.clocks)
    assert story.facts[-1].text == {"text": "The wall has been sealed."}
    assert words.sentence(story.case, DIRECTORY) == (
        "Housing Repairs has done its own part; it is answered when the others have done theirs by Monday 7 December "
        "2026. Parts of it are with other teams: Adult Care."
    )


def test_the_last_part_answers_the_case_in_the_same_write() -> None:
    story = with_a_part()
    story.give(order(Answer, OFFICER, TUESDAY, text="The wall has been sealed."))

    part, answered = events(story.give(answering()))

    assert isinstance(part, CaseTaskAnswered)
    assert isinstance(answered, CaseAnswered)
    assert (part.case.state, answered.case.state) == ("in_progress", "answered")
    assert [(clock.kind, clock.rev) for clock in answered.case.clocks] == [
        ("autoclose_warning", 7),
        ("autoclose_last_warning", 7),
        ("autoclose", 7),
    ]
    assert parts_of(story.case) == [(1, "adults", True), (0, "housing", True)]


def test_the_leading_team_answers_last_and_the_case_is_answered() -> None:
    story = with_a_part()
    story.give(answering())

    (fact,) = events(story.give(order(Answer, OFFICER, TUESDAY, text="Both are done.")))

    assert isinstance(fact, CaseAnswered)
    assert story.facts[-1].text == {"text": "Both are done."}


def test_a_report_is_completed_as_its_leading_team_said_when_the_last_part_is_done() -> None:
    story = with_a_part(report=True)

    (own,) = events(story.give(order(Complete, OFFICER, TUESDAY, reason="made-safe")))
    _, completed = events(story.give(answering()))

    assert isinstance(own, CaseTaskAnswered)
    assert own.reason == "made-safe"
    assert isinstance(completed, CaseCompleted)
    assert (completed.reason, completed.case.state) == ("made-safe", "completed")


def test_the_leading_team_does_its_own_part_once() -> None:
    story = with_a_part()
    story.give(order(Answer, OFFICER, TUESDAY, text="The wall has been sealed."))

    refusal = refused(story.give(order(Answer, OFFICER, TUESDAY, text="Again.")))

    assert (refusal.kind, refusal.code) == ("conflict", "own-part-done")
    assert "Adult Care" in refusal.sentence
    assert "answer" not in refusal.instead


def test_a_promise_keeps_the_clocks_of_the_parts() -> None:
    story = with_a_part()
    due = due_of(story.case, 1)

    story.give(well_formed("commit", story.case, OFFICER, TUESDAY))

    assert [clock.kind for clock in story.case.public.clocks] == ["commitment", "task"]
    assert due_of(story.case, 1) == due


@pytest.mark.parametrize("move", ["return", "assign"])
def test_a_new_leading_team_has_a_part_of_its_own_to_do(move: str) -> None:
    story = with_a_part()
    story.give(order(Answer, OFFICER, TUESDAY, text="Our side is done."))
    if move == "return":
        story.give(order(ReturnCase, OFFICER, TUESDAY, reason="other-team", text="The rest is theirs."))
        story.hear(routed(TUESDAY, team="streets"))
    else:
        story.give(order(Assign, DEMOCRATIC, TUESDAY, team="streets", text="The rest is theirs."))
    before = parts_of(story.case)

    facts = events(story.give(answering()))

    assert before == [(1, "adults", False)]
    assert [type(fact) for fact in facts] == [CaseTaskAnswered]
    story.give(well_formed("acknowledge", story.case, OTHER_OFFICER, TUESDAY))
    (answered,) = events(story.give(well_formed("answer", story.case, OTHER_OFFICER, TUESDAY)))
    assert isinstance(answered, CaseAnswered)


def test_a_team_that_gets_the_case_keeps_the_part_it_has() -> None:
    story = with_a_part()
    story.give(order(Assign, DEMOCRATIC, TUESDAY, team="adults", text="It is all theirs."))

    assert "answer-task" in domain.offered(story.case, CARER, DIRECTORY, TUESDAY)
    assert "acknowledge" in domain.offered(story.case, CARER, DIRECTORY, TUESDAY)


@pytest.mark.parametrize("first", [1, 2])
def test_each_part_that_is_late_is_said_once_and_named_even_if_two_are_due_together(first: int) -> None:
    story = with_a_part()
    story.give(asking("streets"))
    clocks = {number: story.case.part_clock(number) for number in (1, 2)}
    said: list[tuple[str, int | None]] = []

    for number in (first, 3 - first, first):
        clock = clocks[number]
        assert clock is not None
        facts = events(story.hear(timer("task", clock.rev, clock.due)))
        said += [(fact.clock, fact.number) for fact in facts if isinstance(fact, CaseOverdue)]

    assert said == [("task", first), ("task", 3 - first)]


def test_the_timer_of_a_part_that_is_done_changes_nothing() -> None:
    story = with_a_part()
    clock = story.case.part_clock(1)
    assert clock is not None
    story.give(answering())

    assert story.hear(timer("task", clock.rev, clock.due)) == ()


def test_nothing_closes_while_a_part_is_open() -> None:
    story = tell("answered")
    tasks = (Task(number=1, team="adults"),)
    story.known = story.case.model_copy(update={"public": story.case.public.model_copy(update={"tasks": tasks})})

    closed = story.fire("autoclose")
    refusal = refused(story.give(order(Accept, OWNER, TUESDAY)))

    assert closed == ()
    assert (refusal.kind, refusal.code) == ("conflict", "parts-open")


def test_a_case_with_parts_closes_by_itself_once_all_are_done() -> None:
    story = with_a_part()
    story.give(order(Answer, OFFICER, TUESDAY, text="The wall has been sealed."))
    story.give(answering())

    (fact,) = events(story.fire("autoclose"))

    assert isinstance(fact, CaseClosed)
    assert fact.reason == "auto"


def test_strangers_learn_nothing_of_a_part() -> None:
    refusal = refused(with_a_part().give(answering(actor=STRANGER)))

    assert refusal == refused(Story().give(answering(actor=STRANGER)))
