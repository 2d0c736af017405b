"""Which file holds what: the columns of the tables and the lists of the documents, for whoever reads or writes them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from shared.council.base import CouncilModel
from shared.council.catalogue import Feature, LgslEntry, MailText, ReasonCode, RoutingRule, ServiceType, Signpost
from shared.council.people import CabinetPost, Councillor, Delegation, Grant, ListeningSystem, Officer, Portfolio
from shared.council.places import Department, DutyTurn, Team, Town, Ward

PERIOD: Mapping[str, bool] = MappingProxyType({"valid_from": False, "valid_to": False})


class CsvTable(NamedTuple):
    """A CSV file: one row per part, its first column the id; True: the column must be there."""

    what: str
    model: type[CouncilModel]
    file: str
    columns: Mapping[str, bool]
    optional: bool = False
    """True: a council may do without the file."""


class YamlList(NamedTuple):
    """A list in a YAML file; `key` is the field that tells its items apart."""

    what: str
    model: type[CouncilModel]
    file: str
    name: str
    key: str
    optional: bool = False


CSV_TABLES: Mapping[str, CsvTable] = MappingProxyType(
    {
        "towns": CsvTable("town", Town, "towns.csv", {"code": True, "name": True, **PERIOD}),
        "wards": CsvTable(
            "ward",
            Ward,
            "wards.csv",
            {"code": True, "name": True, "town": True, "gss": False, "seats": False, "successors": False, **PERIOD},
        ),
        "councillors": CsvTable(
            "councillor",
            Councillor,
            "councillors.csv",
            {
                "id": True,
                "title": False,
                "name": True,
                "email": True,
                "party": False,
                "external_id": False,
                **PERIOD,
            },
        ),
        "officers": CsvTable("officer", Officer, "officers.csv", {"id": True, "name": True, "email": True, **PERIOD}),
        "systems": CsvTable(
            "system", ListeningSystem, "systems.csv", {"id": True, "name": True, **PERIOD}, optional=True
        ),
        "grants": CsvTable(
            "grant",
            Grant,
            "grants.csv",
            {"id": True, "person": True, "role": True, "team": False, "granted_by": False, **PERIOD},
        ),
        "rules": CsvTable(
            "rule",
            RoutingRule,
            "rules.csv",
            {
                "id": True,
                "service": True,
                "ward": False,
                "town": False,
                "flags": False,
                "capacity": False,
                "team": True,
                "also": False,
                **PERIOD,
            },
        ),
        "duty": CsvTable(
            "duty turn",
            DutyTurn,
            "duty.csv",
            {
                "id": True,
                "covers": True,
                "team": True,
                "officer": True,
                "days": False,
                "start": False,
                "end": False,
                **PERIOD,
            },
            optional=True,
        ),
        "reasons": CsvTable(
            "reason", ReasonCode, "reasons.csv", {"id": True, "list": True, "label": True, **PERIOD}, optional=True
        ),
        "lgsl": CsvTable(
            "LGSL entry", LgslEntry, "lgsl.csv", {"id": True, "label": True, "description": False}, optional=True
        ),
    }
)
"""The tables by their field in the council. Councillors' seats stand in seats.csv."""

SEATS_FILE = "seats.csv"
SEAT_COLUMNS: Mapping[str, bool] = MappingProxyType({"councillor": True, "ward": True, "end_reason": False, **PERIOD})

YAML_LISTS: Mapping[str, YamlList] = MappingProxyType(
    {
        "departments": YamlList("department", Department, "departments.yaml", "departments", "id"),
        "teams": YamlList("team", Team, "departments.yaml", "teams", "id"),
        "portfolios": YamlList("portfolio", Portfolio, "cabinet.yaml", "portfolios", "code"),
        "posts": YamlList("post", CabinetPost, "cabinet.yaml", "posts", "id"),
        "delegations": YamlList("delegation", Delegation, "cabinet.yaml", "delegations", "id"),
        "services": YamlList("service", ServiceType, "services.yaml", "services", "code"),
        "features": YamlList("feature", Feature, "features.yaml", "features", "code", optional=True),
        "texts": YamlList("text", MailText, "texts.yaml", "texts", "id", optional=True),
        "signposts": YamlList("signpost", Signpost, "signposts.yaml", "signposts", "id", optional=True),
    }
)
"""The lists by their field in the council; `teams` stand inside their department."""

WORD_LISTS = ("flags", "successors", "also", "days", "escalation")
"""CSV cells that hold several words, separated by spaces."""
