"""The desk: what each person is shown of a case, and that a foreign case looks like none."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake import domain
from services.intake.adapters import CaseDesk, open_file
from services.intake.handlers import CASES
from shared.commands import (
    Accept,
    CaseReply,
    CasesReply,
    CaseView,
    EventsReply,
    GetCase,
    GetEvents,
    ListCases,
    Query,
    RemoveCc,
    refuse_conflict,
    refuse_invalid,
)
from shared.council import Directory, Grant, ListeningSystem
from shared.plumbing.history import Cause, Document, change
from tests.intake.fakes import VAULT, FakeCaseFile, filed
from tests.intake.stories import (
    CANARY,
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
    REFERENCE,
    SECRETARY,
    STRANGER,
    THIRD,
    TODAY,
    Story,
    for_resident,
    make_council,
    order,
    raising,
    review,
    routed,
    tell,
    undecided,
)
from tests.intake.terms import AFTER, after_the_election

LISTENER = "sys-portal"
NO = refuse_invalid("not-your-ward", "ward", "Choose a ward of yours.")


class Front:
    """A desk with a fake file behind it."""

    def __init__(self, *stories: Story, directory: Directory = DIRECTORY) -> None:
        self.file = FakeCaseFile()
        self.desk = CaseDesk(self.file, VAULT, lambda: directory)
        for story in stories:
            self.file.filed[story.case.public.reference] = filed(story)

    async def case(self, person: str, *commands: str) -> CaseReply:
        query = GetCase(at=MONDAY, actor=person, reference=REFERENCE, commands=commands)
        reply = await self.desk.answer(query)
        assert isinstance(reply, CaseReply)
        return reply

    async def view(self, person: str) -> CaseView:
        view = (await self.case(person)).view
        assert view is not None
        return view

    async def cases(self, person: str, **wish: Any) -> CasesReply:
        reply = await self.desk.answer(ListCases(at=MONDAY, actor=person, **wish))
        assert isinstance(reply, CasesReply)
        return reply

    async def events(self, person: str, **wish: Any) -> EventsReply:
        reply = await self.desk.answer(GetEvents(at=MONDAY, actor=person, reference=REFERENCE, **wish))
        assert isinstance(reply, EventsReply)
        return reply


def for_a_resident(*, share: bool) -> Story:
    story = Story()
    story.give(for_resident(cc=(COLLEAGUE,), share_constituent=share, location="12 Mill Lane"))
    story.hear(routed())
    return story


async def test_the_owner_sees_all_and_what_may_be_done() -> None:
    view = await Front(for_a_resident(share=False)).view(OWNER)

    assert view.constituent is not None
    assert view.constituent.name == CANARY
    assert (view.summary, view.location) == ("Damp in the bedroom", "12 Mill Lane")
    assert (view.service_name, view.ward_name, view.owner_name, view.team_name) == (
        "Housing repairs",
        "Abbey",
        "Councillor Alma Ashwick",
        "Housing Repairs",
    )
    assert view.routed_by == (
        "Routed by rule repairs, version 2026.1 of the council's rules: this team answers for the service."
    )
    assert view.commands == ("add-cc", "remove-cc")
    assert [event.seq for event in view.history] == [1, 2]
    assert view.version == 2


async def test_the_team_sees_the_constituent_too() -> None:
    view = await Front(for_a_resident(share=False)).view(OFFICER)

    assert view.constituent is not None
    assert view.commands == ("acknowledge", "add-progress", "return", "open-task")


@pytest.mark.parametrize("share", [True, False])
async def test_a_colleague_sees_the_constituent_only_if_shared(share: bool) -> None:  # noqa: FBT001  a parameter
    view = await Front(for_a_resident(share=share)).view(COLLEAGUE)

    assert (CANARY in view.model_dump_json()) is share
    assert view.description == "Water comes through the outer wall."


@pytest.mark.parametrize("person", [STRANGER, OTHER_OFFICER, CARER, SECRETARY, THIRD, "nobody"])
async def test_a_foreign_case_is_as_empty_as_none(person: str) -> None:
    with_case, without = Front(for_a_resident(share=True)), Front()

    assert await with_case.case(person) == await without.case(person) == CaseReply()
    assert await with_case.events(person) == await without.events(person) == EventsReply(found=False)
    assert await with_case.cases(person) == await without.cases(person)


async def test_the_facts_never_name_the_constituent_but_keep_their_other_words() -> None:
    reply = await Front(for_a_resident(share=True)).events(OWNER)

    assert reply.found
    assert CANARY not in reply.model_dump_json()
    assert reply.events[0].text is not None
    assert reply.events[0].text["description"] == "Water comes through the outer wall."


async def test_facts_are_read_on_from_where_one_stopped() -> None:
    front = Front(tell("answered"))

    reply = await front.events(OWNER, after=1, limit=2)

    assert [event.seq for event in reply.events] == [2, 3]
    assert reply.last == 4
    assert (await front.events(OWNER, after=4)).events == ()


async def test_a_refused_request_is_shown_to_whoever_made_it() -> None:
    front = Front()
    front.file.refuse(raising(), "command-1", NO)

    own, foreign = await front.case(OWNER, "command-1", "command-2"), await front.case(COLLEAGUE, "command-1")

    assert own.view is None
    assert own.refused is not None
    assert (own.refused.reference, own.refused.refusal, own.refused.at) == (REFERENCE, NO, MONDAY)
    assert own.decided == ("command-1",)
    assert foreign == CaseReply()


async def test_refused_commands_are_shown_with_the_case_to_whoever_gave_them() -> None:
    front = Front(for_a_resident(share=False))
    front.file.refuse(order(Accept, OWNER, MONDAY), "command-9", refuse_conflict("not-in-with-team", "Wait."))

    view = await front.view(OWNER)

    assert [(each.id, each.command) for each in view.refused] == [("command-9", "accept")]
    assert (await front.view(OFFICER)).refused == ()


async def test_a_command_is_decided_once_it_is_in_the_history_or_refused() -> None:
    story = tell("in_progress")
    front = Front(story)
    front.file.refuse(order(Accept, OWNER, MONDAY), "command-9", NO)

    assert (await front.case(OWNER, "cause-1", "command-9", "still-open")).decided == ("cause-1", "command-9")
    assert (await front.case(OFFICER, "cause-1", "cause-3")).decided == ("cause-3",)


async def test_a_list_says_what_the_case_is_to_the_person_and_what_is_next() -> None:
    story = for_a_resident(share=False)
    front = Front(story)

    lines = [(await front.cases(person)).cases[0] for person in (OWNER, COLLEAGUE, OFFICER)]

    assert [line.relation for line in lines] == ["owner", "cc", "officer"]
    acknowledge = story.case.public.clock("acknowledge")
    assert acknowledge is not None
    assert {line.due for line in lines} == {acknowledge.due}
    assert lines[0].summary == "Damp in the bedroom"


async def test_a_case_in_triage_is_listed_to_democratic_services() -> None:
    story = Story()
    story.give(raising())
    story.hear(undecided())

    assert [line.relation for line in (await Front(story).cases(DEMOCRATIC)).cases] == ["officer"]


@pytest.mark.parametrize("state", ["raised", "triage", "with_team", "closed"])
@pytest.mark.parametrize("person", [OWNER, COLLEAGUE, THIRD, OFFICER, MANAGER, SECRETARY, DEMOCRATIC, PLACING_OFFICER])
async def test_a_list_shows_what_a_person_may_see_and_to_admins_what_they_must_place(state: str, person: str) -> None:
    story = tell(state, cc=(COLLEAGUE,))
    front = Front(story)

    seen = (await front.case(person)).view is not None
    listed = await front.cases(person)

    works_on_it = state == "triage" or person not in {DEMOCRATIC, PLACING_OFFICER}
    assert (len(listed.cases), listed.total) == ((1, 1) if seen and works_on_it else (0, 0))


def listening() -> Directory:
    """Give a council to which a system listens until the end of this week."""
    council = make_council()
    system = ListeningSystem(id=LISTENER, name="Resident portal")
    grant = Grant(id="portal", person=LISTENER, role="subscriber", valid_to=TODAY + timedelta(days=6))
    return Directory(make_council(systems=(system,), grants=(*council.grants, grant)))


@pytest.mark.parametrize("state", ["raised", "triage", "answered", "closed"])
async def test_a_listening_system_reads_the_facts_of_any_case_as_the_bus_carries_them(state: str) -> None:
    story = tell(state, cc=(COLLEAGUE,))

    reply = await Front(story, directory=listening()).events(LISTENER)

    assert reply.found
    assert [each.data for each in reply.events] == [fact.event.model_dump(mode="json") for fact in story.facts]
    assert {each.text for each in reply.events} == {None}
    assert reply.last == story.case.seq


async def test_a_listening_system_is_shown_nothing_else_and_gives_no_command() -> None:
    story = for_a_resident(share=True)
    with_case, without = Front(story, directory=listening()), Front(directory=listening())
    command = order(Accept, LISTENER, MONDAY)

    assert await with_case.case(LISTENER) == await without.case(LISTENER) == CaseReply()
    assert await with_case.cases(LISTENER) == await without.cases(LISTENER)
    assert domain.accept(story.case, command, listening()) == domain.accept(None, command, listening())


@pytest.mark.parametrize("days", [6, 7])
async def test_a_system_whose_grant_has_run_out_reads_nothing(days: int) -> None:
    front = Front(tell("answered"), directory=listening())

    reply = await front.desk.answer(GetEvents(at=MONDAY + timedelta(days=days), actor=LISTENER, reference=REFERENCE))

    assert isinstance(reply, EventsReply)
    assert reply.found is (days == 6)


async def test_a_former_owner_is_answered_as_if_there_were_no_such_case() -> None:
    story = for_a_resident(share=True)
    story.directory = after_the_election()
    with_case, without = Front(story, directory=story.directory), Front(directory=story.directory)
    questions = (
        GetCase(at=AFTER, actor=OWNER, reference=REFERENCE),
        GetEvents(at=AFTER, actor=OWNER, reference=REFERENCE),
        ListCases(at=AFTER, actor=OWNER),
    )

    for question in questions:
        assert await with_case.desk.answer(question) == await without.desk.answer(question)


async def test_a_case_is_listed_to_those_who_may_take_it_over_and_to_democratic_services() -> None:
    story = tell("with_team")
    story.directory = after_the_election()
    story.hear(review(AFTER))
    front = Front(story, directory=story.directory)

    lines = {
        person: [line.relation for line in reply.cases]
        for person in (OWNER, COLLEAGUE, THIRD, STRANGER, DEMOCRATIC)
        if isinstance(reply := await front.desk.answer(ListCases(at=AFTER, actor=person)), CasesReply)
    }

    assert lines == {OWNER: [], COLLEAGUE: ["offered"], THIRD: ["offered"], STRANGER: [], DEMOCRATIC: ["officer"]}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("raised", "is finding the team"),
        (
            "triage",
            "It is with Democratic Services, who choose the team that answers for it by Tuesday 24 November 2026.",
        ),
        ("with_team", "take it on by Tuesday 24 November 2026 and answer it by Monday 7 December 2026."),
        ("in_progress", "Housing Repairs is working on it and should answer it by Monday 7 December 2026."),
        ("committed", "has promised it by Wednesday 23 December 2026"),
        ("answered", "otherwise it closes by itself on Monday 7 December 2026."),
        ("closed", "the councillor accepted, and it was resolved."),
    ],
)
async def test_each_state_has_a_sentence(state: str, says: str) -> None:
    assert says in (await Front(tell(state)).view(OWNER)).sentence


async def test_a_case_closed_by_time_says_so() -> None:
    story = tell("completed", report=True)
    story.fire("autoclose")

    assert "it closed by itself" in (await Front(story).view(OWNER)).sentence


def document_of(story: Story) -> Document:
    """Fold the facts into a document as the plumbing writes it."""
    case_id = story.case.public.id
    write = change(CASES, case_id, case_id, None, story.facts, Cause("command-1", "corr", OWNER), VAULT)
    document = write.operation._doc
    assert isinstance(document, dict)
    return document


async def test_a_yes_shows_the_case_and_repeats_show_it_as_it_is_now() -> None:
    story = for_a_resident(share=False)
    desk = Front().desk

    reply = await desk.reply(for_resident(), "command-1", document_of(story), None, repeated=True)

    assert (reply.outcome, reply.repeated, reply.refusal) == ("accepted", True, None)
    assert reply.view is not None
    assert reply.view.status == "with_team"
    assert reply.view.constituent is not None


async def test_a_no_shows_the_refusal_and_nothing_else() -> None:
    reply = await Front().desk.reply(raising(), "command-1", None, NO, repeated=False)

    assert (reply.outcome, reply.refusal, reply.view) == ("refused", NO, None)


async def test_who_has_left_a_case_gets_a_yes_without_a_view() -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))
    command = order(RemoveCc, COLLEAGUE, MONDAY, person=COLLEAGUE)
    story.give(command)

    reply = await Front().desk.reply(command, "command-2", document_of(story), None, repeated=False)

    assert (reply.outcome, reply.view) == ("accepted", None)


async def test_a_reply_shows_what_was_refused_before() -> None:
    front = Front()
    front.file.refuse(order(Accept, OWNER, MONDAY), "command-0", NO)
    story = tell("in_progress", cc=(COLLEAGUE,))
    command = order(RemoveCc, OWNER, MONDAY, person=COLLEAGUE)

    reply = await front.desk.reply(command, "command-2", document_of(story), None, repeated=False)

    assert reply.view is not None
    assert [each.id for each in reply.view.refused] == ["command-0"]


class Gossip(Query):
    """A question that intake does not answer."""


async def test_a_question_intake_does_not_know_is_an_error() -> None:
    with pytest.raises(TypeError, match="no answer"):
        await Front().desk.answer(Gossip(at=MONDAY, actor=OWNER))


def test_a_document_is_opened_with_its_own_key_only() -> None:
    document = document_of(for_a_resident(share=False))

    opened = open_file(document, VAULT)

    assert opened.records[0].text["summary"] == "Damp in the bedroom"
    assert opened.records[1].text == {}
