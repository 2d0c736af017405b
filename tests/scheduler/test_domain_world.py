"""The worlds of a council follow one another by its data alone: whoever looks, however late, sees the same ones."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain import Seen, Version, World, dates_of, first_seen, next_seen
from shared.council import Council, Directory
from shared.events import CouncilActivated, CouncilSeen, CouncilTermBegan, Event
from tests.scheduler.worlds import (
    DAYS,
    Picture,
    at,
    council,
    councils,
    grant,
    may,
    member,
    officer,
    post,
    seat,
    walk,
    ward,
)

QUIET = Directory(council(), 1)


def version(number: int, activates: datetime) -> Version:
    return Version(number, str(number), activates)


ONE, TWO, THREE = version(1, at(1)), version(2, at(5)), version(3, at(9))


def test_one_begins_with_the_version_in_force_and_with_none_where_none_is() -> None:
    assert first_seen([ONE, TWO, THREE], at(6)) == Seen(2, may(6))
    assert first_seen([ONE], at(1) - timedelta(seconds=1)) is None


def test_a_version_is_seen_on_the_day_it_comes_into_force_and_not_before() -> None:
    assert next_seen(Seen(1, may(1)), QUIET, [ONE, TWO], at(5) - timedelta(seconds=1)) is None
    assert next_seen(Seen(1, may(1)), QUIET, [ONE, TWO], at(5)) == Seen(2, may(5))
    assert next_seen(Seen(1, may(1)), QUIET, [ONE, TWO, THREE], at(20)) == Seen(2, may(5))
    assert next_seen(Seen(2, may(5)), QUIET, [ONE, TWO, THREE], at(20)) == Seen(3, may(9))


def test_a_version_that_a_later_number_has_overtaken_is_never_seen() -> None:
    scheduled, overtaking, together = version(2, at(9)), version(3, at(5)), version(4, at(5))

    assert next_seen(Seen(1, may(1)), QUIET, [ONE, scheduled, overtaking, together], at(20)) == Seen(4, may(5))
    assert next_seen(Seen(4, may(5)), QUIET, [ONE, scheduled, overtaking, together], at(20)) is None


def test_a_day_of_the_data_is_seen_when_it_has_come_and_each_of_them_by_itself() -> None:
    busy = Directory(council(councillors=(member("a", seat("elm", may(4), may(6))),)), 1)

    assert next_seen(Seen(1, may(1)), busy, [ONE], at(3, 23, 59)) is None
    assert next_seen(Seen(1, may(1)), busy, [ONE], at(4, 0, 0)) == Seen(1, may(4))
    assert next_seen(Seen(1, may(1)), busy, [ONE], at(20)) == Seen(1, may(4))
    assert next_seen(Seen(1, may(4)), busy, [ONE], at(20)) == Seen(1, may(7))
    assert next_seen(Seen(1, may(7)), busy, [ONE], at(20)) is None


@pytest.mark.parametrize(
    ("activates", "then"),
    [
        (at(3, 23, 59), Seen(2, may(3))),
        (at(4, 0, 0), Seen(2, may(4))),
        (at(4, 0, 1), Seen(1, may(4))),
        (at(5, 0, 0), Seen(1, may(4))),
    ],
)
def test_a_version_that_comes_as_a_day_begins_decides_what_that_day_brings(activates: datetime, then: Seen) -> None:
    busy = Directory(council(councillors=(member("a", seat("elm", may(4))),)), 1)

    assert next_seen(Seen(1, may(1)), busy, [ONE, version(2, activates)], at(20)) == then


def test_days_do_not_go_back_where_a_version_of_late_evening_is_found_after_midnight() -> None:
    assert next_seen(Seen(1, may(6)), QUIET, [ONE, version(2, at(5, 23, 59))], at(6, 0, 1)) == Seen(2, may(6))


def test_the_days_of_the_data_are_those_on_which_something_begins_or_is_no_more() -> None:
    of = council(
        wards=(ward("elm", may(1), may(2)),),
        councillors=(member("a", seat("elm", may(4), may(5))), member("b", seat("elm", None, date.max))),
        posts=(post("housing", "a", may(7), may(8)),),
        officers=(officer("x", may(10), may(11)),),
        grants=(grant("g1", "off-x", "auditor", may(13), may(14)),),
        systems=({"id": "sys-p", "name": "Portal", "valid_from": may(16), "valid_to": may(17)},),
    )

    assert [each.day for each in dates_of(Directory(of))] == [1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18]


def test_a_term_that_began_and_ended_while_nobody_looked_is_told_by_day() -> None:
    brief = council(
        wards=(ward("elm"),),
        councillors=(member("a", seat("elm", may(4), may(6))), member("b", seat("elm", may(5)))),
    )

    told = walk({1: brief}, [ONE], [at(1), at(20)])

    facts = [fact for transition in told[1:] for fact in transition if not isinstance(fact, CouncilSeen)]
    assert [(type(fact).__name__, fact.on.day) for fact in facts] == [  # type: ignore[attr-defined]  # all are dated
        ("CouncilTermBegan", 4),
        ("CouncilTermBegan", 5),
        ("CouncilTermEnded", 7),
        ("CouncilSeatVacated", 7),
    ]
    assert isinstance(facts[0], CouncilTermBegan)


MOMENTS = st.builds(at, day=st.integers(1, 14), hour=st.sampled_from((0, 12, 23)), minute=st.sampled_from((0, 59)))


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[int, Council], list[Version]]:
    """Up to four versions; later numbers may come into force before earlier ones."""
    found = draw(st.lists(st.tuples(councils(), MOMENTS), min_size=1, max_size=4))
    versions = [version(1, at(1, 0, 0)), *(version(number, when) for number, (_, when) in enumerate(found[1:], 2))]
    return {number: each for number, (each, _) in enumerate(found, 1)}, versions


def timeless(transitions: list[list[Event]]) -> list[list[dict[str, Any]]]:
    """Leave out when somebody looked."""
    return [[fact.model_dump(exclude={"at"}) for fact in facts] for facts in transitions]


@given(history=histories(), looks=st.sets(MOMENTS))
def test_however_often_somebody_looks_the_same_is_said(
    history: tuple[dict[int, Council], list[Version]], looks: set[datetime]
) -> None:
    begun, end = at(1), at(20)

    seldom, often = (
        walk(*history, [begun, end]),
        walk(*history, [begun, *(each for each in looks if each > begun), end]),
    )

    assert timeless(seldom) == timeless(often)


@given(history=histories())
def test_the_transitions_lead_to_the_council_as_it_is_each_by_its_own_name(
    history: tuple[dict[int, Council], list[Version]],
) -> None:
    councils_of, versions = history
    told = walk(councils_of, versions, [at(1), at(20)])
    worlds = [Seen(first.number, first.on) for first, *_ in told if isinstance(first, CouncilSeen)]
    picture = Picture.of(World(Directory(councils_of[worlds[0].number]), worlds[0].on))

    for facts in told[1:]:
        for fact in facts:
            picture.hear(fact)

    in_force = max(each.number for each in versions if each.activates <= at(20))
    assert picture == Picture.of(World(Directory(councils_of[in_force]), may(20)))
    assert worlds == sorted(set(worlds))
    activated = [fact.number for facts in told for fact in facts if isinstance(fact, CouncilActivated)]
    assert activated == sorted(set(activated))
    assert activated[-1] == in_force


@given(of=councils(), first=DAYS)
def test_what_a_day_brings_is_dated_by_that_day(of: Council, first: date) -> None:
    begun = datetime.combine(first, datetime.min.time(), at(1).tzinfo) + timedelta(hours=12)

    told = walk({1: of}, [version(1, at(1, 0, 0))], [begun, at(20)])

    for seen, *facts in told[1:]:
        assert isinstance(seen, CouncilSeen)
        assert {fact.on for fact in facts} <= {seen.on}  # type: ignore[attr-defined]  # all are dated
