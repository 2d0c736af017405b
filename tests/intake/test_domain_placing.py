"""Which team has a case, where people decide: given back, routed again, assigned; and which clocks run through it."""

from datetime import date, datetime, timedelta

import pytest

from services.intake.domain import Case, words
from shared.commands import Acknowledge, Assign, OpenTask, Refusal, ReturnCase
from shared.council import Directory
from shared.events import CaseAssigned, CaseReturned, CaseRouted, CaseTriageNeeded
from tests.intake.results import refused, the_fact
from tests.intake.stories import (
    DEMOCRATIC,
    DIRECTORY,
    MANAGER,
    MONDAY,
    OFFICER,
    OTHER_OFFICER,
    PLACING_OFFICER,
    Story,
    make_council,
    order,
    raising,
    reporting,
    routed,
    tell,
    undecided,
    well_formed,
)

CALENDAR = DIRECTORY.calendar
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)


def end_of(month: int, day: int) -> datetime:
    return CALENDAR.end_of_day(date(2026, month, day))


def clocks_of(case: Case) -> dict[str, tuple[datetime, int]]:
    return {clock.kind: (clock.due, clock.rev) for clock in case.public.clocks}


def given_back(at: datetime = TUESDAY, suggestion: str | None = None, actor: str = OFFICER) -> ReturnCase:
    command: ReturnCase = order(
        ReturnCase, actor, at, reason="other-team", suggestion=suggestion, text="The wall is a school's."
    )
    return command


def assigned(team: str, at: datetime = TUESDAY, actor: str = DEMOCRATIC, *, restart: bool = False) -> Assign:
    command: Assign = order(Assign, actor, at, team=team, restart_clock=restart, text="It is theirs.")
    return command


@pytest.mark.parametrize("state", ["with_team", "in_progress"])
@pytest.mark.parametrize("actor", [OFFICER, MANAGER])
def test_a_team_gives_a_case_back_and_every_clock_runs_on(state: str, actor: str) -> None:
    story = tell(state)
    before = story.case.public.clocks

    fact = the_fact(story.give(given_back(suggestion="streets", actor=actor)))

    assert isinstance(fact, CaseReturned)
    assert (fact.team, fact.reason, fact.suggestion, fact.times) == ("housing", "other-team", "streets", 1)
    assert (fact.rule, fact.rules_version, fact.flags) == ("repairs", "2026.1", ())
    assert (fact.case.state, fact.case.team, fact.case.clocks) == ("raised", None, before)
    assert story.facts[-1].text == {"text": "The wall is a school's."}
    assert "school" not in fact.model_dump_json()


def test_between_teams_the_sentence_says_who_gave_it_back() -> None:
    story = tell("with_team")

    story.give(given_back())

    assert words.sentence(story.case, DIRECTORY) == (
        "Housing Repairs has given it back as not theirs, and the council is finding the team that answers for it."
    )
    assert words.routed_by(story.case, DIRECTORY) is None


def test_the_flags_of_a_case_travel_with_its_return_for_routing_to_decide_by() -> None:
    story = Story()
    story.give(reporting(flags=("blocking",)))
    story.hear(routed(service="fly-tipping"))

    fact = the_fact(story.give(given_back()))

    assert isinstance(fact, CaseReturned)
    assert fact.flags == ("blocking",)


@pytest.mark.parametrize(
    ("fields", "code", "field", "says"),
    [
        (
            {"reason": "nonsense"},
            "unknown-reason",
            "reason",
            "choose among Another team answers for this (other-team).",
        ),
        ({"reason": "paper"}, "unknown-reason", "reason", "choose among Another team"),
        ({"suggestion": "nobody"}, "unknown-team", "suggestion", "no such team today"),
        ({"suggestion": "lamps"}, "unknown-team", "suggestion", "no such team today"),
        ({"suggestion": "housing"}, "own-team", "suggestion", "your own team"),
    ],
)
def test_a_return_that_cannot_be_says_what_can(fields: dict[str, str], code: str, field: str, says: str) -> None:
    given = {"reason": "other-team"} | fields

    refusal = refused(tell("with_team").give(order(ReturnCase, OFFICER, TUESDAY, text="Not ours.", **given)))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", code, field)
    assert says in refusal.sentence
    assert "nonsense" not in refusal.sentence


@pytest.mark.parametrize("state", ["raised", "triage", "committed", "answered", "closed"])
def test_what_is_promised_or_answered_is_not_given_back(state: str) -> None:
    story = tell(state)

    assert isinstance(story.give(given_back()), Refusal)


def test_a_council_without_reasons_offers_no_return() -> None:
    story = tell("with_team")
    story.directory = Directory(make_council(reasons=()))

    assert refused(story.give(given_back())).code == "no-reasons"


def test_the_next_team_has_what_is_left_of_the_time_to_acknowledge_and_to_answer() -> None:
    story = tell("with_team")
    before = clocks_of(story.case)
    story.give(given_back())

    fact = the_fact(story.hear(routed(TUESDAY, team="streets", reason="suggested", council_version=7)))

    assert isinstance(fact, CaseRouted)
    assert (fact.team, fact.case.state, fact.council_version) == ("streets", "with_team", 7)
    assert clocks_of(story.case) == before
    assert words.routed_by(story.case, DIRECTORY) == (
        "Routed by rule repairs, version 2026.1 of the council's rules: the team that had it before named this one."
    )


def test_after_a_team_that_had_acknowledged_the_next_one_gets_a_time_of_its_own_to_do_so() -> None:
    story = tell("in_progress")
    answer = clocks_of(story.case)["answer"]
    story.give(given_back(WEDNESDAY))

    story.hear(routed(WEDNESDAY, team="streets"))

    assert clocks_of(story.case) == {"acknowledge": (end_of(11, 26), 5), "answer": answer}


def test_a_second_return_can_go_to_triage_and_keeps_the_time_to_answer() -> None:
    story = tell("with_team")
    story.give(given_back(suggestion="streets"))
    story.hear(routed(TUESDAY, team="streets", reason="suggested"))
    before = clocks_of(story.case)

    returned = the_fact(story.give(given_back(WEDNESDAY, actor=OTHER_OFFICER)))
    fact = the_fact(story.hear(undecided(WEDNESDAY, "returned-twice")))

    assert isinstance(returned, CaseReturned)
    assert (returned.team, returned.times) == ("streets", 2)
    assert isinstance(fact, CaseTriageNeeded)
    assert (fact.case.state, fact.case.team) == ("triage", "democratic")
    assert clocks_of(story.case) == before
    assert words.routed_by(story.case, DIRECTORY) == (
        "Under version 2026.1 of the council's rules, people choose the team: it has been given back twice."
    )


def test_an_answer_to_the_raising_that_comes_after_a_return_changes_nothing() -> None:
    story = tell("raised")
    story.give(assigned("housing", MONDAY + timedelta(hours=1)))
    story.give(given_back(TUESDAY))

    late = (story.hear(routed(MONDAY)), story.hear(undecided(MONDAY)))
    story.hear(routed(TUESDAY, team="streets"))

    assert late == ((), ())
    assert story.case.public.team == "streets"


def test_an_answer_to_the_first_return_that_comes_after_the_second_changes_nothing() -> None:
    story = tell("with_team")
    story.give(given_back(TUESDAY, suggestion="streets"))
    story.give(assigned("streets", TUESDAY + timedelta(hours=1)))
    story.give(given_back(WEDNESDAY, actor=OTHER_OFFICER))

    late = story.hear(routed(TUESDAY, team="streets", reason="suggested"))
    story.hear(undecided(WEDNESDAY, "returned-twice"))

    assert late == ()
    assert story.case.public.state == "triage"


def test_what_routing_says_twice_acts_once() -> None:
    story = tell("with_team")
    story.give(given_back())
    story.hear(routed(TUESDAY, team="streets"))

    assert story.hear(routed(TUESDAY, team="housing")) == ()
    assert story.case.public.team == "streets"


def test_a_case_can_be_given_from_triage_to_a_team() -> None:
    story = tell("triage")

    fact = the_fact(story.give(assigned("adults")))

    assert isinstance(fact, CaseAssigned)
    assert (fact.team, fact.former) == ("adults", "democratic")
    assert (fact.case.state, fact.case.team) == ("with_team", "adults")
    # Nobody had to answer it before: the time counts from the day it was raised.
    assert clocks_of(story.case) == {"acknowledge": (end_of(11, 25), 3), "answer": (end_of(12, 7), 3)}
    assert words.routed_by(story.case, DIRECTORY) == "People gave it to this team; no rule did."
    assert story.facts[-1].text == {"text": "It is theirs."}


def test_what_waits_in_triage_can_be_for_the_triage_team_itself() -> None:
    story = tell("triage")

    story.give(assigned("democratic", actor=PLACING_OFFICER))
    story.give(order(Acknowledge, PLACING_OFFICER, TUESDAY))

    assert (story.case.public.state, story.case.public.team) == ("in_progress", "democratic")


@pytest.mark.parametrize("state", ["with_team", "in_progress"])
def test_a_case_that_is_moved_keeps_its_time_to_answer(state: str) -> None:
    story = tell(state)
    answer = clocks_of(story.case)["answer"]

    story.give(assigned("streets"))

    assert clocks_of(story.case) == {"acknowledge": (end_of(11, 25), story.case.seq), "answer": answer}


def test_only_democratic_services_restart_the_time_to_answer() -> None:
    story = tell("in_progress")

    refusal = refused(story.give(assigned("streets", actor=MANAGER, restart=True)))
    story.give(assigned("streets", WEDNESDAY, restart=True))

    assert (refusal.kind, refusal.code, refusal.field) == ("forbidden", "not-yours-to-restart", "restart_clock")
    assert clocks_of(story.case)["answer"] == (end_of(12, 9), 4)


def test_a_promise_stands_when_the_case_is_moved() -> None:
    story = tell("committed")
    promise = clocks_of(story.case)["commitment"]

    story.give(assigned("streets"))

    assert clocks_of(story.case) == {"acknowledge": (end_of(11, 25), 5), "commitment": promise}
    story.give(order(Acknowledge, OTHER_OFFICER, TUESDAY))
    story.give(well_formed("commit", story.case, OTHER_OFFICER, TUESDAY))
    assert list(clocks_of(story.case)) == ["commitment"]


@pytest.mark.parametrize(("state", "report"), [("answered", False), ("completed", True)])
def test_an_answered_case_that_is_moved_is_answered_anew_and_does_not_close(state: str, report: bool) -> None:  # noqa: FBT001  a parameter
    story = tell(state, report=report)

    story.give(assigned("streets", WEDNESDAY))

    answer = end_of(11, 27) if report else end_of(12, 9)
    assert clocks_of(story.case) == {"acknowledge": (end_of(11, 26), 5), "answer": (answer, 5)}
    assert story.case.public.state == "with_team"


@pytest.mark.parametrize("team", ["nobody", "lamps", "housing"])
@pytest.mark.parametrize("actor", [DEMOCRATIC, MANAGER])
def test_only_another_team_of_today_can_get_a_case(team: str, actor: str) -> None:
    refusal = refused(tell("in_progress").give(assigned(team, actor=actor)))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", "not-a-receiving-team", "team")
    assert "Street Care (streets)" in refusal.sentence
    assert ("Adult Care (adults)" in refusal.sentence) is (actor == DEMOCRATIC)


def test_a_manager_moves_cases_within_the_department_only() -> None:
    story = tell("in_progress")

    refusal = refused(story.give(assigned("adults", actor=MANAGER)))
    story.give(assigned("streets", actor=MANAGER))

    assert refusal.sentence.startswith("Choose another team of your department")
    assert story.case.public.team == "streets"


def test_a_manager_who_also_places_cases_may_move_them_anywhere() -> None:
    grants = make_council().grants
    both = next(each for each in grants if each.person == DEMOCRATIC).model_copy(
        update={"id": "mara-places", "person": MANAGER}
    )
    story = tell("in_progress")
    story.directory = Directory(make_council(grants=(*grants, both)))

    story.give(assigned("adults", actor=MANAGER, restart=True))

    assert story.case.public.team == "adults"


def test_a_manager_without_a_neighbour_is_not_offered_to_move_the_case() -> None:
    teams = tuple(
        team.model_copy(update={"department": "care"}) if team.id != "housing" else team
        for team in make_council().teams
    )
    story = tell("in_progress")
    story.directory = Directory(make_council(teams=teams))

    assert refused(story.give(assigned("streets", actor=MANAGER))).code == "nobody-to-assign"


def test_a_case_that_was_given_by_hand_names_no_rule_when_it_is_returned() -> None:
    story = tell("with_team")
    story.give(assigned("streets"))

    fact = the_fact(story.give(given_back(WEDNESDAY, actor=OTHER_OFFICER)))

    assert isinstance(fact, CaseReturned)
    assert (fact.team, fact.rule, fact.rules_version) == ("streets", None, None)


def test_a_case_can_be_assigned_while_it_is_between_teams() -> None:
    story = tell("with_team")
    story.give(given_back())

    story.give(assigned("adults"))

    assert (story.case.public.team, story.case.public.state) == ("adults", "with_team")


@pytest.mark.parametrize("move", ["return", "assign"])
def test_parts_stay_with_their_teams_when_the_case_goes(move: str) -> None:
    story = tell("in_progress")
    story.give(order(OpenTask, OFFICER, MONDAY, team="adults", text="Please visit."))
    part = clocks_of(story.case)["task"]

    story.give(given_back() if move == "return" else assigned("streets"))

    assert [(task.number, task.team, task.done) for task in story.case.public.tasks] == [(1, "adults", False)]
    assert clocks_of(story.case)["task"] == part


def test_the_officer_on_duty_stands_in_the_reason() -> None:
    story = Story()
    story.give(raising())

    story.hear(routed(duty=OTHER_OFFICER, reason="flag-rule"))

    assert words.routed_by(story.case, DIRECTORY) == (
        "Routed by rule repairs, version 2026.1 of the council's rules: what was ticked or declared decides. "
        "Outside office hours the duty rota decides: Sam Sorrelton is on duty."
    )
