"""A transition knows whose cases it concerns, and each open one of them is to be looked at once."""

from typing import get_args

import pytest

from services.scheduler.domain import Diary, Moved, Transition, evolve, evolve_transition, note, review
from shared.events import (
    CouncilActivated,
    CouncilPortfolioMoved,
    CouncilPublished,
    CouncilSeen,
    CouncilTermEnded,
    Event,
    State,
    TimerReview,
    TimersSet,
)
from tests.scheduler.fakes import START, after, heard, noted
from tests.scheduler.worlds import may

ELECTION = Transition(
    number=12, on=may(11), leavers=("cllr-moss",), moved=(Moved(portfolio="housing", holder="cllr-reed"),)
)
REVIEW = TimerReview(
    at=after(1), reason="owner-left", cause="12:2026-05-11", lane="normal", service="lamps", ward="elm"
)


def diary(owner: str | None, portfolio: str | None = None) -> Diary:
    return evolve(None, noted(1, owner=owner, portfolio=portfolio), 1)


def ended(councillor: str, *, left_office: bool) -> CouncilTermEnded:
    return CouncilTermEnded(at=START, number=12, councillor=councillor, ward="elm", on=may(11), left_office=left_office)


def written(*facts: Event) -> Transition:
    transition = evolve_transition(None, CouncilSeen(at=START, number=12, on=may(11), former="11:2026-05-01"), 1)
    for seq, fact in enumerate(facts, 2):
        transition = evolve_transition(transition, fact, seq)
    return transition


def test_the_owner_of_an_open_case_is_noted_and_of_a_closed_one_nobody() -> None:
    over = {"closed", "anonymised"}
    owners = {state: _noted(state).owner for state in get_args(State)}

    assert {state for state, owner in owners.items() if owner is None} == over
    assert set(owners.values()) == {None, "cllr-moss"}
    assert _noted("in_progress", portfolio="housing").portfolio == "housing"


def _noted(state: State, portfolio: str | None = None) -> TimersSet:
    fact = note(None, heard(state=state, portfolio=portfolio), 1)
    assert fact is not None
    return fact


def test_a_diary_from_before_owners_were_noted_concerns_nobody_until_the_next_event() -> None:
    old = Diary.model_validate({"caseseq": 1, "lane": "normal", "service": "lamps", "ward": "elm"})

    assert review(old, ELECTION, after(1)) is None
    assert review(evolve(old, noted(2), 2), ELECTION, after(1)) == REVIEW


def test_an_open_case_of_a_leaver_is_looked_at_once_for_each_transition() -> None:
    first = review(diary("cllr-moss"), ELECTION, after(1))

    assert first == REVIEW
    reviewed = evolve(diary("cllr-moss"), first, 2)
    assert review(reviewed, ELECTION, after(2)) is None
    assert review(evolve(reviewed, noted(2), 3), ELECTION, after(2)) is None
    assert review(reviewed, ELECTION.model_copy(update={"number": 13}), after(2)) is not None


@pytest.mark.parametrize(
    ("owner", "portfolio", "reason"),
    [
        ("cllr-fern", "housing", "portfolio-moved"),
        ("cllr-reed", "housing", None),
        ("cllr-fern", "parks", None),
        ("cllr-fern", None, None),
        ("cllr-moss", "housing", "owner-left"),
        (None, "housing", None),
    ],
)
def test_an_open_case_of_a_portfolio_that_moved_is_looked_at_unless_the_new_holder_has_it(
    owner: str | None, portfolio: str | None, reason: str | None
) -> None:
    fact = review(diary(owner, portfolio), ELECTION, after(1))

    assert (fact.reason if fact else None) == reason


def test_a_review_goes_by_the_lane_service_and_ward_of_its_case() -> None:
    assert REVIEW.routing_key() == "timer.review.v1.normal.lamps.elm"


def test_only_who_left_office_is_a_leaver() -> None:
    stays = written(ended("cllr-moss", left_office=False))

    assert (stays.leavers, stays.concerns_cases) == ((), False)
    assert written(
        ended("cllr-moss", left_office=True), ended("cllr-moss", left_office=True), ended("cllr-reed", left_office=True)
    ).leavers == ("cllr-moss", "cllr-reed")


def test_a_transition_has_its_name_from_the_version_and_the_day_and_knows_which_it_followed() -> None:
    transition = written(CouncilActivated(at=START, number=12, version="2026.2", former=11))

    assert (transition.id, transition.former, transition.reviewed) == ("12:2026-05-11", "11:2026-05-01", False)


def test_a_portfolio_that_moved_is_kept_with_its_holder() -> None:
    moved = CouncilPortfolioMoved(at=START, number=12, portfolio="housing", on=may(11), holder="cllr-reed")

    transition = written(moved)

    assert (transition.moved, transition.concerns_cases) == (ELECTION.moved, True)


def test_what_is_no_part_of_a_transition_is_refused() -> None:
    published = CouncilPublished(at=START, number=12, version="2026.2", activates=START)

    with pytest.raises(TypeError, match="CouncilPublished cannot be written into a new transition"):
        evolve_transition(None, published, 1)
    with pytest.raises(TypeError, match="TimerReview cannot be written into a transition"):
        evolve_transition(ELECTION, REVIEW, 2)
