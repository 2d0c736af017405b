"""The working calendar: the golden vectors of real councils, late holidays, clock changes, the horizon."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import holidays
import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import LONDON, BeyondHorizon, Target, WorkingCalendar, gov_uk_calendar

CALENDAR = gov_uk_calendar()
SECOND_OPINION = holidays.country_holidays("GB", subdiv="ENG", years=range(2015, 2029))

FUNERAL_OF_THE_QUEEN = date(2022, 9, 19)
CORONATION = date(2023, 5, 8)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("received", "working_days", "due"),
    [
        ("2021-02-15", 20, "2021-03-15"),
        ("2021-03-01", 10, "2021-03-15"),
        ("2021-12-20", 10, "2022-01-06"),
        ("2021-12-22", 10, "2022-01-10"),
        ("2021-12-24", 1, "2021-12-29"),
        ("2022-01-18", 10, "2022-02-01"),
        ("2022-01-19", 10, "2022-02-02"),
        ("2022-04-13", 10, "2022-04-29"),
        ("2022-05-27", 10, "2022-06-14"),
        ("2022-09-09", 10, "2022-09-26"),
        ("2023-04-28", 10, "2023-05-16"),
        ("2026-12-18", 10, "2027-01-06"),
    ],
)
def test_a_golden_vector_is_reproduced(received: str, working_days: int, due: str) -> None:
    assert CALENDAR.add_working_days(date.fromisoformat(received), working_days) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("received", "late_holiday", "before", "after"),
    [
        (date(2022, 9, 9), FUNERAL_OF_THE_QUEEN, date(2022, 9, 23), date(2022, 9, 26)),
        (date(2023, 4, 28), CORONATION, date(2023, 5, 15), date(2023, 5, 16)),
    ],
)
def test_a_holiday_proclaimed_late_moves_the_due_date(
    received: date, late_holiday: date, before: date, after: date
) -> None:
    as_known_then = replace(CALENDAR, holidays=CALENDAR.holidays - {late_holiday})
    as_known_later = replace(as_known_then, holidays=as_known_then.holidays | {late_holiday})

    assert as_known_then.add_working_days(received, 10) == before
    assert as_known_later.add_working_days(received, 10) == after


def test_a_late_holiday_can_be_added_to_the_bundled_list() -> None:
    proclaimed = date(2027, 6, 11)

    calendar = gov_uk_calendar(extra_holidays=frozenset({proclaimed}))

    assert CALENDAR.is_working_day(proclaimed)
    assert not calendar.is_working_day(proclaimed)
    assert calendar.version != CALENDAR.version


def test_a_closure_day_is_no_working_day() -> None:
    closure = date(2026, 12, 29)

    calendar = gov_uk_calendar(closures=frozenset({closure}))

    assert calendar.add_working_days(date(2026, 12, 24), 1) == date(2026, 12, 30)
    assert CALENDAR.add_working_days(date(2026, 12, 24), 1) == closure
    assert calendar.version != CALENDAR.version


def test_equal_calendars_have_equal_versions() -> None:
    closures = frozenset({date(2026, 12, 29), date(2026, 12, 30)})

    assert gov_uk_calendar(closures=closures) == gov_uk_calendar(closures=closures)


def test_day_zero_is_the_day_itself_even_on_a_sunday() -> None:
    sunday = date(2026, 11, 22)

    assert CALENDAR.add_working_days(sunday, 0) == sunday
    assert CALENDAR.subtract_working_days(sunday, 0) == sunday
    assert CALENDAR.add_working_days(sunday, 1) == date(2026, 11, 23)
    assert CALENDAR.subtract_working_days(sunday, 1) == date(2026, 11, 20)


def test_a_case_is_due_one_second_before_midnight_in_london() -> None:
    assert CALENDAR.due_at(instant("2021-02-15T09:30:00+00:00"), 20) == instant("2021-03-15T23:59:59+00:00")
    assert CALENDAR.due_at(instant("2026-07-01T09:30:00+01:00"), 1) == instant("2026-07-02T22:59:59+00:00")


def test_the_date_received_is_the_date_in_london_not_in_utc() -> None:
    half_past_midnight_in_summer = instant("2026-06-30T23:30:00+00:00")

    assert CALENDAR.local_date(half_past_midnight_in_summer) == date(2026, 7, 1)
    assert CALENDAR.due_at(half_past_midnight_in_summer, 1) == instant("2026-07-02T22:59:59+00:00")


@pytest.mark.parametrize(
    ("day", "end_in_utc"),
    [
        (date(2026, 3, 28), "2026-03-28T23:59:59+00:00"),
        (date(2026, 3, 29), "2026-03-29T22:59:59+00:00"),
        (date(2026, 10, 24), "2026-10-24T22:59:59+00:00"),
        (date(2026, 10, 25), "2026-10-25T23:59:59+00:00"),
    ],
)
def test_a_day_ends_at_its_local_end_when_the_clocks_change(day: date, end_in_utc: str) -> None:
    end = CALENDAR.end_of_day(day)

    assert end == instant(end_in_utc)
    assert end.utcoffset() == timedelta(0)


def test_a_target_across_the_clock_change_is_due_at_the_local_end_of_day() -> None:
    friday_before_the_change = instant("2026-03-27T12:00:00+00:00")

    assert CALENDAR.due_at(friday_before_the_change, 1) == instant("2026-03-30T22:59:59+00:00")


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 11, 21, 9, 0)  # noqa: DTZ001  the refusal of a naive time is what is tested

    with pytest.raises(ValueError, match="has no time zone"):
        CALENDAR.due_at(naive, 1)
    with pytest.raises(ValueError, match="has no time zone"):
        Target.parse("1h").due(CALENDAR, naive)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 working days cannot be counted"):
        CALENDAR.add_working_days(date(2026, 11, 20), -1)


def test_a_count_past_the_horizon_names_the_date_and_the_horizon() -> None:
    assert CALENDAR.add_working_days(date(2028, 12, 28), 1) == date(2028, 12, 29)

    with pytest.raises(BeyondHorizon, match=r"2029-01-01 .* to 2028-12-31") as refusal:
        CALENDAR.add_working_days(date(2028, 12, 29), 1)

    assert refusal.value.day == date(2029, 1, 1)
    assert refusal.value.known_until == date(2028, 12, 31)


def test_a_date_before_the_first_known_year_is_beyond_the_calendar_too() -> None:
    with pytest.raises(BeyondHorizon, match="2011-12-31"):
        CALENDAR.is_working_day(date(2011, 12, 31))


def test_the_bundled_list_is_the_one_its_package_gives() -> None:
    published = BankHolidays(use_cached_holidays=True).get_holidays(division=BankHolidays.ENGLAND_AND_WALES)

    assert CALENDAR.holidays == {entry["date"] for entry in published}


def test_the_calendar_agrees_with_another_librarys_rules_on_every_weekday() -> None:
    weekdays = [
        day
        for day in (date(2015, 1, 1) + timedelta(days=offset) for offset in range(365 * 14 + 4))
        if day.weekday() < 5
    ]
    assert weekdays[-1] == date(2028, 12, 29)

    disagreements = [day for day in weekdays if CALENDAR.is_working_day(day) == (day in SECOND_OPINION)]

    assert disagreements == []


KNOWN_DATES = st.dates(date(2015, 1, 1), date(2027, 12, 31))


@given(day=KNOWN_DATES, n=st.integers(0, 120))
def test_counting_forward_agrees_with_a_naive_count_day_by_day(day: date, n: int) -> None:
    span = [day + timedelta(days=offset) for offset in range(1, 300)]
    worked = [each for each in span if each.weekday() < 5 and each not in SECOND_OPINION]

    assert CALENDAR.add_working_days(day, n) == ([day, *worked])[n]


@given(day=KNOWN_DATES, n=st.integers(0, 120))
def test_the_days_between_a_date_and_its_due_date_are_the_days_added(day: date, n: int) -> None:
    due = CALENDAR.add_working_days(day, n)

    assert CALENDAR.working_days_between(day, due) == n
    assert CALENDAR.working_days_between(due, day) == -n


@given(day=KNOWN_DATES, n=st.integers(0, 120))
def test_counting_back_undoes_counting_forward_between_working_days(day: date, n: int) -> None:
    start = CALENDAR.add_working_days(day, 1)

    assert CALENDAR.subtract_working_days(CALENDAR.add_working_days(start, n), n) == start


@pytest.mark.parametrize("text", ["10wd", "1wd", "1h", "30m", "9999h"])
def test_a_target_reads_back_from_its_text(text: str) -> None:
    assert str(Target.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "10", "wd", "0wd", "010wd", "-1h", "1.5h", "10 wd", "10WD", "10000m", "1h\n", "1d"]
)
def test_a_text_that_is_no_target_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="as in 10wd, 1h or 30m"):
        Target.parse(text)


def test_a_target_that_its_text_could_not_say_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="'0wd' is not a target"):
        Target(0, "wd")


def test_a_target_in_working_days_is_due_at_the_end_of_the_day() -> None:
    received = instant("2021-12-24T15:00:00+00:00")

    assert Target.parse("1wd").due(CALENDAR, received) == instant("2021-12-29T23:59:59+00:00")


def test_a_target_in_hours_runs_through_night_weekend_and_clock_change() -> None:
    saturday_night = instant("2026-03-28T23:30:00+00:00")

    due = Target.parse("2h").due(CALENDAR, saturday_night.astimezone(LONDON))

    assert due == instant("2026-03-29T01:30:00+00:00")
    assert Target.parse("30m").due(CALENDAR, saturday_night) == instant("2026-03-29T00:00:00+00:00")


def test_a_calendar_is_a_value_that_cannot_be_changed() -> None:
    calendar = WorkingCalendar(holidays=frozenset(), known_until=date(2026, 12, 31), version="test")

    assert calendar == replace(calendar)
    with pytest.raises(AttributeError):
        calendar.version = "other"  # type: ignore[misc]  # the frozen field is what is tested
