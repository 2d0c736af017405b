"""Who is shown how much of a case: its facts, its words, and who the resident is."""

from typing import Any

import pytest

from services.intake.domain import Role, case_summary, case_view, event_views, sight, words
from shared.commands import CaseView, Constituent, RaiseCase, TakeOver, TransferOwner
from shared.council import Directory, Form
from tests.intake.fakes import filed
from tests.intake.stories import (
    CANARY,
    COLLEAGUE,
    DEMOCRATIC,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
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
from tests.intake.terms import AFTER, after_the_election, with_nobody_left

NEIGHBOUR = "Nathaniel Thornapple"
FORM = Form.model_validate(
    {
        "questions": [
            {"id": "where", "type": "text", "label": "Where is it wet?"},
            {"id": "neighbour", "type": "person", "label": "Who lives next door?"},
        ]
    }
)
ANSWERS = {"where": "behind the bed", "neighbour": {"name": NEIGHBOUR, "phone": "01632 960002"}}
WRITTEN = ("Damp in the bedroom", "outer wall", "Mill Lane", "behind the bed")
ASKING = Directory(
    make_council(
        services=tuple(
            each.model_copy(update={"form": FORM}) if each.code == "repairs" else each
            for each in make_council().services
        )
    )
)


def with_team(command: RaiseCase) -> Story:
    """Tell a case with answers to a form up to its team."""
    story = Story(ASKING)
    story.give(command)
    story.hear(routed())
    return story


def for_a_resident(**changes: Any) -> Story:
    return with_team(for_resident(**({"location": "12 Mill Lane", "form": ANSWERS} | changes)))


def ownerless(**changes: Any) -> Story:
    story = for_a_resident(**changes)
    story.directory = after_the_election()
    story.hear(review(AFTER))
    return story


def seen_by(person: str, story: Story, directory: Directory | None = None) -> CaseView:
    view = case_view(filed(story), person, directory or story.directory, AFTER)
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("consent", "share", "cc", "knows"),
    [
        ("constituent-agrees", False, (), True),
        ("not-yet-asked", False, (), False),
        ("no-constituent", False, (), False),
        ("not-yet-asked", True, (), False),
        ("not-yet-asked", False, (COLLEAGUE,), False),
        ("not-yet-asked", True, (COLLEAGUE,), True),
        ("no-constituent", True, (COLLEAGUE,), True),
    ],
)
def test_a_new_owner_knows_the_resident_who_agrees_or_was_shared_with_them(
    consent: str,
    share: bool,  # noqa: FBT001  a parameter
    cc: tuple[str, ...],
    knows: bool,  # noqa: FBT001  a parameter
) -> None:
    story = ownerless(share_constituent=share, cc=cc)

    story.give(order(TakeOver, COLLEAGUE, AFTER, consent=consent))
    view = seen_by(COLLEAGUE, story)

    shown = view.model_dump_json()
    assert (CANARY in shown, NEIGHBOUR in shown) == (knows, knows)
    assert (words.RESIDENT_HIDDEN in view.sentence) is not knows
    assert all(written in shown for written in WRITTEN)


@pytest.mark.parametrize("form", [None, {"where": "behind the bed"}])
def test_where_no_resident_is_on_file_nothing_is_said_of_one(form: dict[str, Any] | None) -> None:
    story = with_team(raising(form=form))
    story.directory = after_the_election()
    story.hear(review(AFTER))

    story.give(order(TakeOver, COLLEAGUE, AFTER, consent="no-constituent"))

    assert words.RESIDENT_HIDDEN not in seen_by(COLLEAGUE, story).sentence


def test_a_person_named_in_the_form_alone_is_hidden_and_said_to_be() -> None:
    story = with_team(raising(form=ANSWERS))
    story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=THIRD, text="Please."))

    view = seen_by(THIRD, story)

    assert NEIGHBOUR not in view.model_dump_json()
    assert words.RESIDENT_HIDDEN in view.sentence


def test_who_knows_the_resident_is_shown_it_again_once_consent_is_recorded() -> None:
    story = ownerless()
    story.give(order(TakeOver, COLLEAGUE, AFTER))
    assert seen_by(COLLEAGUE, story).constituent is None

    story.give(
        order(
            TransferOwner, DEMOCRATIC, AFTER, person=COLLEAGUE, consent="constituent-agrees", text="The team asked her."
        )
    )

    assert seen_by(COLLEAGUE, story).constituent == Constituent(
        name=CANARY, authority="constituent-asked", email="w@quill.example"
    )


def test_consent_is_asked_for_each_owner_anew() -> None:
    story = ownerless()
    story.give(order(TakeOver, COLLEAGUE, AFTER, consent="constituent-agrees"))

    story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=THIRD, text="He is ill."))

    assert CANARY not in seen_by(THIRD, story).model_dump_json()


def test_who_raised_the_case_and_gets_it_back_knew_the_resident_before() -> None:
    story = for_a_resident()
    story.give(order(TransferOwner, DEMOCRATIC, MONDAY, person=COLLEAGUE, text="She is ill."))

    story.give(order(TransferOwner, DEMOCRATIC, MONDAY, person=OWNER, text="She is back."))

    assert seen_by(OWNER, story, DIRECTORY).constituent is not None


def test_a_line_of_a_list_which_has_the_first_fact_only_takes_nobody_for_a_later_owner_who_may_know() -> None:
    story = ownerless()
    story.give(order(TakeOver, COLLEAGUE, AFTER, consent="constituent-agrees"))
    whole = filed(story)

    assert sight.resident_is_known_to_owner(whole)
    assert not sight.resident_is_known_to_owner(whole._replace(records=whole.records[:1]))
    assert not sight.resident_is_known_to_owner(whole._replace(records=()))


def test_who_is_offered_a_case_knows_what_and_where_and_no_word_of_it() -> None:
    story = ownerless(share_constituent=True)

    view = seen_by(THIRD, story)
    line = case_summary(filed(story), THIRD, story.directory, AFTER.date())
    facts = event_views(filed(story), THIRD, story.directory, AFTER.date())

    assert (view.reference, view.service, view.ward, view.status) == (
        story.case.public.reference,
        "repairs",
        "abbey",
        "with_team",
    )
    assert (view.summary, view.description, view.location, view.constituent) == (None, None, None, None)
    assert view.raised_at == MONDAY
    assert view.commands == ("take-over",)
    assert line is not None
    assert (line.relation, line.summary) == ("offered", None)
    assert facts is not None
    assert [each.text for each in facts] == [None, None, None]
    for written in (*WRITTEN, CANARY, NEIGHBOUR, "w@quill.example"):
        assert written not in view.model_dump_json()
    assert view.sentence.endswith("you may take it over. What was written is shown to you then.")


def test_a_colleague_who_follows_the_case_reads_on_while_it_is_offered() -> None:
    view = seen_by(COLLEAGUE, ownerless(cc=(COLLEAGUE,)))

    assert view.summary == "Damp in the bedroom"
    assert view.commands == ("remove-cc", "take-over")
    assert view.sentence.endswith("you may take it over.")


@pytest.mark.parametrize(
    ("directory", "says"),
    [
        (after_the_election(), "colleagues have been asked to take it over."),
        (with_nobody_left(), "Democratic Services must find one who takes it over."),
    ],
)
def test_the_team_is_told_that_nobody_can_act_on_the_case(directory: Directory, says: str) -> None:
    story = tell("answered")
    story.directory = directory
    before = seen_by(OFFICER, story).sentence

    story.hear(review(AFTER))
    after = seen_by(OFFICER, story).sentence

    assert before.endswith("it does not close by itself. Its councillor can no longer act on it.")
    assert after.endswith(says)


@pytest.mark.parametrize("placing", [True, False])
def test_democratic_services_read_what_waits_in_triage_and_of_the_others_that_there_are(placing: bool) -> None:  # noqa: FBT001  a parameter
    story = Story()
    story.give(for_resident(location="12 Mill Lane"))
    story.hear(undecided() if placing else routed())

    shown = seen_by(DEMOCRATIC, story, DIRECTORY).model_dump_json()
    line = case_summary(filed(story), DEMOCRATIC, DIRECTORY, TODAY)

    assert all((written in shown) is placing for written in (CANARY, "Damp in the bedroom", "Mill Lane"))
    assert line is not None
    assert (line.relation, line.summary is not None) == ("officer", placing)


def test_what_several_roles_open_adds_up() -> None:
    of_case = filed(for_a_resident())

    roles: tuple[Role, ...] = ("offered", "cc", "officer")

    assert sight.sight_of(of_case, roles) == (True, True)
    assert sight.sight_of(of_case, roles[:2]) == (True, False)
    assert sight.sight_of(of_case, roles[:1]) == (False, False)
    assert sight.sight_of(of_case, ()) == (False, False)
    assert sight.sight_of(of_case, ("admin", "offered")) == (False, False)
    assert sight.sight_of(of_case, ("admin", "cc")) == (True, False)
