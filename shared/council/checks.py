"""What must hold between a council's files: references, uniqueness, and that every case can reach somebody.

A check yields problems and changes nothing; it says nothing about a table that could not be read, because the file's
own problem already does.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from shared.council.model import (
    Councillor,
    CouncilModel,
    Delegation,
    Department,
    Officer,
    Portfolio,
    RoutingRule,
    Seat,
    ServiceType,
    Team,
    Town,
    Ward,
)
from shared.council.problems import Problem
from shared.council.reading import Entry
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
    portfolios: Table[Portfolio]
    delegations: Table[Delegation]
    services: Table[ServiceType]
    rules: Table[RoutingRule]


def problems_between(tables: Tables) -> Iterator[Problem]:
    """Yield everything that is wrong between the tables."""
    checks: tuple[Callable[[Tables], Iterator[Problem]], ...] = (
        _references,
        _rule_references,
        _addresses,
        _seats,
        _teams,
        _cabinet,
        _services_and_their_rules,
        _ambiguity,
        _danger,
    )
    for check in checks:
        yield from check(tables)


def _references(tables: Tables) -> Iterator[Problem]:
    """Nothing refers to what is not there."""
    for entry, ward in tables.wards:
        yield from tables.towns.unknown(entry, "town", ward.town)
    for entry, seat in tables.seats:
        yield from tables.councillors.unknown(entry, "councillor", seat.councillor)
        yield from tables.wards.unknown(entry, "ward", seat.ward)
    for entry, officer in tables.officers:
        for team in officer.teams:
            yield from tables.teams.unknown(entry, "teams", team)
    for entry, portfolio in tables.portfolios:
        yield from tables.councillors.unknown(entry, "holder", portfolio.holder)
    for entry, delegation in tables.delegations:
        yield from tables.councillors.unknown(entry, "principal", delegation.principal)
        yield from tables.officers.unknown(entry, "delegate", delegation.delegate)
        for code in delegation.portfolios:
            yield from tables.portfolios.unknown(entry, "portfolios", code)


def _rule_references(tables: Tables) -> Iterator[Problem]:
    """No rule refers to what is not there, nor to a flag its service does not have."""
    services = {service.code: service for service in tables.services.models}
    for entry, rule in tables.rules:
        yield from tables.services.unknown(entry, "service", rule.service)
        yield from tables.wards.unknown(entry, "ward", rule.ward)
        yield from tables.towns.unknown(entry, "town", rule.town)
        yield from tables.teams.unknown(entry, "team", rule.team)
        if rule.service in services:
            known = {flag.code for flag in services[rule.service].flags}
            for flag in sorted(set(rule.flags) - known):
                message = f"flags: service {rule.service!r} has no flag {flag!r}"
                fix = (
                    f"Use one of {sorted(known)}, or add the flag to the service" if known else "Add it to the service"
                )
                yield entry.problem("unknown-reference", message, fix, "flags")


def _addresses(tables: Tables) -> Iterator[Problem]:
    """No two people share an e-mail address: each would read the other's cases."""
    seen: dict[str, tuple[Entry, str]] = {}
    people = [(entry, person.id, person.email) for entry, person in tables.councillors]
    people += [(entry, person.id, person.email) for entry, person in tables.officers]
    for entry, person_id, email in people:
        first, first_id = seen.setdefault(email.casefold(), (entry, person_id))
        if first is not entry:
            message = f"{email} is already the address of {first_id!r} in {first.file} line {first.line}"
            yield entry.problem("duplicate-email", message, "Give each person an address of their own", "email")


def _seats(tables: Tables) -> Iterator[Problem]:
    """Every ward has a seat, every councillor holds or held one, and nobody holds the same one twice at once."""
    if tables.seats.complete:
        filled = {str(entry.values.get("ward")) for entry in tables.seats.ids.values()}
        holders = {str(entry.values.get("councillor")) for entry in tables.seats.ids.values()}
        for code, entry in tables.wards.ids.items():
            if code not in filled:
                fix = "Add a row to seats.csv, or remove the ward"
                yield entry.problem("ward-without-seat", f"nobody sits or sat for ward {code!r}", fix)
        for person, entry in tables.councillors.ids.items():
            if person not in holders:
                message = f"councillor {person!r} holds and held no seat"
                yield entry.problem(
                    "councillor-without-seat", message, "Add a row to seats.csv, or remove the councillor"
                )
    held: defaultdict[tuple[str, str], list[tuple[Entry, SeatRow]]] = defaultdict(list)
    for entry, seat in tables.seats:
        for other_entry, other in held[seat.councillor, seat.ward]:
            if seat.overlaps(other):
                message = f"{seat.councillor!r} sits for {seat.ward!r} already in line {other_entry.line} at that time"
                yield entry.problem("seat-twice", message, "End the first seat before the second begins, or remove one")
        held[seat.councillor, seat.ward].append((entry, seat))


def _teams(tables: Tables) -> Iterator[Problem]:
    """Exactly one team does triage, and every team has somebody who may take a case on.

    The triage team may do with admins, who place cases, as long as no rule sends it cases to work on.
    """
    triage = [(entry, team) for entry, team in tables.teams if team.triage]
    if not triage and tables.teams.complete:
        fix = "Write `triage: true` at the team that sorts what no rule can route"
        yield Problem("departments.yaml", 1, "triage-team", "no team does triage", fix)
    for entry, team in triage[1:]:
        message = f"team {team.id!r} does triage, and {triage[0][1].id!r} in line {triage[0][0].line} does too"
        yield entry.problem("triage-team", message, "Leave `triage: true` at one team only", "triage")
    if tables.officers.complete:
        # Where no team does triage, that is the problem to name, and not that admins are in the wrong place.
        placing = {team.id for _, team in triage} if triage else set(tables.teams.ids)
        placing -= {rule.team for rule in tables.rules.models}
        staffed: set[str] = set()
        for entry in tables.officers.ids.values():
            teams = set(str(entry.values.get("teams", "")).split())
            roles = set(str(entry.values.get("roles") or "officer").split())
            if roles - {"admin", "secretary"}:
                staffed |= teams
            elif "admin" in roles:
                staffed |= teams & placing
        for team_id, entry in tables.teams.ids.items():
            if team_id not in staffed:
                fix = f"Add {team_id!r} to the teams of an officer or manager in officers.csv, or remove the team"
                message = f"team {team_id!r} has no officer who could take a case on"
                yield entry.problem("team-without-officer", message, fix)


def _cabinet(tables: Tables) -> Iterator[Problem]:
    """A secretary is one, and acts for a member only in that member's portfolios."""
    officers = {officer.id: officer for officer in tables.officers.models}
    portfolios = {portfolio.code: portfolio for portfolio in tables.portfolios.models}
    for entry, delegation in tables.delegations:
        delegate = officers.get(delegation.delegate)
        if delegate and "secretary" not in delegate.roles:
            fix = f"Add the role to {delegate.id!r} in officers.csv, or choose another delegate"
            message = f"delegate {delegate.id!r} does not have the role secretary"
            yield entry.problem("delegation", message, fix, "delegate")
        for code in delegation.portfolios:
            portfolio = portfolios.get(code)
            if portfolio and portfolio.holder in tables.councillors.ids and portfolio.holder != delegation.principal:
                message = f"portfolio {code!r} is held by {portfolio.holder!r}, not by {delegation.principal!r}"
                yield entry.problem(
                    "delegation", message, "Name the holder as principal, or remove the portfolio", "portfolios"
                )


def _services_and_their_rules(tables: Tables) -> Iterator[Problem]:
    """Every service has a rule, but for those that go to triage and those of others, which have none."""
    ruled = {str(entry.values.get("service")) for entry in tables.rules.ids.values()}
    if tables.rules.complete:
        for entry, service in tables.services:
            if service.code not in ruled and not service.triage and service.kind != "signpost":
                message = f"no rule says who answers for service {service.code!r}"
                fix = "Add a row to rules.csv, or write `triage: true` at the service"
                yield entry.problem("service-without-rule", message, fix, "code")
    unruled = {each.code: each for each in tables.services.models if each.triage or each.kind == "signpost"}
    for entry, rule in tables.rules:
        if rule.service in unruled:
            why = "goes to triage" if unruled[rule.service].triage else "is a signpost"
            message = f"service {rule.service!r} {why}, so no rule applies to it"
            yield entry.problem("rule-not-wanted", message, "Remove the rule, or change the service", "service")


def _ambiguity(tables: Tables) -> Iterator[Problem]:
    """No two rules have the same condition at the same time."""
    seen: defaultdict[tuple[object, ...], list[tuple[Entry, RoutingRule]]] = defaultdict(list)
    for entry, rule in tables.rules:
        same = seen[rule.service, rule.ward, rule.town, frozenset(rule.flags)]
        for other_entry, other in same:
            if rule.overlaps(other):
                message = (
                    f"rule {rule.id!r} has the same condition as {other.id!r} in line {other_entry.line} at that time"
                )
                fix = "End one before the other begins (valid_to), make one more specific, or remove one"
                yield entry.problem("rules-ambiguous", message, fix)
        same.append((entry, rule))


def _danger(tables: Tables) -> Iterator[Problem]:
    """Whoever answers for danger can be reached around the clock."""
    teams = {team.id: team for team in tables.teams.models}
    services = {service.code: service for service in tables.services.models}
    named = {(rule.service, flag) for rule in tables.rules.models for flag in rule.flags}
    for entry, rule in tables.rules:
        service, team = services.get(rule.service), teams.get(rule.team)
        if service is None or team is None or team.duty_inbox:
            continue
        # A danger flag that no rule names goes where the service's other rules say.
        unnamed = {flag.code for flag in service.flags if flag.danger and (service.code, flag.code) not in named}
        if service.is_danger(frozenset(rule.flags)) or unnamed:
            message = f"rule {rule.id!r} sends danger to team {team.id!r}, which has no duty inbox"
            fix = f"Add `duty_inbox` to {team.id!r} in departments.yaml, or send it to a duty team"
            yield entry.problem("danger-without-duty", message, fix, "team")
