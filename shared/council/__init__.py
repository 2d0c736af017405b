"""The model of a council, how it is read from files, and look-ups over it.

Nothing here decides about a case, and nothing here opens a connection: a council is a value.
"""

from shared.council.bundle import BundleRefused, Problem, load_bundle
from shared.council.catalogue import (
    URGENT_IMPACTS,
    Capacity,
    Feature,
    Impact,
    ImpactChoice,
    LgslEntry,
    MailText,
    ReasonCode,
    RoutingRule,
    ServiceFlag,
    ServiceKind,
    ServiceType,
    Signpost,
)
from shared.council.directory import Directory
from shared.council.forms import Form
from shared.council.model import CalendarDays, Council, Policies
from shared.council.people import (
    CabinetPost,
    Councillor,
    Delegation,
    Grant,
    GrantedRole,
    ListeningSystem,
    Officer,
    Portfolio,
    Role,
    Seat,
)
from shared.council.places import Department, DutyTurn, Team, Town, Ward

__all__ = [
    "URGENT_IMPACTS",
    "BundleRefused",
    "CabinetPost",
    "CalendarDays",
    "Capacity",
    "Council",
    "Councillor",
    "Delegation",
    "Department",
    "Directory",
    "DutyTurn",
    "Feature",
    "Form",
    "Grant",
    "GrantedRole",
    "Impact",
    "ImpactChoice",
    "LgslEntry",
    "ListeningSystem",
    "MailText",
    "Officer",
    "Policies",
    "Portfolio",
    "Problem",
    "ReasonCode",
    "Role",
    "RoutingRule",
    "Seat",
    "ServiceFlag",
    "ServiceKind",
    "ServiceType",
    "Signpost",
    "Team",
    "Town",
    "Ward",
    "load_bundle",
]
