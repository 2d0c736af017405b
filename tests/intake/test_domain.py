"""What intake decides about a case: the walk through the states, its clocks, and who may do what."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake import domain
from services.intake.domain import Case, evolve, words
from shared.commands import (
    Accept,
    Acknowledge,
    AddProgress,
    Answer,
    Commit,
    Complete,
    ExtendAutoClose,
    RaiseCase,
)
from shared.council import Directory
from shared.events import (
    CaseAcknowledged,
    CaseAnswered,
    CaseAutocloseWarned,
    CaseClosed,
    CaseOverdue,
    CaseRaised,
    CaseRouted,
    CaseTriageNeeded,
    Fact,
)
from tests.intake.results import refused, the_fact
from tests.intake.stories import (
    COLLEAGUE,
    DEMOCRATIC,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
    TODAY,
    Story,
    make_council,
    order,
    raising,
    reporting,
    routed,
    tell,
    timer,
    undecided,
)

CALENDAR = DIRECTORY.calendar


def end_of(year: int, month: int, day: int) -> datetime:
    return CALENDAR.end_of_day(date(year, month, day))


def clocks_of(case: Case) -> dict[str, tuple[datetime, str, int]]:
    return {clock.kind: (clock.due, clock.rule, clock.rev) for clock in case.public.clocks}


def test_a_raised_case_waits_for_its_team() -> None:
    story = Story()

    fact = the_fact(story.give(raising(cc=(COLLEAGUE,))))

    assert isinstance(fact, CaseRaised)
    assert (fact.case.state, fact.case.owner, fact.case.cc) == ("raised", OWNER, (COLLEAGUE,))
    assert fact.raised_on == date(2026, 11, 23)
    assert fact.case.clocks == ()


def test_day_nought_is_the_local_day() -> None:
    story = Story()

    fact = the_fact(story.give(raising(at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))))

    assert isinstance(fact, CaseRaised)
    assert fact.raised_on == date(2026, 7, 1)


def test_routing_gives_the_team_both_of_its_clocks() -> None:
    story = Story()
    story.give(raising())

    fact = the_fact(story.hear(routed(at=MONDAY + timedelta(minutes=1))))

    assert isinstance(fact, CaseRouted)
    assert (fact.case.state, fact.team, fact.rule, fact.rules_version) == ("with_team", "housing", "repairs", "2026.1")
    assert clocks_of(story.case) == {
        "acknowledge": (end_of(2026, 11, 24), "1wd", 2),
        "answer": (end_of(2026, 12, 7), "10wd", 2),
    }


def test_a_danger_flag_brings_its_own_targets() -> None:
    story = Story()
    story.give(reporting(flags=("asbestos",)))

    story.hear(routed(service="fly-tipping", team="streets"))

    assert story.case.public.lane == "urgent"
    assert clocks_of(story.case) == {
        "acknowledge": (MONDAY + timedelta(hours=1), "1h", 2),
        "answer": (end_of(2026, 11, 24), "1wd", 2),
        "alert": (MONDAY + timedelta(minutes=15), "15m", 2),
    }


def test_triage_runs_the_acknowledge_clock_and_is_seen_by_democratic_services() -> None:
    story = Story()
    story.give(raising())

    fact = the_fact(story.hear(undecided()))

    assert isinstance(fact, CaseTriageNeeded)
    assert (fact.case.state, fact.case.team) == ("triage", "democratic")
    assert clocks_of(story.case) == {"acknowledge": (end_of(2026, 11, 24), "1wd", 2)}
    assert domain.role_of(story.case, DEMOCRATIC, DIRECTORY, TODAY) == "admin"


def test_a_team_found_after_triage_leaves_the_acknowledge_clock_as_it_was() -> None:
    story = tell("triage")

    story.hear(routed())

    assert story.case.public.state == "with_team"
    assert clocks_of(story.case)["acknowledge"][2] == 2
    assert clocks_of(story.case)["answer"][2] == 3


@pytest.mark.parametrize("state", ["with_team", "in_progress", "committed", "answered", "closed"])
def test_a_suggestion_that_comes_late_changes_nothing(state: str) -> None:
    story = tell(state)

    assert story.hear(routed(team="streets")) == ()
    assert story.hear(undecided()) == ()


def test_a_suggestion_for_a_case_that_is_not_on_file_is_never_lost_silently() -> None:
    with pytest.raises(domain.OutOfPlace, match="unknown-case"):
        domain.route(None, routed(), DIRECTORY)


def test_a_service_that_left_the_catalogue_still_has_deadlines() -> None:
    story = Story(Directory(make_council(services=())))
    story.known = evolve(None, the_fact(Story().give(raising())), 1)
    story.facts = [Fact(the_fact(Story().give(raising())))]

    story.hear(routed())

    assert {kind: rule for kind, (_, rule, _) in clocks_of(story.case).items()} == {
        "acknowledge": "1wd",
        "answer": "10wd",
    }
    assert domain.clocks.autoclose_days(story.case, story.directory) == 10


def test_acknowledging_stops_its_clock_and_no_other() -> None:
    story = tell("with_team")

    fact = the_fact(story.give(order(Acknowledge, OFFICER, MONDAY)))

    assert isinstance(fact, CaseAcknowledged)
    assert (fact.case.state, fact.team) == ("in_progress", "housing")
    assert clocks_of(story.case) == {"answer": (end_of(2026, 12, 7), "10wd", 2)}


def test_progress_changes_nothing_but_is_kept_with_its_words() -> None:
    story = tell("in_progress")
    before = story.case.public

    story.give(order(AddProgress, OFFICER, MONDAY, text="The surveyor comes on Friday."))

    assert story.case.public == before
    assert story.facts[-1].text == {"text": "The surveyor comes on Friday."}


def test_a_promise_stops_the_answer_clock_and_runs_to_the_end_of_its_day() -> None:
    story = tell("in_progress")

    story.give(order(Commit, OFFICER, MONDAY, promised=date(2027, 3, 15), text="The roof is renewed in spring."))

    assert clocks_of(story.case) == {"commitment": (end_of(2027, 3, 15), "date", 4)}
    assert story.case.promised == date(2027, 3, 15)


def test_an_answer_arms_auto_close_and_both_warnings() -> None:
    story = tell("in_progress")

    fact = the_fact(story.give(order(Answer, OFFICER, MONDAY, text="The wall has been sealed.")))

    assert isinstance(fact, CaseAnswered)
    assert clocks_of(story.case) == {
        "autoclose_warning": (end_of(2026, 11, 30), "5wd", 4),
        "autoclose_last_warning": (end_of(2026, 12, 4), "1wd", 4),
        "autoclose": (end_of(2026, 12, 7), "10wd", 4),
    }


def test_a_warning_that_would_precede_its_setting_is_left_out() -> None:
    story = tell("in_progress", report=True)
    evening = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)

    story.give(order(Complete, OFFICER, evening))
    story.give(order(ExtendAutoClose, OWNER, end_of(2026, 11, 30), until=date(2026, 12, 3), reason="I shall look."))

    assert list(clocks_of(story.case)) == ["autoclose_last_warning", "autoclose"]


def test_an_answer_after_an_extension_closes_no_sooner_than_the_later_day() -> None:
    story = tell("in_progress")
    story.give(order(Commit, OFFICER, MONDAY, promised=date(2027, 1, 15), text="In January."))
    story.give(order(ExtendAutoClose, OWNER, MONDAY, to_commitment=True, reason="As promised."))

    story.give(order(Answer, OFFICER, MONDAY, text="Done."))

    assert story.case.keep_open_until == date(2027, 1, 22)
    assert clocks_of(story.case)["autoclose"] == (end_of(2027, 1, 22), "date", 6)


def test_an_early_answer_to_a_promise_does_not_close_before_the_promised_day() -> None:
    story = tell("in_progress")
    story.give(order(Commit, OFFICER, MONDAY, promised=date(2027, 3, 15), text="In spring."))

    story.give(order(Answer, OFFICER, MONDAY, text="It is on its way."))

    assert clocks_of(story.case)["autoclose"] == (end_of(2027, 3, 15), "date", 5)


def test_an_extension_of_a_promise_sets_no_close() -> None:
    story = tell("committed")

    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 3, 1), reason="It takes long."))

    assert list(clocks_of(story.case)) == ["commitment"]
    assert story.case.keep_open_until == date(2027, 3, 1)


def test_an_extension_moves_the_close_and_its_warnings() -> None:
    story = tell("answered")

    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2026, 12, 18), reason="I ask the resident."))

    assert clocks_of(story.case) == {
        "autoclose_warning": (end_of(2026, 12, 11), "5wd", 5),
        "autoclose_last_warning": (end_of(2026, 12, 17), "1wd", 5),
        "autoclose": (end_of(2026, 12, 18), "date", 5),
    }


def test_a_case_whose_service_never_closes_has_no_clock_after_its_answer() -> None:
    story = Story()
    story.give(raising(service="trees"))
    story.hear(routed(service="trees"))
    story.give(order(Acknowledge, OFFICER, MONDAY))

    story.give(order(Answer, OFFICER, MONDAY, text="The tree stays."))

    assert story.case.public.clocks == ()
    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 1, 4), reason="Wait.")))
    assert refusal.code == "never-closes"
    assert refusal.instead == ("accept", "add-cc")


@pytest.mark.parametrize(
    ("command", "service"),
    [
        (reporting(flags=("asbestos",)), "fly-tipping"),
        (reporting(service="dangerous-waste"), "dangerous-waste"),
    ],
)
def test_a_dangerous_report_is_never_closed_by_a_timer(command: RaiseCase, service: str) -> None:
    services = tuple(each.model_copy(update={"autoclose_days": 5}) for each in DIRECTORY.council.services)
    directory = Directory(make_council(services=services))
    story = Story(directory)
    story.give(command)
    story.hear(routed(service=service))
    story.give(order(Acknowledge, OFFICER, MONDAY))

    story.give(order(Complete, OFFICER, MONDAY))

    assert story.case.public.clocks == ()
    assert "does not close by itself" in words.sentence(story.case, directory)
    assert "extend-auto-close" not in domain.offered(story.case, OWNER, directory, MONDAY)
    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 1, 4), reason="Wait.")))
    assert refusal.code == "never-closes"


def test_accepting_closes_with_an_outcome() -> None:
    story = tell("answered")

    fact = the_fact(story.give(order(Accept, OWNER, MONDAY, outcome="partly")))

    assert isinstance(fact, CaseClosed)
    assert (fact.reason, fact.outcome, fact.case.state, fact.case.clocks) == ("accepted", "partly", "closed", ())


@pytest.mark.parametrize("kind", ["acknowledge", "answer", "commitment"])
def test_a_missed_deadline_is_said_once_and_stays_owed(kind: str) -> None:
    story = tell({"acknowledge": "with_team", "answer": "in_progress", "commitment": "committed"}[kind])
    before = story.case.public

    fact = the_fact(story.fire(kind))  # type: ignore[arg-type]  # the three kinds by name
    again = story.fire(kind)  # type: ignore[arg-type]  # the three kinds by name

    assert isinstance(fact, CaseOverdue)
    assert fact.clock == kind
    assert again == ()
    assert story.case.public == before


def test_a_warning_names_the_close_and_is_spent() -> None:
    story = tell("answered")

    fact = the_fact(story.fire("autoclose_warning"))

    assert isinstance(fact, CaseAutocloseWarned)
    assert fact.closes_at == end_of(2026, 12, 7)
    assert list(clocks_of(story.case)) == ["autoclose_last_warning", "autoclose"]


@pytest.mark.parametrize(("state", "report"), [("answered", False), ("completed", True)])
def test_a_case_left_alone_closes_by_itself(state: str, report: bool) -> None:  # noqa: FBT001  a parameter
    story = tell(state, report=report)

    fact = the_fact(story.fire("autoclose"))

    assert isinstance(fact, CaseClosed)
    assert (fact.reason, fact.case.state, fact.case.clocks) == ("auto", "closed", ())


def test_a_timer_of_an_older_setting_changes_nothing() -> None:
    story = tell("answered")
    old = story.case.public.clock("autoclose")
    assert old is not None
    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 2, 1), reason="Wait."))

    assert story.hear(timer("autoclose", old.rev, old.due)) == ()
    assert story.hear(timer("autoclose", old.rev, end_of(2027, 3, 1))) == ()


def test_a_timer_before_its_time_is_an_error_and_never_a_close() -> None:
    story = tell("answered")
    clock = story.case.public.clock("autoclose")
    assert clock is not None

    with pytest.raises(domain.OutOfPlace, match="timer-before-due"):
        story.hear(timer("autoclose", clock.rev, clock.due - timedelta(seconds=1)))


def test_an_extension_after_the_close_is_refused() -> None:
    story = tell("answered")
    story.fire("autoclose")

    refusal = refused(
        story.give(order(ExtendAutoClose, OWNER, end_of(2026, 12, 8), until=date(2027, 2, 1), reason="?"))
    )

    assert refusal.code == "closed"


def test_a_history_with_a_gap_is_an_error() -> None:
    story = tell("in_progress")

    with pytest.raises(ValueError, match="gap"):
        evolve(story.case, story.facts[-1].event, story.case.seq + 2)


def test_a_case_begins_with_its_raising() -> None:
    story = tell("in_progress")

    with pytest.raises(TypeError, match="first fact"):
        evolve(None, story.facts[-1].event, 1)


def test_a_fact_of_somebody_else_is_no_fact_of_a_case() -> None:
    with pytest.raises(TypeError, match="no fact of a case"):
        evolve(None, routed(), 1)
