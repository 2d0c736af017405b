"""Reads a council from its folder of files, whole or not at all.

Every file is read and every check is made before anything is refused, so that one run shows all there is to correct.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.calendar import gov_uk_calendar
from shared.council.checks import Closure, SeatRow, Tables, problems_between
from shared.council.model import (
    CalendarDays,
    Council,
    Councillor,
    CouncilModel,
    Delegation,
    Department,
    Line,
    Officer,
    Policies,
    Portfolio,
    RoutingRule,
    Seat,
    ServiceType,
    Slug,
    Team,
    Town,
    Version,
    Ward,
)
from shared.council.problems import BundleRefused, Problem, nearest
from shared.council.reading import Entry, Source
from shared.council.tables import Model, Table, table, validated

__all__ = ["BundleRefused", "Problem", "load_bundle"]

_PERIOD = {"valid_from": False, "valid_to": False}
_NEVER = "never"


class _Header(CouncilModel):
    """The file council.yaml."""

    code: Slug
    name: Line
    version: Version
    mail_domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]
    policies: Policies = Field(default_factory=Policies)


class _CalendarFile(CouncilModel):
    """The file calendar.yaml: what the published bank holidays do not say."""

    extra_holidays: tuple[date, ...] = ()
    closures: tuple[Closure, ...] = ()


def load_bundle(folder: Path) -> Council:
    """Read the council in a folder.

    Raises:
        BundleRefused: one or more files are missing, unreadable or wrong; it holds every problem with file and line.
    """
    source = Source(folder)
    header = _document(source, "council.yaml", _Header)
    calendar = _calendar(source)
    tables = _tables(source, header.policies if header else Policies())
    source.problems.extend(problems_between(tables))
    if source.problems or header is None or calendar is None:
        raise BundleRefused(source.problems)
    return Council(
        code=header.code,
        name=header.name,
        version=header.version,
        mail_domain=header.mail_domain,
        policies=header.policies,
        calendar=calendar,
        towns=tables.towns.models,
        wards=tables.wards.models,
        councillors=_seated(tables),
        departments=tables.departments.models,
        teams=tables.teams.models,
        officers=tables.officers.models,
        portfolios=tables.portfolios.models,
        delegations=tables.delegations.models,
        services=tables.services.models,
        rules=tables.rules.models,
    )


def _document(source: Source, file: str, model: type[Model]) -> Model | None:
    """Read a YAML file that is one model."""
    entry = source.mapping(file)
    return None if entry is None else validated(source, entry, model)


def _calendar(source: Source) -> CalendarDays | None:
    """Join the published bank holidays with the council's own days."""
    entry = source.mapping("calendar.yaml")
    own = validated(source, entry, _CalendarFile) if entry else None
    if entry is None or own is None:
        return None
    known = gov_uk_calendar(
        closures=frozenset(closure.date for closure in own.closures),
        extra_holidays=frozenset(own.extra_holidays),
    )
    named = [("extra_holidays", index, day) for index, day in enumerate(own.extra_holidays)]
    named += [("closures", index, closure.date) for index, closure in enumerate(own.closures)]
    for key, index, day in named:
        if not known.known_from <= day <= known.known_until:
            message = f"{day} is outside the known calendar ({known.known_from} to {known.known_until})"
            source.problems.append(entry.problem("date-unknown", message, "Correct the year", key, index))
    return CalendarDays(
        holidays=tuple(sorted(known.holidays)),
        closures=tuple(sorted(known.closures)),
        known_from=known.known_from,
        known_until=known.known_until,
        version=known.version,
    )


def _tables(source: Source, policies: Policies) -> Tables:
    """Read every table of the council."""
    departments, teams = _departments_and_teams(source)
    cabinet = _lists(source, "cabinet.yaml", "portfolios", "delegations")
    services = _lists(source, "services.yaml", "services")
    for entry in services["services"]:
        _settle_autoclose(entry, policies)
    return Tables(
        towns=_csv(source, "town", Town, "towns.csv", {"code": True, "name": True}),
        wards=_csv(source, "ward", Ward, "wards.csv", {"code": True, "name": True, "town": True, **_PERIOD}),
        councillors=_csv(
            source,
            "councillor",
            Councillor,
            "councillors.csv",
            {"id": True, "title": False, "name": True, "email": True},
        ),
        seats=_seat_rows(source),
        departments=departments,
        teams=teams,
        officers=_csv(
            source,
            "officer",
            Officer,
            "officers.csv",
            {"id": True, "name": True, "email": True, "teams": True, "roles": False},
        ),
        portfolios=table(source, "portfolio", Portfolio, cabinet["portfolios"], "code", "cabinet.yaml"),
        delegations=table(source, "delegation", Delegation, cabinet["delegations"], "id", "cabinet.yaml"),
        services=table(source, "service", ServiceType, services["services"], "code", "services.yaml"),
        rules=_csv(
            source,
            "rule",
            RoutingRule,
            "rules.csv",
            {"id": True, "service": True, "ward": False, "town": False, "flags": False, "team": True, **_PERIOD},
        ),
    )


def _csv(source: Source, what: str, model: type[Model], file: str, columns: dict[str, bool]) -> Table[Model]:
    """Read a CSV file as a table; its first column is the id."""
    return table(source, what, model, source.rows(file, columns), next(iter(columns)), file)


def _seat_rows(source: Source) -> Table[SeatRow]:
    """Read seats.csv, whose rows have no id of their own: the line is what tells them apart."""
    file = "seats.csv"
    rows = source.rows(file, {"councillor": True, "ward": True, **_PERIOD})
    found: Table[SeatRow] = Table("seat", complete=file not in source.unreadable)
    for entry in rows:
        found.ids[str(entry.line)] = entry
        seat = validated(source, entry, SeatRow)
        if seat is not None:
            found.pairs.append((entry, seat))
    return found


def _departments_and_teams(source: Source) -> tuple[Table[Department], Table[Team]]:
    """Read departments.yaml, where each team stands in its department."""
    file = "departments.yaml"
    department_entries: list[Entry] = []
    team_entries: list[Entry] = []
    for entry in _lists(source, file, "departments")["departments"]:
        team_entries.extend(
            Entry(team.file, team.line, {**team.values, "department": entry.values.get("id")}, team.lines)
            for team in source.entries(entry, "teams")
        )
        own = {name: value for name, value in entry.values.items() if name != "teams"}
        department_entries.append(Entry(entry.file, entry.line, own, entry.lines))
    return (
        table(source, "department", Department, department_entries, "id", file),
        table(source, "team", Team, team_entries, "id", file),
    )


def _lists(source: Source, file: str, *keys: str) -> dict[str, list[Entry]]:
    """Read a YAML file of named lists."""
    document = source.mapping(file)
    for name in document.values if document else ():
        if document and name not in keys:
            fix = f"Remove {name!r}, or {nearest(name, keys)}"
            source.problems.append(document.problem("field", f"{name} is unknown here", fix, name))
            source.unreadable.add(file)
    return {key: source.entries(document, key) for key in keys}


def _settle_autoclose(entry: Entry, policies: Policies) -> None:
    """Write out the council's default where a service does not say when it closes; `never` means that it does not."""
    if entry.values.get("autoclose_days") == _NEVER:
        entry.values["autoclose_days"] = None
    elif entry.values.get("kind") == "case":
        entry.values.setdefault("autoclose_days", policies.autoclose_case_days)
    elif entry.values.get("kind") == "report":
        entry.values.setdefault("autoclose_days", policies.autoclose_report_days)


def _seated(tables: Tables) -> tuple[Councillor, ...]:
    """Give every councillor the seats that seats.csv names."""
    seats: defaultdict[str, list[Seat]] = defaultdict(list)
    for _, row in tables.seats:
        seats[row.councillor].append(Seat(ward=row.ward, valid_from=row.valid_from, valid_to=row.valid_to))
    return tuple(each.model_copy(update={"seats": tuple(seats[each.id])}) for each in tables.councillors.models)
