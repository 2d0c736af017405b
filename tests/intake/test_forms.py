"""The form of a service in intake: judged again, kept beside the fact, shown to those who may read it."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain import case_view, event_views
from shared.commands import FormView, Refusal
from shared.council import Directory, Form
from shared.events import CaseRaised, Fact
from tests.intake.fakes import filed
from tests.intake.stories import (
    COLLEAGUE,
    MONDAY,
    OFFICER,
    OWNER,
    Story,
    for_resident,
    make_council,
    raising,
    routed,
)

TENANT = "Wanda Quillfeather"
FORM = Form.model_validate(
    {
        "questions": [
            {
                "id": "trouble",
                "type": "choice",
                "label": "What is the matter?",
                "required": True,
                "multiple": True,
                "options": [{"code": "damp", "label": "Damp"}, {"code": "gas", "label": "A smell of gas"}],
            },
            {"id": "since", "type": "date", "label": "Since when?", "within": "5wd"},
            {"id": "account", "type": "text", "label": "Rent account", "private": True},
            {"id": "place", "type": "location", "label": "Which room?"},
            {"id": "tenant", "type": "person", "label": "Who is the tenant?"},
            {"id": "photos", "type": "file", "label": "Photographs"},
        ],
        "stops": [{"when": {"trouble": "gas"}, "message": "Leave the house and call the gas emergency service."}],
    }
)
COUNCIL = make_council()
ASKING = Directory(
    COUNCIL.model_copy(
        update={
            "services": tuple(
                service.model_copy(update={"form": FORM}) if service.code == "repairs" else service
                for service in COUNCIL.services
            )
        }
    )
)
ANSWERS: dict[str, Any] = {
    "trouble": ["damp"],
    "since": "2026-11-19",
    "account": "R-4711",
    "place": {"text": "Back bedroom", "easting": 400000, "northing": 290000},
    "tenant": {"name": TENANT, "phone": "01632 960001"},
    "photos": ["f-1", "f-2"],
}


def tale(**changes: Any) -> Story:
    """Tell a case raised with a form for a resident, with a colleague in cc, up to its team."""
    story = Story(directory=ASKING)
    story.give(for_resident(**({"form": ANSWERS, "cc": (COLLEAGUE,)} | changes)))
    story.hear(routed())
    return story


def seen(story: Story, person: str) -> FormView | None:
    view = case_view(filed(story), person, ASKING, MONDAY)
    assert view is not None
    return view.form


def refused(**changes: Any) -> Refusal:
    result = Story(directory=ASKING).give(raising(**changes))
    assert isinstance(result, Refusal), result
    return result


def raised(story: Story, **changes: Any) -> Fact:
    (fact,) = story.give(raising(**changes))
    assert isinstance(fact, Fact)
    return fact


def test_the_fact_carries_which_form_was_filled_in_and_no_answer() -> None:
    fact = raised(Story(directory=ASKING), form=ANSWERS)

    assert isinstance(fact.event, CaseRaised)
    assert fact.event.form == FORM.digest()
    for secret in (TENANT, "R-4711", "Back bedroom", "damp", "960001"):
        assert secret not in fact.event.model_dump_json()
        assert secret in str(fact.text)


def test_a_form_that_was_left_empty_is_no_form() -> None:
    optional = FORM.model_copy(update={"questions": FORM.questions[1:], "stops": ()})
    services = tuple(
        service.model_copy(update={"form": optional}) if service.code == "repairs" else service
        for service in COUNCIL.services
    )
    fact = raised(Story(directory=Directory(COUNCIL.model_copy(update={"services": services}))), form={})

    assert isinstance(fact.event, CaseRaised)
    assert fact.event.form is None
    assert "form" not in fact.text


@pytest.mark.parametrize(
    ("changes", "code", "kind", "field", "says"),
    [
        ({}, "form-invalid", "invalid", "form.trouble", '"What is the matter?" needs one or more of: Damp (damp)'),
        ({"form": {"trouble": ["rot"]}}, "form-invalid", "invalid", "form.trouble", "A smell of gas (gas)"),
        (
            {"form": {"trouble": ["damp"], "since": "2026-11-13"}},
            "form-invalid",
            "invalid",
            "form.since",
            "choose Monday 16 November 2026 or later",
        ),
        ({"form": {"trouble": ["damp"], "x": 1}}, "form-invalid", "invalid", "form", "no such question"),
        ({"form": {"trouble": ["gas"]}}, "form-stopped", "invalid", "form", "Leave the house and call"),
        ({"form_version": "form-000000000000"}, "form-changed", "conflict", "form", "load it again"),
        ({"service": "trees", "form": {"x": 1}}, "form-invalid", "invalid", "form", "no such question"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    changes: dict[str, Any], code: str, kind: str, field: str, says: str
) -> None:
    refusal = refused(**changes)

    assert (refusal.code, refusal.kind, refusal.field) == (code, kind, field)
    assert says in refusal.sentence


def test_answers_to_an_earlier_form_are_taken_while_they_fit_and_count_as_answers_to_this_one() -> None:
    fact = raised(Story(directory=ASKING), form=ANSWERS, form_version="form-000000000000")

    assert isinstance(fact.event, CaseRaised)
    assert fact.event.form == FORM.digest()


def test_a_date_is_counted_from_the_day_the_request_was_received() -> None:
    result = Story(directory=ASKING).give(raising(form=ANSWERS, at=MONDAY + timedelta(days=7)))

    assert isinstance(result, Refusal)
    assert result.field == "form.since"


@pytest.mark.parametrize("person", [OWNER, OFFICER])
def test_owner_and_team_read_each_answer_with_its_question(person: str) -> None:
    form = seen(tale(), person)

    assert form is not None
    assert form.version == FORM.digest()
    assert [(each.question, each.label, each.said) for each in form.answers] == [
        ("trouble", "What is the matter?", "Damp"),
        ("since", "Since when?", "2026-11-19"),
        ("account", "Rent account", "R-4711"),
        ("place", "Which room?", "Back bedroom, easting 400000, northing 290000"),
        ("tenant", "Who is the tenant?", f"{TENANT}, 01632 960001"),
        ("photos", "Photographs", "f-1, f-2"),
    ]
    assert {each.question: each.answer for each in form.answers} == ANSWERS


def test_a_colleague_reads_no_answer_that_tells_who_the_resident_is() -> None:
    form = seen(tale(), COLLEAGUE)

    assert form is not None
    assert [each.question for each in form.answers] == ["trouble", "since", "place", "photos"]
    assert TENANT not in form.model_dump_json()
    assert "R-4711" not in form.model_dump_json()


def test_a_colleague_reads_all_answers_where_the_owner_shares_the_resident() -> None:
    assert seen(tale(share_constituent=True), COLLEAGUE) == seen(tale(share_constituent=True), OWNER)


def test_sharing_counts_without_a_resident_named_outside_the_form() -> None:
    story = Story(directory=ASKING)
    story.give(raising(form=ANSWERS, cc=(COLLEAGUE,), share_constituent=True))

    assert TENANT in str(seen(story, COLLEAGUE))


def test_answers_stay_readable_when_the_form_has_gone() -> None:
    view = case_view(filed(tale()), OWNER, Directory(COUNCIL), MONDAY)

    assert view is not None
    assert view.form == seen(tale(), OWNER)


def test_the_facts_never_hold_the_answers() -> None:
    today = ASKING.calendar.local_date(MONDAY)

    events = event_views(filed(tale()), OWNER, ASKING, today)

    assert events is not None
    assert events[0].text is not None
    assert "form" not in events[0].text
    assert TENANT not in str(events)
