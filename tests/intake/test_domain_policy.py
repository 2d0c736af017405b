"""Who may do what, when: every state by every role, and what the refused are told."""

from datetime import timedelta

import pytest

from services.intake import domain
from services.intake.domain import offered
from services.intake.domain.policy import ORDER, PERMITTED, roles_in
from shared.commands import (
    Acknowledge,
    AddCc,
    Answer,
    Command,
    Complete,
    OpenTask,
    Refusal,
    RemoveCc,
)
from shared.council import Directory, Grant, GrantedRole
from tests.intake.results import refused
from tests.intake.stories import (
    CARER,
    COLLEAGUE,
    DEMOCRATIC,
    DIRECTORY,
    MANAGER,
    MONDAY,
    OFFICER,
    OTHER_OFFICER,
    OWNER,
    PLACING_OFFICER,
    SECRETARY,
    STRANGER,
    THIRD,
    TODAY,
    Story,
    make_council,
    order,
    routed,
    tell,
    well_formed,
)

STATES = ("raised", "triage", "with_team", "in_progress", "committed", "answered", "closed")
STAFF = (OFFICER, MANAGER, SECRETARY, OTHER_OFFICER, DEMOCRATIC, PLACING_OFFICER, CARER)
PEOPLE = (OWNER, COLLEAGUE, *STAFF, STRANGER, "system", "nobody")
OF_A_CLOSED_CASE = ("add-cc", "remove-cc")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("report", [False, True])
def test_what_is_offered_is_exactly_what_is_accepted(state: str, person: str, report: bool) -> None:  # noqa: FBT001  a parameter of the walk
    story = tell("completed" if report and state == "answered" else state, report=report, cc=(COLLEAGUE,))

    assert offered(story.case, person, DIRECTORY, MONDAY) == accepted_of(story, person)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("steps", [(), ("answer",), ("return",), ("commit",), ("answer-task",), ("assign",)])
def test_with_a_part_elsewhere_what_is_offered_is_exactly_what_is_accepted(person: str, steps: tuple[str, ...]) -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))
    story.give(order(OpenTask, OFFICER, MONDAY, team="adults", text="Please visit."))
    for name in steps:
        actor = {"answer-task": CARER, "assign": DEMOCRATIC}.get(name, OFFICER)
        assert not isinstance(story.give(well_formed(name, story.case, actor, MONDAY)), Refusal)

    assert offered(story.case, person, DIRECTORY, MONDAY) == accepted_of(story, person)


def accepted_of(story: Story, person: str) -> tuple[str, ...]:
    """Try every command, each on the same case."""
    return tuple(
        name
        for name in ORDER
        if not isinstance(Story.give(_copy(story), well_formed(name, story.case, person, MONDAY)), Refusal)
    )


def _copy(story: Story) -> Story:
    copied = Story(story.directory)
    copied.known, copied.facts = story.known, list(story.facts)
    return copied


@pytest.mark.parametrize(
    ("state", "person", "commands"),
    [
        ("raised", OWNER, ("add-cc", "remove-cc")),
        ("with_team", OFFICER, ("acknowledge", "add-progress", "return", "open-task")),
        ("in_progress", OFFICER, ("add-progress", "commit", "answer", "return", "open-task")),
        ("committed", OFFICER, ("add-progress", "answer", "open-task")),
        ("committed", OWNER, ("extend-auto-close", "add-cc", "remove-cc")),
        ("answered", OWNER, ("accept", "extend-auto-close", "add-cc", "remove-cc")),
        ("answered", COLLEAGUE, ("remove-cc",)),
        ("with_team", MANAGER, ("acknowledge", "add-progress", "return", "assign", "open-task")),
        ("answered", MANAGER, ("add-progress", "assign")),
        ("with_team", SECRETARY, ()),
        ("raised", DEMOCRATIC, ("assign", "transfer-owner")),
        ("triage", DEMOCRATIC, ("assign", "open-task", "transfer-owner")),
        ("triage", PLACING_OFFICER, ("add-progress", "assign", "open-task", "transfer-owner")),
        ("with_team", DEMOCRATIC, ("assign", "open-task", "transfer-owner")),
        ("answered", DEMOCRATIC, ("assign", "transfer-owner")),
        ("closed", DEMOCRATIC, ()),
        ("answered", STRANGER, ()),
        ("closed", OWNER, OF_A_CLOSED_CASE),
        ("closed", COLLEAGUE, ("remove-cc",)),
        ("closed", OFFICER, ()),
    ],
)
def test_a_person_is_offered_what_the_table_says(state: str, person: str, commands: tuple[str, ...]) -> None:
    assert offered(tell(state, cc=(COLLEAGUE,)).case, person, DIRECTORY, MONDAY) == commands


@pytest.mark.parametrize(
    ("state", "known_to"),
    [
        ("raised", {}),
        ("triage", {PLACING_OFFICER: ("officer", "admin")}),
        ("with_team", {OFFICER: ("officer",), MANAGER: ("manager", "officer")}),
        ("closed", {OFFICER: ("officer",), MANAGER: ("manager", "officer")}),
    ],
)
def test_staff_know_the_cases_they_work_on_and_admins_every_case(
    state: str, known_to: dict[str, tuple[domain.Role, ...]]
) -> None:
    case = tell(state).case

    roles = {person: roles_in(case, person, DIRECTORY, TODAY) for person in STAFF}

    admins = {DEMOCRATIC: ("admin",), PLACING_OFFICER: ("admin",)}
    assert {person: role for person, role in roles.items() if role} == admins | known_to


def test_a_team_with_a_part_knows_the_case_and_goes_on_knowing_it() -> None:
    story = tell("in_progress")
    before = domain.role_of(story.case, CARER, DIRECTORY, TODAY)
    story.give(order(OpenTask, OFFICER, MONDAY, team="adults", text="Please visit."))
    with_part = domain.role_of(story.case, CARER, DIRECTORY, TODAY)
    story.give(well_formed("answer-task", story.case, CARER, MONDAY))

    after = domain.role_of(story.case, CARER, DIRECTORY, TODAY)

    assert (before, with_part, after) == (None, "contributor", "contributor")
    assert offered(story.case, CARER, DIRECTORY, MONDAY) == ("add-progress",)


def test_an_admin_does_not_work_on_the_cases_of_the_triage_team_itself() -> None:
    story = tell("raised")
    story.hear(routed(team="democratic"))

    assert roles_in(story.case, DEMOCRATIC, DIRECTORY, TODAY) == ("admin",)
    assert roles_in(story.case, PLACING_OFFICER, DIRECTORY, TODAY) == ("officer", "admin")


@pytest.mark.parametrize("role", ["auditor", "operator", "service-owner", "cabinet-secretary"])
@pytest.mark.parametrize("state", STATES)
def test_a_role_for_the_whole_council_opens_no_case(role: GrantedRole, state: str) -> None:
    council = make_council()
    granted = Grant(id="sven", person=SECRETARY, role=role)
    directory = Directory(make_council(grants=(*(g for g in council.grants if g.person != SECRETARY), granted)))
    case = tell(state, cc=(COLLEAGUE,)).case

    assert directory.roles_of(SECRETARY, TODAY) == {role}
    assert roles_in(case, SECRETARY, directory, TODAY) == ()
    assert offered(case, SECRETARY, directory, MONDAY) == ()


def test_several_roles_add_up() -> None:
    council = make_council()
    more = (
        Grant(id="hana-audits", person=OFFICER, role="auditor"),
        Grant(id="hana-places", person=OFFICER, role="democratic-services"),
    )
    directory = Directory(make_council(grants=(*council.grants, *more)))
    case = tell("with_team").case

    assert roles_in(case, OFFICER, directory, TODAY) == ("officer", "admin")
    assert offered(case, OFFICER, directory, MONDAY) == (
        "acknowledge",
        "add-progress",
        "return",
        "assign",
        "open-task",
        "transfer-owner",
    )


def test_who_placed_cases_until_yesterday_knows_none_today() -> None:
    grants = tuple(
        grant.model_copy(update={"valid_to": TODAY - timedelta(days=1)}) if grant.person == DEMOCRATIC else grant
        for grant in make_council().grants
    )
    directory = Directory(make_council(grants=grants))

    assert domain.role_of(tell("triage").case, DEMOCRATIC, directory, TODAY - timedelta(days=1)) == "admin"
    assert domain.role_of(tell("triage").case, DEMOCRATIC, directory, TODAY) is None


@pytest.mark.parametrize("name", [each for each in ORDER if each not in PERMITTED["admin"]])
def test_an_admin_places_cases_and_gives_no_other_command(name: str) -> None:
    story = tell("triage")

    refusal = refused(story.give(well_formed(name, story.case, DEMOCRATIC, MONDAY)))

    assert (refusal.kind, refusal.code) == ("forbidden", "not-permitted")
    assert refusal.instead == offered(story.case, DEMOCRATIC, DIRECTORY, MONDAY)


@pytest.mark.parametrize("name", [each for each in ORDER if each not in {*OF_A_CLOSED_CASE, "take-over"}])
def test_a_closed_case_refuses_everything_but_its_readers(name: str) -> None:
    story = tell("closed", cc=(COLLEAGUE,))
    actor = next(
        person
        for person, role in ((OWNER, "owner"), (OFFICER, "officer"), (DEMOCRATIC, "admin"))
        if name in PERMITTED[role]  # type: ignore[index]  # the three roles by name
    )

    refusal = refused(story.give(well_formed(name, story.case, actor, MONDAY)))

    assert (refusal.kind, refusal.code) == ("conflict", "closed")
    assert refusal.instead == (OF_A_CLOSED_CASE if actor == OWNER else ())
    assert "raise a new case" in refusal.sentence


def test_of_a_closed_case_colleagues_may_still_learn_and_leave() -> None:
    story = tell("closed")

    story.give(order(AddCc, OWNER, MONDAY, person=COLLEAGUE))
    joined = story.case.public
    story.give(order(RemoveCc, COLLEAGUE, MONDAY, person=COLLEAGUE))

    assert (joined.state, joined.cc) == ("closed", (COLLEAGUE,))
    assert (story.case.public.state, story.case.public.cc) == ("closed", ())


@pytest.mark.parametrize("name", ["add-cc", "remove-cc", "accept"])
def test_an_anonymised_case_takes_nothing(name: str) -> None:
    story = tell("closed", cc=(COLLEAGUE,))
    public = story.case.public.model_copy(update={"state": "anonymised"})
    story.known = story.case.model_copy(update={"public": public})

    refusal = refused(story.give(well_formed(name, story.case, OWNER, MONDAY)))

    assert (refusal.kind, refusal.code, refusal.instead) == ("conflict", "not-in-anonymised", ())
    assert refusal.sentence.endswith("This one has been anonymised.")


@pytest.mark.parametrize("person", [STRANGER, OTHER_OFFICER, CARER, SECRETARY, "system", "nobody", THIRD])
@pytest.mark.parametrize("name", ORDER)
def test_who_may_not_see_a_case_learns_nothing_of_it(name: str, person: str) -> None:
    story = tell("answered", cc=(COLLEAGUE,))
    command = well_formed(name, story.case, person, MONDAY)

    refusal = refused(story.give(command))

    assert (refusal.kind, refusal.code, refusal.instead) == ("not_found", "unknown-case", ())
    assert refusal == Story().give(command)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        (OWNER, "answer"),
        (OWNER, "acknowledge"),
        (OWNER, "return"),
        (OWNER, "assign"),
        (COLLEAGUE, "accept"),
        (COLLEAGUE, "add-cc"),
        (OFFICER, "accept"),
        (OFFICER, "assign"),
        (OFFICER, "answer-task"),
        (OWNER, "open-task"),
    ],
)
def test_who_sees_but_may_not_is_told_who_may(person: str, name: str) -> None:
    story = tell("answered", cc=(COLLEAGUE,))

    refusal = refused(story.give(well_formed(name, story.case, person, MONDAY)))

    assert refusal.kind == "forbidden"
    assert refusal.sentence.startswith("Only ")
    assert refusal.instead == offered(story.case, person, DIRECTORY, MONDAY)


@pytest.mark.parametrize(
    ("state", "name", "actor", "says"),
    [
        ("in_progress", "acknowledge", OFFICER, "You may now: add-progress, commit, answer, return, open-task."),
        ("with_team", "answer", OFFICER, "You may now: acknowledge, add-progress, return, open-task."),
        ("answered", "commit", OFFICER, "You may now: add-progress."),
        ("in_progress", "accept", OWNER, "You may now: add-cc."),
        ("in_progress", "extend-auto-close", OWNER, "You may now: add-cc."),
    ],
)
def test_a_command_the_state_forbids_says_what_may_be_done_instead(
    state: str, name: str, actor: str, says: str
) -> None:
    story = tell(state)

    refusal = refused(story.give(well_formed(name, story.case, actor, MONDAY)))

    assert refusal.kind == "conflict"
    assert refusal.sentence.endswith(says)
    assert refusal.instead == offered(story.case, actor, DIRECTORY, MONDAY)


def test_a_report_is_completed_and_a_case_answered() -> None:
    case, report = tell("in_progress"), tell("in_progress", report=True)

    wrong_for_case = refused(case.give(order(Complete, OFFICER, MONDAY)))
    wrong_for_report = refused(report.give(order(Answer, OFFICER, MONDAY, text="Done.")))

    assert "`answer`" in wrong_for_case.sentence
    assert "`complete`" in wrong_for_report.sentence


@pytest.mark.parametrize("command", [order(Acknowledge, OFFICER, MONDAY, on_behalf_of=OTHER_OFFICER)])
def test_nobody_acts_for_another_without_a_delegation(command: Command) -> None:
    refusal = refused(tell("with_team").give(command))

    assert (refusal.kind, refusal.field) == ("forbidden", "on_behalf_of")
    assert "Democratic Services" in refusal.sentence


def test_a_colleague_of_the_ward_can_be_added_and_leave() -> None:
    story = tell("in_progress")

    story.give(order(AddCc, OWNER, MONDAY, person=COLLEAGUE))
    joined = story.case.public.cc
    story.give(order(RemoveCc, COLLEAGUE, MONDAY, person=COLLEAGUE))

    assert joined == (COLLEAGUE,)
    assert story.case.public.cc == ()
    assert domain.role_of(story.case, COLLEAGUE, DIRECTORY, TODAY) is None


def test_a_cc_cannot_remove_another() -> None:
    story = tell("in_progress", cc=(COLLEAGUE, THIRD))

    refusal = refused(story.give(order(RemoveCc, COLLEAGUE, MONDAY, person=THIRD)))

    assert (refusal.kind, refusal.field) == ("forbidden", "person")
