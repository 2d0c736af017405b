"""A council as one value: its people, places, teams, services, rules, calendar and policies.

Everything that can change with an election or a reorganisation carries the dates it is valid on (`valid_from` and
`valid_to`, both included), and every answer about it is for a stated date: never assume that what holds today held
then.
"""

import hashlib
import json
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.calendar import Target, WorkingCalendar

# A slug is a word of a routing key as it stands: no dot, no wildcard, no upper case.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
CouncillorId = Annotated[str, StringConstraints(pattern=r"^cllr-[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
OfficerId = Annotated[str, StringConstraints(pattern=r"^off-[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
# No control character or line separator: names and texts stand in mail headers.
Line = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    ),
]
Email = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", min_length=3, max_length=254
    ),
]
# As it stands in events (`rules_version`): a code with no space, so that no text fits.
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Role = Literal["officer", "manager", "admin", "secretary"]
ServiceKind = Literal["case", "report", "signpost"]

_parse_target = lru_cache(maxsize=256)(Target.parse)


def _canonical_target(text: str) -> str:
    return str(_parse_target(text))


TargetText = Annotated[str, AfterValidator(_canonical_target)]


class CouncilModel(BaseModel):
    """A frozen part of a council that knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(CouncilModel):
    """A part that holds between two dates, both included; without a date it holds without that bound."""

    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _the_end_is_not_before_the_beginning(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} lies before valid_from {self.valid_from}")
        return self

    def holds_on(self, on: date) -> bool:
        """Say whether this part holds on a date."""
        return (self.valid_from or date.min) <= on <= (self.valid_to or date.max)

    def overlaps(self, other: "Dated") -> bool:
        """Say whether some date is within both periods."""
        return (self.valid_from or date.min) <= (other.valid_to or date.max) and (other.valid_from or date.min) <= (
            self.valid_to or date.max
        )


class Town(CouncilModel):
    """A town of the borough: a name for a group of wards."""

    code: Slug
    name: Line


class Ward(Dated):
    """An electoral ward."""

    code: Slug
    name: Line
    town: Slug


class Seat(Dated):
    """One councillor's seat in one ward, from election to end of term."""

    ward: Slug


class Councillor(CouncilModel):
    """An elected member, with every seat held or once held."""

    id: CouncillorId
    title: Line = "Councillor"
    name: Line
    email: Email
    seats: tuple[Seat, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it stands in a letter, title first."""
        return f"{self.title} {self.name}"


class Department(CouncilModel):
    """A directorate of the council."""

    id: Slug
    name: Line


class Team(CouncilModel):
    """A team in a department: it answers for services, and is told at its inbox.

    `duty_inbox` is read around the clock and is told of danger at once. The one team with `triage` receives what no
    rule can route.
    """

    id: Slug
    name: Line
    department: Slug
    inbox: Email
    duty_inbox: Email | None = None
    triage: bool = False


class Officer(CouncilModel):
    """A member of staff, in one or more teams."""

    id: OfficerId
    name: Line
    email: Email
    teams: tuple[Slug, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = Field(default=("officer",), min_length=1)

    @property
    def full_name(self) -> str:
        """The name as it stands in a letter."""
        return self.name


class Portfolio(Dated):
    """A field of responsibility in the cabinet, and the councillor who holds it."""

    code: Slug
    name: Line
    holder: CouncillorId


class Delegation(Dated):
    """The right of a cabinet secretary to act for a cabinet member, in some portfolios only."""

    id: Slug
    principal: CouncillorId
    delegate: OfficerId
    portfolios: tuple[Slug, ...] = Field(min_length=1)


class ServiceFlag(CouncilModel):
    """Something a councillor may tick when choosing a service, which may route it elsewhere or make it faster."""

    code: Slug
    label: Line
    danger: bool = False
    acknowledge: TargetText | None = None
    answer: TargetText | None = None


class ServiceType(CouncilModel):
    """A service a councillor can choose, with the time the council allows itself.

    `autoclose_days` are working days after the answer or completion; None means that no timer ever closes it.
    Flags stand in order of urgency: the first ticked flag that names a target replaces the service's own.
    """

    code: Slug
    name: Line
    kind: ServiceKind
    synonyms: tuple[Line, ...] = ()
    lgsl: int | None = Field(default=None, ge=1, le=9999)
    acknowledge: TargetText | None = "1wd"
    answer: TargetText | None = None
    autoclose_days: int | None = Field(default=None, ge=1, le=260)
    danger: bool = False
    location_required: bool = False
    triage: bool = False
    signpost: str | None = Field(default=None, min_length=1, max_length=1000)
    flags: tuple[ServiceFlag, ...] = ()

    @model_validator(mode="after")
    def _the_kind_has_what_it_needs(self) -> Self:
        if self.kind == "signpost":
            if self.signpost is None:
                raise ValueError("a service of kind signpost needs the text `signpost` that says whom to contact")
            if self.danger or self.flags or self.answer:
                raise ValueError(
                    "a service of kind signpost is not ours: it has no danger, no flags and no answer target"
                )
        elif self.answer is None or self.acknowledge is None:
            raise ValueError("a case or report needs both targets, `acknowledge` and `answer`, such as 1wd and 10wd")
        codes = [flag.code for flag in self.flags]
        if len(codes) != len(set(codes)):
            raise ValueError("two flags of this service have the same code")
        return self

    def is_danger(self, flags: frozenset[str] = frozenset()) -> bool:
        """Say whether a case of this service with these flags is dangerous, and so goes by the urgent lane."""
        return self.danger or any(flag.danger for flag in self.flags if flag.code in flags)

    def acknowledge_target(self, flags: frozenset[str] = frozenset()) -> Target | None:
        """Give the time to acknowledge a case with these flags; None for a signpost."""
        text = next((f.acknowledge for f in self.flags if f.code in flags and f.acknowledge), self.acknowledge)
        return _parse_target(text) if text and self.kind != "signpost" else None

    def answer_target(self, flags: frozenset[str] = frozenset()) -> Target | None:
        """Give the time to answer or complete a case with these flags; None for a signpost."""
        text = next((f.answer for f in self.flags if f.code in flags and f.answer), self.answer)
        return _parse_target(text) if text else None


class RoutingRule(Dated):
    """Which team answers for a service, under a condition.

    A condition names a ward or a town (or neither: everywhere) and flags that must all be ticked (or none: always).
    """

    id: Slug
    service: Slug
    ward: Slug | None = None
    town: Slug | None = None
    flags: tuple[Slug, ...] = ()
    team: Slug

    @model_validator(mode="after")
    def _a_place_is_named_once(self) -> Self:
        if self.ward and self.town:
            raise ValueError("a rule names a ward or a town, not both: the ward already says the town")
        return self

    @property
    def specificity(self) -> tuple[int, int]:
        """How narrow the condition is: more flags first, then ward before town before everywhere."""
        return len(set(self.flags)), 2 if self.ward else 1 if self.town else 0

    def matches(self, *, service: str, ward: str | None, town: str | None, flags: frozenset[str], on: date) -> bool:
        """Say whether the rule's condition holds for a case, whatever other rules say."""
        return (
            self.service == service
            and self.ward in {None, ward}
            and self.town in {None, town}
            and flags.issuperset(self.flags)
            and self.holds_on(on)
        )


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
    calendar: CalendarDays
    towns: tuple[Town, ...]
    wards: tuple[Ward, ...]
    councillors: tuple[Councillor, ...]
    departments: tuple[Department, ...]
    teams: tuple[Team, ...]
    officers: tuple[Officer, ...]
    portfolios: tuple[Portfolio, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    services: tuple[ServiceType, ...]
    rules: tuple[RoutingRule, ...]

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
