"""Working days, due instants and targets of a council; every program counts them the same way.

This package imports nothing of the house and never asks the network or the clock: whoever calls it says the date.
"""

from shared.calendar.gov_uk import gov_uk_calendar
from shared.calendar.target import Target
from shared.calendar.working import LONDON, BeyondHorizon, WorkingCalendar, calendar_version

__all__ = ["LONDON", "BeyondHorizon", "Target", "WorkingCalendar", "calendar_version", "gov_uk_calendar"]
