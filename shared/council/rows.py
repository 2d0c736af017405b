"""What stands between files and a council: all tables together, and rows that are no part by themselves."""

from dataclasses import dataclass
from datetime import date

from shared.council.base import CouncilModel
from shared.council.catalogue import Feature, LgslEntry, MailText, ReasonCode, RoutingRule, ServiceType, Signpost
from shared.council.people import (
    CabinetPost,
    Councillor,
    Delegation,
    Grant,
    ListeningSystem,
    Officer,
    Portfolio,
    Seat,
)
from shared.council.places import Department, DutyTurn, Team, Town, Ward
from shared.council.tables import Table


class SeatRow(Seat):
    """A row of seats.csv: who sits for a ward, and when."""

    councillor: str


class Closure(CouncilModel):
    """A day on which the council is closed, and why."""

    date: date
    reason: str


@dataclass(slots=True)
class Tables:
    """All tables of a council before they are one."""

    towns: Table[Town]
    wards: Table[Ward]
    councillors: Table[Councillor]
    seats: Table[SeatRow]
    departments: Table[Department]
    teams: Table[Team]
    officers: Table[Officer]
    systems: Table[ListeningSystem]
    grants: Table[Grant]
    portfolios: Table[Portfolio]
    posts: Table[CabinetPost]
    delegations: Table[Delegation]
    services: Table[ServiceType]
    rules: Table[RoutingRule]
    duty: Table[DutyTurn]
    reasons: Table[ReasonCode]
    features: Table[Feature]
    texts: Table[MailText]
    signposts: Table[Signpost]
    lgsl: Table[LgslEntry]
