"""The model of a council, how it is read from files, and look-ups over it.

Nothing here decides about a case, and nothing here opens a connection: a council is a value.
"""

from shared.council.bundle import BundleRefused, Problem, load_bundle
from shared.council.directory import Directory
from shared.council.model import (
    CalendarDays,
    Council,
    Councillor,
    Delegation,
    Department,
    Officer,
    Policies,
    Portfolio,
    Role,
    RoutingRule,
    Seat,
    ServiceFlag,
    ServiceKind,
    ServiceType,
    Team,
    Town,
    Ward,
)

__all__ = [
    "BundleRefused",
    "CalendarDays",
    "Council",
    "Councillor",
    "Delegation",
    "Department",
    "Directory",
    "Officer",
    "Policies",
    "Portfolio",
    "Problem",
    "Role",
    "RoutingRule",
    "Seat",
    "ServiceFlag",
    "ServiceKind",
    "ServiceType",
    "Team",
    "Town",
    "Ward",
    "load_bundle",
]
