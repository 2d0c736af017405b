"""What changed in the council is said, all of it and nothing twice, each with its day in the data."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given

from services.scheduler.domain import World, changes
from shared.council import Council
from shared.events import (
    CouncilPortfolioMoved,
    CouncilRoleEnded,
    CouncilRoleGranted,
    CouncilSeatVacated,
    CouncilTermBegan,
    CouncilTermEnded,
    CouncilWardBegan,
    CouncilWardEnded,
)
from tests.scheduler.fakes import START
from tests.scheduler.worlds import (
    DAYS,
    Picture,
    council,
    councils,
    grant,
    may,
    member,
    officer,
    post,
    seat,
    ward,
    world,
)

ON_THE_11TH: dict[str, Any] = {"at": START, "number": 1, "on": may(11)}
NEXT: dict[str, Any] = {"at": START, "number": 2}


def overnight(of: Council, day: int = 11) -> list[Any]:
    """What is said when a day in May begins."""
    on = may(day)
    return changes(world(of, date.fromordinal(on.toordinal() - 1)), world(of, on), START)


def published(before: Council, after: Council) -> list[Any]:
    """What is said when another version comes into force, on the 12th."""
    return changes(world(before, may(12), 1), world(after, may(12), 2), START)


def test_where_nothing_changed_nothing_is_said() -> None:
    same = council(wards=(ward("elm"),), councillors=(member("a", seat("elm")),))

    assert published(same, same) == overnight(same) == []


def test_a_councillor_who_is_voted_out_leaves_a_term_and_a_seat_and_the_next_one_takes_it() -> None:
    elected = council(
        wards=(ward("elm", seats=1),),
        councillors=(member("a", seat("elm", None, may(10), "defeat")), member("b", seat("elm", may(11)))),
    )

    assert overnight(elected) == [
        CouncilTermEnded(**ON_THE_11TH, councillor="cllr-a", ward="elm", reason="defeat", left_office=True),
        CouncilTermBegan(**ON_THE_11TH, councillor="cllr-b", ward="elm"),
    ]


def test_a_councillor_who_is_elected_again_is_no_news() -> None:
    again = council(wards=(ward("elm"),), councillors=(member("a", seat("elm", None, may(10)), seat("elm", may(11))),))

    assert overnight(again) == []


def test_a_ward_is_said_to_have_an_empty_seat_when_it_loses_one_and_again_when_it_loses_another() -> None:
    shrinking = council(
        wards=(ward("elm", seats=2),),
        councillors=(
            member("a", seat("elm", None, may(10), "died")),
            member("b", seat("elm", None, may(20), "resigned")),
        ),
    )

    first, second = overnight(shrinking), overnight(shrinking, 21)

    assert first[-1] == CouncilSeatVacated(**ON_THE_11TH, ward="elm", seats=2, filled=1)
    assert second[-1] == CouncilSeatVacated(at=START, number=1, on=may(21), ward="elm", seats=2, filled=0)
    assert overnight(shrinking, 15) == []


def test_a_ward_that_ends_names_what_stands_in_its_place_and_whoever_sits_there_moves_without_leaving_office() -> None:
    redrawn = council(
        wards=(ward("abbey", None, may(10), seats=2, successors=("bearwood",)), ward("bearwood", may(11), seats=2)),
        councillors=(
            member("a", seat("abbey", None, may(10), "boundary"), seat("bearwood", may(11))),
            member("b", seat("abbey", None, may(10), "stood-down")),
        ),
    )

    assert overnight(redrawn) == [
        CouncilTermEnded(**ON_THE_11TH, councillor="cllr-a", ward="abbey", reason="boundary", left_office=False),
        CouncilTermEnded(**ON_THE_11TH, councillor="cllr-b", ward="abbey", reason="stood-down", left_office=True),
        CouncilWardEnded(**ON_THE_11TH, ward="abbey", successors=("bearwood",)),
        CouncilWardBegan(**ON_THE_11TH, ward="bearwood"),
        CouncilTermBegan(**ON_THE_11TH, councillor="cllr-a", ward="bearwood"),
        CouncilSeatVacated(**ON_THE_11TH, ward="bearwood", seats=2, filled=1),
    ]


@pytest.mark.parametrize(
    ("posts", "holder", "former"),
    [
        ([post("housing", "a", None, may(10)), post("housing", "b", may(11))], "cllr-b", "cllr-a"),
        ([post("housing", "a", None, may(10))], None, "cllr-a"),
        ([post("housing", "b", may(11))], "cllr-b", None),
    ],
)
def test_a_portfolio_moves_to_another_holder_to_nobody_or_from_nobody(
    posts: list[Any], holder: str | None, former: str | None
) -> None:
    moved = CouncilPortfolioMoved(**ON_THE_11TH, portfolio="housing", holder=holder, former=former)

    assert overnight(council(posts=posts)) == [moved]


def test_a_portfolio_that_the_same_holder_gets_again_does_not_move() -> None:
    assert overnight(council(posts=[post("housing", "a", None, may(10)), post("housing", "a", may(11))])) == []


def test_a_grant_begins_and_ends_by_its_dates_and_ends_with_the_employment() -> None:
    staff = council(
        officers=(officer("x"), officer("y", None, may(10)), officer("z", may(11))),
        grants=(
            grant("g1", "off-x", "auditor", None, may(10)),
            grant("g2", "off-x", "operator", may(11)),
            grant("g3", "off-y", "auditor"),
            grant("g4", "off-z", "auditor", may(1)),
            grant("g5", "off-nobody", "auditor", may(11)),
        ),
    )

    assert overnight(staff) == [
        CouncilRoleEnded(**ON_THE_11TH, grant="g1", person="off-x", role="auditor"),
        CouncilRoleEnded(**ON_THE_11TH, grant="g3", person="off-y", role="auditor"),
        CouncilRoleGranted(**ON_THE_11TH, grant="g2", person="off-x", role="operator"),
        CouncilRoleGranted(**ON_THE_11TH, grant="g4", person="off-z", role="auditor"),
    ]


def test_what_a_version_says_of_days_past_keeps_those_days_and_comes_in_their_order() -> None:
    wards = (ward("elm", seats=1), ward("oak", seats=1))
    before = council(wards=wards, councillors=(member("a", seat("elm")), member("b", seat("oak"))))
    late = council(
        wards=wards,
        councillors=(
            member("a", seat("elm", None, may(8), "resigned")),
            member("b", seat("oak", None, may(4), "died")),
            member("c", seat("oak", may(7))),
        ),
    )

    assert [(type(fact), fact.on) for fact in published(before, late)] == [
        (CouncilTermEnded, may(5)),
        (CouncilTermBegan, may(7)),
        (CouncilTermEnded, may(9)),
        (CouncilSeatVacated, may(9)),
    ]


def test_what_is_gone_from_a_version_without_an_end_ended_on_the_day_that_was_seen() -> None:
    before = council(
        wards=(ward("elm"), ward("oak", successors=("elm",))),
        councillors=(member("a", seat("oak", None, date(2022, 5, 8)), seat("oak", date(2024, 5, 6))),),
        officers=(officer("x"), officer("y")),
        grants=(grant("g1", "off-x", "auditor"), grant("g2", "off-y", "auditor")),
        posts=(post("housing", "a"),),
    )
    after = council(
        wards=(ward("elm"),),
        councillors=(member("a", seat("oak", None, date(2022, 5, 8))),),
        officers=(officer("x"),),
        grants=(grant("g2", "off-y", "auditor"),),
    )

    assert published(before, after) == [
        CouncilRoleEnded(**NEXT, on=may(12), grant="g1", person="off-x", role="auditor"),
        CouncilRoleEnded(**NEXT, on=may(12), grant="g2", person="off-y", role="auditor"),
        CouncilTermEnded(**NEXT, on=may(12), councillor="cllr-a", ward="oak", left_office=True),
        CouncilWardEnded(**NEXT, on=may(12), ward="oak", successors=("elm",)),
        CouncilPortfolioMoved(**NEXT, on=may(12), portfolio="housing", former="cllr-a"),
    ]


def test_a_grant_whose_id_means_another_role_now_ends_before_it_begins() -> None:
    before = council(officers=(officer("x"), officer("y")), grants=(grant("g1", "off-x", "auditor"),))
    after = council(officers=(officer("x"), officer("y")), grants=(grant("g1", "off-y", "operator", may(2)),))

    assert published(before, after) == [
        CouncilRoleEnded(**NEXT, on=may(12), grant="g1", person="off-x", role="auditor"),
        CouncilRoleGranted(**NEXT, on=may(12), grant="g1", person="off-y", role="operator"),
    ]


@given(before=councils(), after=councils(), day=DAYS, later=DAYS)
def test_whoever_hears_all_facts_knows_the_council_and_is_told_nothing_twice(
    before: Council, after: Council, day: date, later: date
) -> None:
    was, now = world(before, min(day, later), 1), world(after, max(day, later), 2)
    picture, told = Picture.of(was), changes(was, now, START)

    for fact in told:
        picture.hear(fact)

    assert picture == Picture.of(now)
    assert [fact.on for fact in told] == sorted(fact.on for fact in told)
    assert all(fact.on <= now.on for fact in told)


@given(before=councils(), after=councils(), day=DAYS)
def test_an_empty_seat_is_said_exactly_where_there_are_more_than_before(
    before: Council, after: Council, day: date
) -> None:
    was, now = world(before, day, 1), world(after, day, 2)

    said = {fact.ward: fact for fact in changes(was, now, START) if isinstance(fact, CouncilSeatVacated)}

    empty = {each: Picture.of(each).empty(_seats(each)) for each in (was, now)}
    assert set(said) == {code for code, count in empty[now].items() if count > empty[was][code]}
    assert all(fact.seats - fact.filled == empty[now][code] for code, fact in said.items())


@given(before=councils(), after=councils(), day=DAYS)
def test_a_councillor_has_left_office_exactly_if_there_is_no_other_seat(
    before: Council, after: Council, day: date
) -> None:
    was, now = world(before, day, 1), world(after, day, 2)

    ended = [fact for fact in changes(was, now, START) if isinstance(fact, CouncilTermEnded)]

    assert all(fact.left_office is not now.directory.serving(fact.councillor, day) for fact in ended)


def _seats(seen: World) -> dict[str, int]:
    return {each.code: each.seats for each in seen.directory.council.wards}
