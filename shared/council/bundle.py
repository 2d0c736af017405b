"""Reads a council from its folder of files, whole or not at all.

Every file is read and every check is made before anything is refused, so that one run shows all there is to correct.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.calendar import gov_uk_calendar
from shared.council.base import CouncilModel, Line, Slug, Version
from shared.council.catalogue import ImpactChoice
from shared.council.checks import problems_between
from shared.council.columns import CSV_TABLES, SEAT_COLUMNS, SEATS_FILE, YAML_LISTS
from shared.council.model import CalendarDays, Council, Policies
from shared.council.people import Councillor, Seat
from shared.council.problems import BundleRefused, Problem, nearest
from shared.council.reading import Entry, Source
from shared.council.rows import Closure, SeatRow, Tables
from shared.council.tables import Model, Table, table, validated

__all__ = ["BundleRefused", "Problem", "load_bundle"]

_NEVER = "never"


class _Header(CouncilModel):
    """The file council.yaml."""

    code: Slug
    name: Line
    version: Version
    mail_domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]
    policies: Policies = Field(default_factory=Policies)
    impacts: tuple[ImpactChoice, ...] = ()


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
        impacts=header.impacts,
        calendar=calendar,
        towns=tables.towns.models,
        wards=tables.wards.models,
        councillors=_seated(tables),
        departments=tables.departments.models,
        teams=tables.teams.models,
        officers=tables.officers.models,
        systems=tables.systems.models,
        grants=tables.grants.models,
        portfolios=tables.portfolios.models,
        posts=tables.posts.models,
        delegations=tables.delegations.models,
        services=tables.services.models,
        rules=tables.rules.models,
        duty=tables.duty.models,
        reasons=tables.reasons.models,
        features=tables.features.models,
        texts=tables.texts.models,
        signposts=tables.signposts.models,
        lgsl=tables.lgsl.models,
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
    departments, teams = _department_entries(source)
    files = {listed.file for listed in YAML_LISTS.values()} - {"departments.yaml"}
    lists = {"departments": departments, "teams": teams}
    for file in sorted(files):
        names = {field: listed for field, listed in YAML_LISTS.items() if listed.file == file}
        optional = all(listed.optional for listed in names.values())
        lists |= _lists(source, file, *(listed.name for listed in names.values()), optional=optional)
    for entry in lists["services"]:
        _settle_autoclose(entry, policies)
    found: dict[str, Any] = {
        field: table(source, each.what, each.model, lists[field], each.key, each.file)
        for field, each in YAML_LISTS.items()
    }
    for field, each in CSV_TABLES.items():
        rows = source.rows(each.file, each.columns, optional=each.optional)
        found[field] = table(source, each.what, each.model, rows, next(iter(each.columns)), each.file)
    return Tables(seats=_seat_rows(source), **found)


def _seat_rows(source: Source) -> Table[SeatRow]:
    """Read seats.csv, whose rows have no id of their own: the line is what tells them apart."""
    rows = source.rows(SEATS_FILE, SEAT_COLUMNS)
    found: Table[SeatRow] = Table("seat", complete=SEATS_FILE not in source.unreadable)
    for entry in rows:
        found.ids[str(entry.line)] = entry
        seat = validated(source, entry, SeatRow)
        if seat is not None:
            found.pairs.append((entry, seat))
    return found


def _department_entries(source: Source) -> tuple[list[Entry], list[Entry]]:
    """Read departments.yaml, where each team stands in its department."""
    departments: list[Entry] = []
    teams: list[Entry] = []
    for entry in _lists(source, "departments.yaml", "departments")["departments"]:
        teams.extend(
            Entry(team.file, team.line, {**team.values, "department": entry.values.get("id")}, team.lines)
            for team in source.entries(entry, "teams")
        )
        own = {name: value for name, value in entry.values.items() if name != "teams"}
        departments.append(Entry(entry.file, entry.line, own, entry.lines))
    return departments, teams


def _lists(source: Source, file: str, *keys: str, optional: bool = False) -> dict[str, list[Entry]]:
    """Read a YAML file of named lists."""
    document = source.mapping(file, optional=optional)
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
        seats[row.councillor].append(Seat.model_validate(row.model_dump(exclude={"councillor"})))
    return tuple(each.model_copy(update={"seats": tuple(seats[each.id])}) for each in tables.councillors.models)
