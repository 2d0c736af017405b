"""When the owner of a case can no longer act: to whom it is offered, and what stays as it was."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import offered, role_of
from services.intake.domain.policy import is_ownerless, may_own
from shared.commands import AddProgress, Answer, Command, Refusal, TakeOver, TransferOwner
from shared.council import CabinetPost, Councillor, Directory, Seat
from shared.events import (
    CaseAutocloseWarned,
    CaseClosed,
    CaseHandoverOffered,
    CaseOverdue,
    CaseOwnerChanged,
    Event,
)
from tests.counts import count
from tests.intake.results import refused, the_fact
from tests.intake.stories import (
    COLLEAGUE,
    DEMOCRATIC,
    MONDAY,
    OFFICER,
    OWNER,
    STRANGER,
    THIRD,
    TODAY,
    Story,
    order,
    review,
    tell,
    well_formed,
)
from tests.intake.terms import (
    AFTER,
    BEFORE,
    HOLDER,
    LAST,
    LATER,
    NEWCOMER,
    POSTS,
    abbey,
    after_a_reshuffle,
    after_new_boundaries,
    after_the_election,
    cabinet_case,
    council_of,
    member,
    reviewed,
    under,
    with_nobody_left,
)

FIRST = LAST + timedelta(days=1)


def offer_of(story: Story, at: datetime = AFTER) -> tuple[str, ...]:
    fact = the_fact(story.hear(review(at)))
    assert isinstance(fact, CaseHandoverOffered)
    return fact.to


@pytest.mark.parametrize(
    ("directory", "cc", "to"),
    [
        (after_the_election(), (), (COLLEAGUE, THIRD)),
        (after_the_election(), (THIRD,), (THIRD,)),
        (after_new_boundaries(), (), (THIRD, NEWCOMER)),
        (after_new_boundaries(), (COLLEAGUE,), (THIRD, NEWCOMER)),
        (after_new_boundaries(), (COLLEAGUE, THIRD), (THIRD,)),
        (with_nobody_left(), (COLLEAGUE,), ()),
    ],
)
def test_a_leavers_case_is_offered_to_those_who_follow_it_else_to_those_of_the_ward_or_in_its_place(
    directory: Directory, cc: tuple[str, ...], to: tuple[str, ...]
) -> None:
    story = under(directory, cc=cc)
    before = story.case

    fact = the_fact(story.hear(review(AFTER)))

    assert isinstance(fact, CaseHandoverOffered)
    assert (fact.to, fact.reason, fact.at) == (tuple(sorted(to)), "left-office", AFTER)
    assert story.case.public == before.public, "nothing else changes"


@pytest.mark.parametrize("state", ["raised", "triage", "with_team", "in_progress", "committed", "answered"])
def test_every_open_case_is_offered(state: str) -> None:
    assert offer_of(under(after_the_election(), state)) == (COLLEAGUE, THIRD)


def test_a_closed_case_is_offered_to_nobody() -> None:
    assert under(after_the_election(), "closed").hear(review(AFTER)) == ()


def test_the_owner_serves_to_the_end_of_the_last_local_day() -> None:
    story = under(after_the_election())

    assert story.hear(review(BEFORE)) == ()
    assert story.hear(review(AFTER)) != ()


@pytest.mark.parametrize("ward", ["abbey", "langley"])
def test_who_goes_on_in_another_seat_keeps_the_case(ward: str) -> None:
    again = Seat(ward=ward, valid_from=FIRST)
    story = under(council_of(member(OWNER, abbey(valid_to=LAST), again)))

    assert story.hear(review(AFTER)) == ()
    assert role_of(story.case, OWNER, story.directory, FIRST) == "owner"


def test_an_offer_is_said_once() -> None:
    story = reviewed(after_the_election())

    assert story.hear(review(AFTER)) == ()
    assert story.hear(review(LATER)) == ()


def test_an_offer_to_others_is_said_again() -> None:
    story = reviewed(after_the_election())
    story.directory = council_of(
        member(OWNER, abbey(valid_to=LAST)), member(NEWCOMER, Seat(ward="abbey", valid_from=LATER.date()))
    )

    assert story.hear(review(LATER - timedelta(days=1))) == ()
    assert offer_of(story, LATER) == (COLLEAGUE, THIRD, NEWCOMER)


def test_an_offer_to_nobody_is_said_again_when_there_is_somebody() -> None:
    story = under(with_nobody_left())
    assert offer_of(story) == ()
    story.directory = after_the_election()

    assert offer_of(story, LATER) == (COLLEAGUE, THIRD)


def test_who_returns_and_leaves_again_has_the_case_offered_again() -> None:
    between = abbey(valid_from=FIRST + timedelta(days=3), valid_to=FIRST + timedelta(days=6))
    story = reviewed(council_of(member(OWNER, abbey(valid_to=LAST), between)))

    assert story.hear(review(AFTER + timedelta(days=2))) == (), "not yet returned"
    assert story.hear(review(AFTER + timedelta(days=4))) == (), "serves"
    assert offer_of(story, AFTER + timedelta(days=7)) == (COLLEAGUE, THIRD)
    assert story.hear(review(AFTER + timedelta(days=8))) == ()


def test_who_is_found_to_have_served_all_along_and_then_leaves_has_the_case_offered_again() -> None:
    story = reviewed(after_the_election())
    story.directory = council_of(member(OWNER, abbey(valid_to=FIRST + timedelta(days=3))))

    assert story.hear(review(AFTER + timedelta(days=3))) == (), "the mistake was put right"
    assert offer_of(story, AFTER + timedelta(days=4)) == (COLLEAGUE, THIRD)


def test_who_follows_a_case_and_leaves_office_reads_on_no_more() -> None:
    story = under(council_of(member(COLLEAGUE, abbey(valid_to=LAST))), cc=(COLLEAGUE,))

    assert role_of(story.case, COLLEAGUE, story.directory, LAST) == "cc"
    assert role_of(story.case, COLLEAGUE, story.directory, FIRST) is None


def test_an_offer_by_a_council_that_was_taken_back_has_no_effect() -> None:
    story = reviewed(after_the_election())
    story.directory = council_of()

    assert role_of(story.case, OWNER, story.directory, FIRST) == "owner"
    assert role_of(story.case, COLLEAGUE, story.directory, FIRST) is None
    assert offered(story.case, OWNER, story.directory, AFTER) == ("add-cc",)
    assert refused(story.give(order(TakeOver, COLLEAGUE, AFTER))).code == "unknown-case"


def test_a_portfolio_that_moved_takes_its_cases_to_the_present_holder() -> None:
    story = cabinet_case()

    assert story.hear(review(BEFORE)) == ()
    fact = the_fact(story.hear(review(AFTER)))

    assert isinstance(fact, CaseHandoverOffered)
    assert (fact.to, fact.reason) == ((HOLDER,), "portfolio-moved")
    assert role_of(story.case, OWNER, story.directory, FIRST) is None, "although the seat is kept"
    assert role_of(story.case, HOLDER, story.directory, FIRST) == "offered"


@pytest.mark.parametrize(
    ("posts", "holder_serves"),
    [
        (POSTS[:1], True),
        (POSTS, False),
    ],
)
def test_a_portfolio_that_nobody_can_act_in_leaves_its_cases_to_democratic_services(
    posts: tuple[CabinetPost, ...],
    holder_serves: bool,  # noqa: FBT001  a parameter
) -> None:
    story = cabinet_case()
    story.directory = after_a_reshuffle(*posts)
    if not holder_serves:
        council = story.directory.council
        seatless = tuple(member(HOLDER) if each.id == HOLDER else each for each in council.councillors)
        story.directory = Directory(council.model_copy(update={"councillors": seatless}))

    assert offer_of(story) == ()


def test_a_reshuffle_leaves_the_ward_cases_of_the_former_holder_alone() -> None:
    story = under(after_a_reshuffle())

    assert story.hear(review(AFTER)) == ()
    assert role_of(story.case, OWNER, story.directory, FIRST) == "owner"


def test_the_team_works_on_and_its_deadlines_run_while_nobody_owns_the_case() -> None:
    story = reviewed(after_the_election())
    clock = story.case.public.clock("answer")
    assert clock is not None

    late = the_fact(story.fire("answer"))
    progress = story.give(order(AddProgress, OFFICER, clock.due, text="It took longer."))
    answered = story.give(order(Answer, OFFICER, clock.due, text="It is dry."))

    assert isinstance(late, CaseOverdue)
    assert not isinstance(progress, Refusal)
    assert not isinstance(answered, Refusal)


@pytest.mark.parametrize("offer_first", [True, False])
def test_a_case_closes_neither_by_itself_nor_with_a_warning_while_its_owner_cannot_act(
    offer_first: bool,  # noqa: FBT001  a parameter
) -> None:
    story = under(after_the_election(), "answered")
    if offer_first:
        story.hear(review(AFTER))
    before = story.case

    assert story.fire("autoclose_warning") == ()
    assert story.fire("autoclose_last_warning") == ()
    assert story.fire("autoclose") == ()
    assert story.case == before


# Seats of the four members, as (first day, last day) counted from MONDAY; they may overlap or leave gaps.
SEATS = st.lists(
    st.tuples(st.sampled_from((OWNER, COLLEAGUE, THIRD, STRANGER)), st.integers(-5, 60), st.integers(0, 40)),
    max_size=10,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("review"), st.integers(0, 12), st.none()),
        st.tuples(
            st.just("command"),
            st.sampled_from(("take-over", "transfer-owner", "accept", "extend-auto-close", "answer", "remove-cc")),
            st.sampled_from((OWNER, COLLEAGUE, THIRD, STRANGER, OFFICER, DEMOCRATIC)),
        ),
        st.tuples(st.just("fire"), st.integers(0, 24), st.none()),
    ),
    min_size=3,
    max_size=25,
)


def _members(seats: list[tuple[str, int, int]]) -> tuple[Councillor, ...]:
    first: dict[str, list[Seat]] = {each: [] for each in (OWNER, COLLEAGUE, THIRD, STRANGER)}
    for person, begins, days in seats:
        valid_from = TODAY + timedelta(days=begins)
        first[person].append(abbey(valid_from=valid_from, valid_to=valid_from + timedelta(days=days)))
    return tuple(member(person, *held) for person, held in first.items())


@settings(max_examples=count(300, 5_000))
@given(seats=SEATS, steps=STEPS)
def test_whatever_seats_begin_and_end_nobody_gets_a_case_unasked_and_none_closes_without_an_owner(
    seats: list[tuple[str, int, int]], steps: list[tuple[str, object, str | None]]
) -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))
    story.directory = council_of(*_members(seats))
    now = MONDAY
    for kind, what, who in steps:
        before, said = story.case, len(story.facts)
        command: Command | None = None
        match kind, what:
            case "review", int(days):
                now += timedelta(days=days)
                story.hear(review(now))
            case "command", str(name):
                command = well_formed(name, before, str(who), now, story.directory)
                story.give(command)
            case "fire", int(hours) if before.public.clocks:
                clock = min(before.public.clocks, key=lambda each: each.due)
                now = max(now, clock.due) + timedelta(hours=hours)
                story.fire(clock.kind, now)
        today = story.directory.calendar.local_date(now)
        new = [fact.event for fact in story.facts[said:]]
        assert len(new) <= 1
        for fact in new:
            _look_at(fact, story, command, today, ownerless=is_ownerless(before, story.directory, today))
        if kind == "review":
            assert story.hear(review(now)) == (), "said once"
        assert story.case.public.owner not in story.case.public.cc


def _look_at(fact: Event, story: Story, command: Command | None, today: date, *, ownerless: bool) -> None:
    case = story.case
    match fact:
        case CaseOwnerChanged():
            assert isinstance(command, TakeOver | TransferOwner)
            assert may_own(case, fact.owner, story.directory, today)
            assert ownerless or isinstance(command, TransferOwner)
            assert case.public.owner == fact.owner
        case CaseClosed():
            assert not ownerless
        case CaseHandoverOffered():
            assert ownerless
            assert fact.case == case.public
            assert all(may_own(case, each, story.directory, today) for each in fact.to)
            assert case.public.owner not in fact.to
        case _:
            assert not isinstance(fact, CaseAutocloseWarned) or not ownerless
