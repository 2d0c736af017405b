"""The bank holidays of England and Wales, from the list GOV.UK publishes.

The data is the copy that the package govuk-bank-holidays carries (Open Government Licence v3.0): it is read as a file,
because that package's own class would download at construction.
"""

import json
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from pydantic import TypeAdapter

from shared.calendar.working import WorkingCalendar, calendar_version

_PACKAGE = "govuk_bank_holidays"
_FILE = "bank-holidays.json"
_DIVISION = "england-and-wales"


@dataclass(frozen=True)
class _Event:
    date: date


@dataclass(frozen=True)
class _Division:
    events: tuple[_Event, ...]


def gov_uk_calendar(
    closures: frozenset[date] = frozenset(),
    extra_holidays: frozenset[date] = frozenset(),
) -> WorkingCalendar:
    """Build the calendar from the bundled GOV.UK list, late-proclaimed holidays and the council's closure days.

    GOV.UK publishes whole years, so the horizon is the end of the last year in the list.

    Raises:
        ValueError: the installed list is empty or not in the shape GOV.UK publishes.
    """
    document = json.loads(files(_PACKAGE).joinpath(_FILE).read_text(encoding="utf-8"))
    division = TypeAdapter(_Division).validate_python(document.get(_DIVISION))
    published = frozenset(event.date for event in division.events)
    if not published:
        raise ValueError(
            f"{_PACKAGE}/{_FILE} holds no holiday of {_DIVISION}: install govuk-bank-holidays 0.19 or later"
        )
    holidays = published | extra_holidays
    known_until = date(max(published).year, 12, 31)
    return WorkingCalendar(
        holidays=holidays,
        closures=closures,
        known_from=date(min(published).year, 1, 1),
        known_until=known_until,
        version=calendar_version(holidays, closures, known_until),
    )
