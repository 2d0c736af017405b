"""Nothing in a council refers to what is not there, or to what is no longer there at that time.

A check yields problems and changes nothing; it says nothing about a table that could not be read, because the file's
own problem already does.
"""

from collections.abc import Iterator
from typing import NamedTuple

from shared.council.base import Dated
from shared.council.problems import Problem
from shared.council.reading import Entry
from shared.council.rows import Tables
from shared.council.tables import Table


class _Reference(NamedTuple):
    """A field of a part, and the table in which each of its words must stand."""

    part: str
    column: str
    table: str
    lasting: bool = True
    """True: what is referred to must hold for as long as what refers to it."""


_REFERENCES = (
    _Reference("wards", "town", "towns"),
    _Reference("wards", "successors", "wards", lasting=False),
    _Reference("seats", "councillor", "councillors"),
    _Reference("seats", "ward", "wards"),
    _Reference("teams", "escalation", "officers", lasting=False),
    _Reference("grants", "team", "teams"),
    _Reference("portfolios", "services", "services", lasting=False),
    _Reference("portfolios", "departments", "departments", lasting=False),
    _Reference("posts", "portfolio", "portfolios"),
    _Reference("posts", "councillor", "councillors"),
    _Reference("delegations", "principal", "councillors"),
    _Reference("delegations", "delegate", "officers"),
    _Reference("delegations", "portfolios", "portfolios"),
    _Reference("rules", "service", "services"),
    _Reference("rules", "ward", "wards"),
    _Reference("rules", "town", "towns"),
    _Reference("rules", "team", "teams"),
    _Reference("rules", "also", "teams"),
    _Reference("duty", "covers", "teams"),
    _Reference("duty", "team", "teams"),
    _Reference("duty", "officer", "officers"),
    _Reference("features", "members", "councillors", lasting=False),
    _Reference("features", "wards", "wards", lasting=False),
)


def references(tables: Tables) -> Iterator[Problem]:
    """Nothing refers to what is not there."""
    for reference in _REFERENCES:
        parts, known = getattr(tables, reference.part), getattr(tables, reference.table)
        parts_by_id = _by_id(known) if reference.lasting else {}
        for entry, part in parts:
            for word in _words(getattr(part, reference.column)):
                yield from known.unknown(entry, reference.column, word)
                target = parts_by_id.get(word)
                if target is not None and not part.within(target):
                    yield _outlived(entry, reference.column, target, f"{known.what} {word!r}")
    for entry, grant in tables.grants:
        people = tables.systems if grant.person.startswith("sys-") else tables.officers
        yield from people.unknown(entry, "person", grant.person)


def _words(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    # `also` may name a time behind the team.
    return tuple(each.partition(":")[0] for each in ((value,) if isinstance(value, str) else value))


def _by_id(table: Table[Dated]) -> dict[str, Dated]:
    return {str(entry.values.get(table.key)): part for entry, part in table}


def _outlived(entry: Entry, column: str, target: Dated, name: str) -> Problem:
    span = f"{target.valid_from or 'ever'} to {target.valid_to or 'further notice'}"
    return entry.problem(
        "reference-not-valid",
        f"{column}: {name} holds from {span}, and this goes beyond",
        "Set valid_from and valid_to so that this lies within, or change the other",
        column,
    )


def services(tables: Tables) -> Iterator[Problem]:
    """No rule names a flag its service does not have; no service names an LGSL id that is not listed."""
    found = {service.code: service for service in tables.services.models}
    for entry, rule in tables.rules:
        if rule.service in found:
            known = {flag.code for flag in found[rule.service].flags} | {"danger", "safeguarding"}
            for flag in sorted(set(rule.flags) - known):
                message = f"flags: service {rule.service!r} has no flag {flag!r}"
                fix = f"Use one of {sorted(known)}, or add the flag to the service"
                yield entry.problem("unknown-reference", message, fix, "flags")
    listed = {each.id for each in tables.lgsl.models}
    if listed and tables.lgsl.complete:
        for entry, service in tables.services:
            if service.lgsl is not None and service.lgsl not in listed:
                message = f"lgsl: there is no LGSL entry {service.lgsl}"
                yield entry.problem("unknown-reference", message, "Correct lgsl, or add the line to lgsl.csv", "lgsl")
