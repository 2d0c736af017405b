"""The places of a council and who answers there: towns, wards, departments, teams, and who is on duty."""

from datetime import date, time
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.council.base import Dated, Email, Line, OfficerId, Slug, TimeOfDay

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK = 7 * 24 * 60
"""Minutes."""
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As `date.weekday` counts them."""


class Town(Dated):
    """A town of the borough: a name for a group of wards."""

    code: Slug
    name: Line


class Ward(Dated):
    """An electoral ward, and what became of it when boundaries were redrawn."""

    code: Slug
    name: Line
    town: Slug
    gss: Annotated[str, StringConstraints(pattern=r"^[EWSN][0-9]{8}$")] | None = None
    """The code of the Office for National Statistics."""
    successors: tuple[Slug, ...] = ()
    """The wards that took its place after `valid_to`."""
    seats: int = Field(default=3, ge=1, le=10)
    """How many councillors it elects."""


class Department(Dated):
    """A directorate of the council."""

    id: Slug
    name: Line


class Team(Dated):
    """A team in a department: it answers for services, and is told at its inbox.

    `duty_inbox` is read around the clock and is told of danger at once. The one team with `triage` receives what no
    rule can route. `escalation` names who is called when nobody takes a danger on, one level after the other.
    """

    id: Slug
    name: Line
    department: Slug
    inbox: Email
    duty_inbox: Email | None = None
    triage: bool = False
    escalation: tuple[OfficerId, ...] = Field(default=(), max_length=3)


class DutyTurn(Dated):
    """A turn of a team's duty rota: who answers for danger at these hours of these days."""

    id: Slug
    covers: Slug
    """The team whose danger it is outside office hours."""
    team: Slug
    """The team on duty, which gets the case."""
    officer: OfficerId
    days: tuple[Weekday, ...] = WEEKDAYS
    start: TimeOfDay = "00:00"
    end: TimeOfDay = "24:00"
    """Local time; an end before the start is on the next day."""

    @model_validator(mode="after")
    def _it_has_a_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same: write 00:00 and 24:00 for the whole day")
        return self

    def is_on(self, on: date, at: time) -> bool:
        """Say whether this turn is on at a local day and time."""
        now = f"{at:%H:%M}"
        overnight = self.end < self.start
        if self.start <= now and (overnight or now < self.end):
            return self._begins_on(on)
        return overnight and now < self.end and self._begins_on(date.fromordinal(on.toordinal() - 1))

    def _begins_on(self, on: date) -> bool:
        return WEEKDAYS[on.weekday()] in self.days and self.holds_on(on)

    def minutes(self) -> list[tuple[int, int]]:
        """Give the minutes of the week it covers, as half-open ranges from Monday 00:00."""
        first, last = _minute(self.start), _minute(self.end)
        length = (last - first) % 1440 or 1440
        ranges = []
        for weekday in self.days:
            begin = WEEKDAYS.index(weekday) * 1440 + first
            end = begin + length
            ranges.append((begin, min(end, _WEEK)))
            if end > _WEEK:  # past Sunday midnight: the week begins anew
                ranges.append((0, end - _WEEK))
        return ranges


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
