"""A council as one value: its people, places, teams, services, rules, calendar and policies.

Everything that can change with an election or a reorganisation carries the dates it is valid on (`valid_from` and
`valid_to`, both included), and every answer about it is for a stated date: never assume that what holds today held
then. The parts stand in base, people, places, catalogue and forms.
"""

import hashlib
import json
from datetime import date
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.calendar import WorkingCalendar
from shared.council.base import CouncilModel, Line, Slug, TimeOfDay, Version
from shared.council.catalogue import (
    Feature,
    ImpactChoice,
    LgslEntry,
    MailText,
    ReasonCode,
    RoutingRule,
    ServiceType,
    Signpost,
)
from shared.council.people import CabinetPost, Councillor, Delegation, Grant, ListeningSystem, Officer, Portfolio
from shared.council.places import Department, DutyTurn, Team, Town, Ward


class Policies(CouncilModel):
    """What an administrator may set; the defaults are those of the domain table of real councils' figures.

    Days are working days; months are calendar months; lengths are characters.
    """

    autoclose_case_days: int = Field(default=10, ge=1, le=260)
    autoclose_report_days: int = Field(default=5, ge=1, le=260)
    autoclose_warning_days: tuple[Annotated[int, Field(ge=1, le=60)], ...] = (5, 1)
    extension_max_months: int = Field(default=12, ge=1, le=24)
    summary_max_length: int = Field(default=200, ge=20, le=500)
    description_max_length: int = Field(default=10_000, ge=200, le=50_000)
    office_opens: TimeOfDay = "08:30"
    """Local time on working days; outside office hours danger goes by the duty rota."""
    office_closes: TimeOfDay = "17:30"
    realert_minutes: int = Field(default=15, ge=1, le=1440)
    """Minutes of real time after which a danger that nobody has taken on is called out again, one level up."""
    realert_levels: int = Field(default=3, ge=0, le=3)
    """The highest level called; it is called again and again."""

    @model_validator(mode="after")
    def _the_office_opens_before_it_closes(self) -> Self:
        if self.office_opens >= self.office_closes:
            raise ValueError("office_opens must lie before office_closes, such as 08:30 and 17:30")
        return self


class CalendarDays(CouncilModel):
    """The days of the working calendar, written out, so that every program counts with the same ones."""

    holidays: tuple[date, ...]
    closures: tuple[date, ...] = ()
    known_from: date
    known_until: date
    version: Line


class Council(CouncilModel):
    """Everything the programs know about a council, published and read as one."""

    code: Slug
    name: Line
    version: Version
    mail_domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]
    policies: Policies = Policies()
    impacts: tuple[ImpactChoice, ...] = ()
    calendar: CalendarDays
    towns: tuple[Town, ...]
    wards: tuple[Ward, ...]
    councillors: tuple[Councillor, ...]
    departments: tuple[Department, ...]
    teams: tuple[Team, ...]
    officers: tuple[Officer, ...]
    systems: tuple[ListeningSystem, ...] = ()
    grants: tuple[Grant, ...] = ()
    portfolios: tuple[Portfolio, ...] = ()
    posts: tuple[CabinetPost, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    services: tuple[ServiceType, ...]
    rules: tuple[RoutingRule, ...]
    duty: tuple[DutyTurn, ...] = ()
    reasons: tuple[ReasonCode, ...] = ()
    features: tuple[Feature, ...] = ()
    texts: tuple[MailText, ...] = ()
    signposts: tuple[Signpost, ...] = ()
    lgsl: tuple[LgslEntry, ...] = ()

    def digest(self) -> str:
        """Give the SHA-256 of the canonical JSON, in hexadecimal: equal councils have equal digests."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def working_calendar(self) -> WorkingCalendar:
        """Give the calendar this council counts its deadlines by."""
        return WorkingCalendar(
            holidays=frozenset(self.calendar.holidays),
            closures=frozenset(self.calendar.closures),
            known_from=self.calendar.known_from,
            known_until=self.calendar.known_until,
            version=self.calendar.version,
        )
