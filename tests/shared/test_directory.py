"""What the look-ups say on a date: rights, wards in the place of others, features, hours and duty."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.council import Council, Directory, DutyTurn, load_bundle
from tests.shared.small_council import write

DAY = date(2026, 11, 25)  # a Wednesday
LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def small(tmp_path: Path) -> Council:
    return load_bundle(write(tmp_path))


def changed(council: Council, field: str, **changes: dict[str, object]) -> Directory:
    """Change parts of a council by their id or code."""
    parts = getattr(council, field)
    key = "id" if hasattr(parts[0], "id") else "code"
    return Directory(
        council.model_copy(
            update={
                field: tuple(
                    type(part).model_validate(part.model_dump() | changes.get(getattr(part, key).replace("-", "_"), {}))
                    for part in parts
                )
            }
        )
    )


def test_roles_follow_from_grants_seats_and_posts(small: Council) -> None:
    directory = Directory(small)

    assert directory.roles_of("off-1", DAY) == {"officer", "manager"}
    assert directory.roles_of("off-2", DAY) == {"democratic-services"}
    assert directory.roles_of("cllr-1", DAY) == {"councillor", "cabinet-member"}
    assert directory.roles_of("cllr-2", DAY) == {"councillor"}
    assert directory.roles_of("nobody", DAY) == frozenset()


def test_a_grant_counts_to_its_last_day(small: Council) -> None:
    directory = changed(small, "grants", g_1={"valid_to": DAY})

    assert directory.teams_of("off-1", DAY) == {"cleansing", "response"}
    assert directory.teams_of("off-1", date(2026, 11, 26)) == {"response"}
    assert "off-1" not in directory.members_of_team("cleansing", date(2026, 11, 26))


def test_who_has_left_the_council_has_no_role_whatever_was_granted(small: Council) -> None:
    directory = changed(small, "officers", off_1={"valid_to": DAY})

    assert directory.roles_of("off-1", DAY) == {"officer", "manager"}
    assert directory.roles_of("off-1", date(2026, 11, 26)) == frozenset()
    assert directory.members_of_team("response", date(2026, 11, 26)) == frozenset()


def test_who_places_cases_works_for_the_triage_team(small: Council) -> None:
    directory = Directory(small)

    assert directory.works_for("off-2", DAY) == {"democratic"}
    assert directory.members_of_team("democratic", DAY) == {"off-2"}
    assert directory.teams_of("off-2", DAY) == frozenset()


def test_a_portfolio_moves_with_its_post(small: Council) -> None:
    directory = changed(small, "posts", leader_1={"valid_to": DAY})

    assert directory.holder_of("leader", DAY) == "cllr-1"
    assert directory.holder_of("leader", date(2026, 11, 26)) is None
    assert directory.portfolios_of("cllr-1", date(2026, 11, 26)) == frozenset()


def test_a_ward_that_is_no_more_leads_to_those_in_its_place(small: Council) -> None:
    directory = changed(small, "wards", east={"valid_to": DAY, "successors": ("west",)})

    assert directory.wards_now("east", DAY) == {"east"}
    assert directory.wards_now("east", date(2026, 11, 26)) == {"west"}
    assert directory.fellow_councillors("east", date(2026, 11, 26)) >= {"cllr-2"}
    assert directory.wards_now("nowhere", DAY) == frozenset()


def test_a_circle_of_wards_ends_the_search(small: Council) -> None:
    both = {"valid_to": date(2020, 1, 1)}
    directory = changed(small, "wards", east=both | {"successors": ("west",)}, west=both | {"successors": ("east",)})

    assert directory.wards_now("east", DAY) == frozenset()


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        (datetime(2026, 11, 25, 8, 29, tzinfo=LONDON), False),
        (datetime(2026, 11, 25, 8, 30, tzinfo=LONDON), True),
        (datetime(2026, 11, 25, 17, 29, tzinfo=LONDON), True),
        (datetime(2026, 11, 25, 17, 30, tzinfo=LONDON), False),
        (datetime(2026, 7, 1, 7, 45, tzinfo=UTC), True),  # summer time: 08:45 in London
        (datetime(2026, 11, 28, 12, 0, tzinfo=LONDON), False),  # a Saturday
        (datetime(2026, 12, 25, 12, 0, tzinfo=LONDON), False),  # Christmas Day
        (datetime(2026, 12, 29, 12, 0, tzinfo=LONDON), False),  # a closure of the council
        (datetime(2199, 12, 25, 12, 0, tzinfo=LONDON), True),  # beyond the known calendar an ordinary Wednesday
    ],
)
def test_office_hours_are_those_of_working_days(small: Council, moment: datetime, open_: bool) -> None:  # noqa: FBT001  the expectation
    assert Directory(small).in_office_hours(moment) is open_


def turn(**fields: object) -> DutyTurn:
    return DutyTurn.model_validate({"id": "t", "covers": "response", "team": "response", "officer": "off-1"} | fields)


def test_the_duty_rota_answers_outside_office_hours_only(small: Council) -> None:
    nights = turn(days=("wed",), start="17:30", end="08:30")
    directory = Directory(small.model_copy(update={"duty": (nights,)}))

    assert directory.duty("response", datetime(2026, 11, 25, 12, 0, tzinfo=LONDON)) is None
    assert directory.duty("response", datetime(2026, 11, 25, 22, 0, tzinfo=LONDON)) == nights
    assert directory.duty("response", datetime(2026, 11, 26, 8, 0, tzinfo=LONDON)) == nights  # began on Wednesday
    assert directory.duty("response", datetime(2026, 11, 26, 22, 0, tzinfo=LONDON)) is None
    assert directory.duty("cleansing", datetime(2026, 11, 25, 22, 0, tzinfo=LONDON)) is None


@given(
    start=st.sampled_from(["00:00", "05:30", "17:30", "23:59"]),
    end=st.sampled_from(["00:01", "08:30", "17:45", "24:00"]),
    days=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1),
    minute=st.integers(0, 7 * 1440 - 1),
)
def test_the_minutes_of_a_turn_are_those_at_which_it_is_on(start: str, end: str, days: set[str], minute: int) -> None:
    part = turn(days=tuple(sorted(days)), start=start, end=end)
    monday = date(2026, 11, 23)

    on = date.fromordinal(monday.toordinal() + minute // 1440)
    at = datetime(2026, 1, 1, minute % 1440 // 60, minute % 60, tzinfo=UTC).time()

    assert part.is_on(on, at) == any(first <= minute < last for first, last in part.minutes())


def test_features_are_on_by_member_by_ward_and_by_date(tmp_path: Path) -> None:
    (write(tmp_path) / "features.yaml").write_text(
        "features:\n"
        "  - {code: by-member, name: M, commands: [add-cc], members: [cllr-1]}\n"
        "  - {code: by-ward, name: W, commands: [remove-cc], wards: [west]}\n"
        "  - {code: by-date, name: D, commands: [accept], everybody: true, valid_from: 2026-11-26}\n",
        encoding="utf-8",
    )
    directory = Directory(load_bundle(tmp_path))

    assert directory.features_of("cllr-1", DAY) == {"by-member"}
    assert directory.features_of("cllr-2", DAY) == {"by-ward"}
    assert directory.features_of("cllr-2", date(2026, 11, 26)) == {"by-ward", "by-date"}
    assert directory.feature_of("add-cc") == "by-member"
    assert directory.feature_of("acknowledge") is None
