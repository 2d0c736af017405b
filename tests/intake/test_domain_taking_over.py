"""Who takes a case over or is given it: one only, who could act as its owner; and the former owner keeps nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake.domain import offered, role_of
from services.intake.domain.policy import ORDER
from shared.commands import Accept, ExtendAutoClose, Refusal, TakeOver, TransferOwner
from shared.events import (
    CaseAutocloseWarned,
    CaseClosed,
    CaseOwnerChanged,
)
from tests.intake.results import refused, the_fact
from tests.intake.stories import (
    COLLEAGUE,
    DEMOCRATIC,
    FORMER,
    MONDAY,
    OFFICER,
    OWNER,
    STRANGER,
    THIRD,
    TODAY,
    Story,
    order,
    raising,
    review,
    routed,
    tell,
    well_formed,
)
from tests.intake.terms import (
    AFTER,
    HOLDER,
    LAST,
    LATER,
    NEWCOMER,
    POSTS,
    abbey,
    after_a_reshuffle,
    after_the_election,
    cabinet_case,
    council_of,
    member,
    reviewed,
    under,
    with_nobody_left,
)

FIRST = LAST + timedelta(days=1)


def test_a_colleague_takes_over_and_the_former_owner_is_nothing_to_the_case_any_more() -> None:
    story = reviewed(after_the_election(), cc=(COLLEAGUE, THIRD))
    clocks = story.case.public.clocks

    fact = the_fact(story.give(order(TakeOver, COLLEAGUE, AFTER, consent="constituent-agrees")))

    assert isinstance(fact, CaseOwnerChanged)
    assert (fact.owner, fact.former, fact.reason) == (COLLEAGUE, OWNER, "taken-over")
    assert (story.case.public.owner, story.case.public.cc) == (COLLEAGUE, (THIRD,))
    assert story.case.public.clocks == clocks
    assert story.facts[-1].text == {"consent": "constituent-agrees"}
    assert offered(story.case, COLLEAGUE, story.directory, AFTER) == ("remove-cc",)
    assert story.hear(review(LATER)) == ()


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("name", ORDER)
def test_who_has_left_office_learns_nothing_and_gives_no_command(name: str, taken: bool) -> None:  # noqa: FBT001  a parameter
    story = reviewed(after_the_election(), "answered", cc=(COLLEAGUE,))
    if taken:
        story.give(order(TakeOver, COLLEAGUE, AFTER))

    refusal = refused(story.give(well_formed(name, story.case, OWNER, AFTER, story.directory)))

    assert refusal == refused(Story().give(order(Accept, OWNER, AFTER)))
    assert refusal.code == "unknown-case"


def test_a_former_owner_who_still_serves_loses_the_case_all_the_same() -> None:
    story = tell("answered", cc=(COLLEAGUE,))

    story.give(order(TransferOwner, DEMOCRATIC, MONDAY, person=COLLEAGUE, text="She asked for it."))

    assert role_of(story.case, OWNER, story.directory, TODAY) is None
    assert refused(story.give(order(Accept, OWNER, MONDAY))).code == "unknown-case"


def test_of_two_who_take_a_case_over_one_gets_it() -> None:
    story = reviewed(after_the_election())
    story.give(order(TakeOver, THIRD, AFTER))

    refusal = refused(story.give(order(TakeOver, COLLEAGUE, AFTER)))

    assert story.case.public.owner == THIRD
    assert refusal.code == "unknown-case"


def test_who_follows_a_case_that_is_not_offered_cannot_take_it() -> None:
    refusal = refused(tell("in_progress", cc=(COLLEAGUE,)).give(order(TakeOver, COLLEAGUE, MONDAY)))

    assert (refusal.kind, refusal.code, refusal.instead) == ("forbidden", "not-permitted", ("remove-cc",))
    assert refusal.sentence.startswith("Only a councillor to whom the case was offered")


@pytest.mark.parametrize("person", [STRANGER, FORMER, OFFICER, DEMOCRATIC, OWNER, NEWCOMER])
def test_a_case_is_taken_by_those_only_to_whom_it_was_offered(person: str) -> None:
    story = reviewed(after_the_election())

    refused(story.give(order(TakeOver, person, AFTER)))

    assert story.case.public.owner == OWNER


def test_who_was_offered_a_case_and_leaves_before_taking_it_cannot_take_it() -> None:
    gone = [member(each, abbey(valid_to=day)) for each, day in ((OWNER, LAST), (COLLEAGUE, FIRST))]
    story = reviewed(council_of(*gone))
    next_day = AFTER + timedelta(days=1)

    assert role_of(story.case, COLLEAGUE, story.directory, FIRST) == "offered"
    assert refused(story.give(order(TakeOver, COLLEAGUE, next_day))).code == "unknown-case"


def test_who_was_only_offered_a_case_may_do_nothing_but_take_it() -> None:
    story = reviewed(after_the_election(), "answered")

    assert offered(story.case, THIRD, story.directory, AFTER) == ("take-over",)
    for name in ORDER:
        if name != "take-over":
            assert refused(story.give(well_formed(name, story.case, THIRD, AFTER, story.directory))).kind == "forbidden"


@pytest.mark.parametrize("state", ["raised", "triage", "in_progress", "answered"])
@pytest.mark.parametrize("person", [OWNER, COLLEAGUE, THIRD, OFFICER, DEMOCRATIC, STRANGER])
@pytest.mark.parametrize("cc", [(), (COLLEAGUE,)])
def test_what_is_offered_to_people_is_exactly_what_is_accepted_of_an_ownerless_case(
    state: str, person: str, cc: tuple[str, ...]
) -> None:
    story = reviewed(after_the_election(), state, cc)

    accepted = tuple(name for name in ORDER if not isinstance(_tried(story, name, person), Refusal))

    assert offered(story.case, person, story.directory, AFTER) == accepted


def _tried(story: Story, name: str, person: str) -> object:
    copied = Story(story.directory)
    copied.known, copied.facts = story.known, list(story.facts)
    return copied.give(well_formed(name, story.case, person, AFTER, story.directory))


def test_democratic_services_give_an_open_case_to_a_serving_councillor_and_say_why() -> None:
    story = reviewed(with_nobody_left())

    fact = the_fact(story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=STRANGER, text="Nobody else is left.")))

    assert isinstance(fact, CaseOwnerChanged)
    assert (fact.owner, fact.former, fact.reason) == (STRANGER, OWNER, "transferred")
    assert story.facts[-1].text == {"consent": "not-yet-asked", "text": "Nobody else is left."}
    assert "Nobody else" not in fact.model_dump_json()
    assert story.case.offered is None
    assert role_of(story.case, STRANGER, story.directory, FIRST) == "owner"


@pytest.mark.parametrize("person", [OWNER, FORMER, OFFICER, "cllr-nobody"])
def test_a_case_is_given_to_nobody_who_does_not_serve(person: str) -> None:
    story = reviewed(after_the_election())

    refusal = refused(story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=person, text="Please.")))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", "not-a-possible-owner", "person")
    assert "Councillor Bertram Birchley (cllr-birch)" in refusal.sentence
    assert "cllr-nobody" not in refusal.sentence


def test_who_has_the_case_already_is_no_choice_for_it() -> None:
    refusal = refused(tell("in_progress").give(order(TransferOwner, DEMOCRATIC, MONDAY, person=FORMER, text="?")))

    assert COLLEAGUE in refusal.sentence
    assert OWNER not in refusal.sentence


def test_cabinet_business_is_given_to_the_holder_of_the_portfolio_only() -> None:
    story = cabinet_case()
    story.hear(review(AFTER))

    refusal = refused(story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=COLLEAGUE, text="Please.")))
    given = story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=HOLDER, text="Please."))

    assert refusal.sentence.startswith("Only the councillor who holds the portfolio")
    assert HOLDER in refusal.sentence
    assert not isinstance(given, Refusal)


def test_cabinet_business_of_an_empty_portfolio_can_be_given_to_nobody() -> None:
    story = cabinet_case()
    story.directory = after_a_reshuffle(POSTS[0])

    refusal = refused(story.give(order(TransferOwner, DEMOCRATIC, AFTER, person=HOLDER, text="Please.")))

    assert (refusal.kind, refusal.code) == ("conflict", "nobody-to-own")
    assert "transfer-owner" not in offered(story.case, DEMOCRATIC, story.directory, AFTER)


def test_the_present_owner_is_named_again_only_to_record_that_the_resident_agrees() -> None:
    story = tell("in_progress")

    refusal = refused(story.give(order(TransferOwner, DEMOCRATIC, MONDAY, person=OWNER, text="?")))
    agreed = order(TransferOwner, DEMOCRATIC, MONDAY, person=OWNER, consent="constituent-agrees", text="By phone.")
    fact = the_fact(story.give(agreed))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", "owner-already", "person")
    assert isinstance(fact, CaseOwnerChanged)
    assert (fact.owner, fact.former) == (OWNER, OWNER)


@pytest.mark.parametrize("person", [OWNER, COLLEAGUE, OFFICER])
def test_only_democratic_services_give_a_case_to_another(person: str) -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))

    refusal = refused(story.give(order(TransferOwner, person, MONDAY, person=THIRD, text="Please.")))

    assert (refusal.kind, refusal.code) == ("forbidden", "not-permitted")
    assert refusal.sentence.startswith("Only Democratic Services")


def test_who_takes_an_answered_case_over_has_the_whole_period_before_it_closes() -> None:
    story = reviewed(after_the_election(), "answered")
    story.fire("autoclose")
    at = datetime(2026, 12, 14, 10, 0, tzinfo=UTC)

    story.give(order(TakeOver, COLLEAGUE, at))

    # Ten working days after 14 December 2026, with 25 and 28 December off.
    end = story.directory.calendar.end_of_day
    assert {clock.kind: (clock.due, clock.rev) for clock in story.case.public.clocks} == {
        "autoclose_warning": (end(date(2026, 12, 21)), story.case.seq),
        "autoclose_last_warning": (end(date(2026, 12, 29)), story.case.seq),
        "autoclose": (end(date(2026, 12, 30)), story.case.seq),
    }
    assert isinstance(the_fact(story.fire("autoclose_warning")), CaseAutocloseWarned)
    assert isinstance(the_fact(story.fire("autoclose")), CaseClosed)


def test_a_close_that_lies_further_ahead_than_the_period_is_left_where_it_is() -> None:
    story = under(after_the_election(), "answered")
    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 3, 1), reason="Wait."))
    story.hear(review(AFTER))
    clocks = story.case.public.clocks

    story.give(order(TakeOver, COLLEAGUE, AFTER))

    assert story.case.public.clocks == clocks


def test_a_case_that_never_closes_by_itself_stays_so_when_it_is_taken_over() -> None:
    story = Story()
    story.give(raising(service="trees"))
    story.hear(routed(service="trees"))
    for name in ("acknowledge", "answer"):
        story.give(well_formed(name, story.case, OFFICER, MONDAY))
    story.directory = after_the_election()
    story.hear(review(AFTER))

    story.give(order(TakeOver, COLLEAGUE, AFTER))

    assert story.case.public.clocks == ()
