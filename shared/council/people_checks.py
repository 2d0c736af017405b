"""What must hold about people: addresses, seats, teams that somebody works in, roles, the cabinet.

Checks yield problems and change nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from shared.council.base import Dated
from shared.council.people import Grant
from shared.council.problems import Problem
from shared.council.reading import Entry
from shared.council.rows import SeatRow, Tables


def addresses(tables: Tables) -> Iterator[Problem]:
    """No two people share an e-mail address: each would read the other's cases."""
    seen: dict[str, tuple[Entry, str]] = {}
    people = [(entry, person.id, person.email) for entry, person in tables.councillors]
    people += [(entry, person.id, person.email) for entry, person in tables.officers]
    for entry, person_id, email in people:
        first, first_id = seen.setdefault(email.casefold(), (entry, person_id))
        if first is not entry:
            message = f"{email} is already the address of {first_id!r} in {first.file} line {first.line}"
            yield entry.problem("duplicate-email", message, "Give each person an address of their own", "email")


def seats(tables: Tables) -> Iterator[Problem]:
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


def wards(tables: Tables) -> Iterator[Problem]:
    """A ward has no more members at once than seats, and becomes only what comes after it."""
    found = {ward.code: (entry, ward) for entry, ward in tables.wards}
    sitting: defaultdict[str, list[tuple[Entry, SeatRow]]] = defaultdict(list)
    for entry, seat in tables.seats:
        sitting[seat.ward].append((entry, seat))
    for code, rows in sitting.items():
        for entry, seat in rows:
            begins = seat.valid_from or date.min
            at_once = sum(other.holds_on(begins) for _, other in rows)
            if code in found and at_once > found[code][1].seats:
                message = f"ward {code!r} elects {found[code][1].seats}, and {at_once} sit for it on {begins}"
                fix = "End the seat that was given up (valid_to), or correct `seats` in wards.csv"
                yield entry.problem("ward-overfull", message, fix, "ward")
    for entry, ward in found.values():
        for successor in ward.successors:
            if successor in found and ward.valid_to is None:
                fix = "Set valid_to, or remove the successors"
                yield entry.problem(
                    "ward-succeeded", f"ward {ward.code!r} has successors and no end", fix, "successors"
                )
        if _comes_back(ward.code, {code: each.successors for code, (_, each) in found.items()}):
            message = f"the successors of ward {ward.code!r} lead back to itself"
            yield entry.problem("cycle", message, "Remove the successor that closes the circle", "successors")


def _comes_back(start: str, then: dict[str, tuple[str, ...]]) -> bool:
    seen: set[str] = set()
    ahead = list(then.get(start, ()))
    while ahead:
        at = ahead.pop()
        if at == start:
            return True
        if at not in seen:
            seen.add(at)
            ahead += then.get(at, ())
    return False


def teams(tables: Tables) -> Iterator[Problem]:
    """Exactly one team does triage, and every team has somebody who may take a case on, but triage may do without.

    Whoever has the role democratic-services places the cases that wait in triage.
    """
    triage = [(entry, team) for entry, team in tables.teams if team.triage]
    if not triage and tables.teams.complete:
        fix = "Write `triage: true` at the team that sorts what no rule can route"
        yield Problem("departments.yaml", 1, "triage-team", "no team does triage", fix)
    for entry, team in triage[1:]:
        message = f"team {team.id!r} does triage, and {triage[0][1].id!r} in line {triage[0][0].line} does too"
        yield entry.problem("triage-team", message, "Leave `triage: true` at one team only", "triage")
    if tables.grants.complete:
        # Where no team does triage, that is the problem to name, and not that nobody works in the one that should.
        placing = {team.id for _, team in triage} if triage else set(tables.teams.ids)
        placing -= {rule.team for rule in tables.rules.models}
        staffed = {
            str(entry.values.get("team")) for entry in tables.grants.ids.values()
        }  # a row with a mistake counts, too: the mistake is named at the row
        for team_id, entry in tables.teams.ids.items():
            if team_id not in staffed | placing:
                fix = f"Grant somebody the role officer or manager in {team_id!r} in grants.csv, or remove the team"
                message = f"team {team_id!r} has no officer who could take a case on"
                yield entry.problem("team-without-officer", message, fix)


def grants(tables: Tables) -> Iterator[Problem]:
    """Nobody is granted the same twice at once, and there is always somebody of Democratic Services."""
    held: defaultdict[tuple[str, str, str | None], list[tuple[Entry, Grant]]] = defaultdict(list)
    for entry, grant in tables.grants:
        same = held[grant.person, grant.role, grant.team]
        for other_entry, other in same:
            if grant.overlaps(other):
                message = f"{grant.person!r} is {grant.role} by {other.id!r} in line {other_entry.line} at that time"
                yield entry.problem("grant-twice", message, "End the first before the second begins, or remove one")
        same.append((entry, grant))
    if tables.grants.complete and tables.officers.complete:
        employed = {officer.id: officer for officer in tables.officers.models}
        admins = [
            (max(_begin(grant), _begin(employed[grant.person])), min(_end(grant), _end(employed[grant.person])))
            for grant in tables.grants.models
            if grant.role == "democratic-services" and grant.person in employed
        ]
        gap = _first_gap(admins)
        if gap is not None:
            first = "" if gap == date.min else f" from {gap}"
            message = f"nobody has the role democratic-services{first}: nobody could place cases or change rights"
            fix = "Grant it to somebody whose valid_to is empty; the last one cannot be removed"
            yield Problem("grants.csv", 1, "last-democratic-services", message, fix)


def _begin(part: Dated) -> date:
    return part.valid_from or date.min


def _end(part: Dated) -> date:
    return part.valid_to or date.max


def _first_gap(spans: list[tuple[date, date]]) -> date | None:
    """Find the first day after the beginning that no span covers; the day of all days where there is none at all."""
    if not spans:
        return date.min
    ahead = sorted(spans)
    until = ahead[0][1]
    for begin, end in ahead[1:]:
        if until == date.max or begin > until + timedelta(days=1):
            break
        until = max(until, end)
    return None if until == date.max else until + timedelta(days=1)


def cabinet(tables: Tables) -> Iterator[Problem]:
    """One councillor holds a portfolio at a time; a secretary acts for a member in that member's portfolios only."""
    held: defaultdict[str, list[tuple[Entry, Dated, str]]] = defaultdict(list)
    for entry, post in tables.posts:
        for other_entry, other, holder in held[post.portfolio]:
            if post.overlaps(other):
                message = f"portfolio {post.portfolio!r} is held by {holder!r} in line {other_entry.line} at that time"
                yield entry.problem("post-twice", message, "End the first post before the second begins", "portfolio")
        held[post.portfolio].append((entry, post, post.councillor))
    secretaries = [grant for grant in tables.grants.models if grant.role == "cabinet-secretary"]
    for entry, delegation in tables.delegations:
        if (
            delegation.delegate in tables.officers.ids
            and tables.grants.complete
            and not any(grant.person == delegation.delegate and grant.overlaps(delegation) for grant in secretaries)
        ):
            fix = f"Grant {delegation.delegate!r} the role cabinet-secretary in grants.csv, or choose another delegate"
            message = f"delegate {delegation.delegate!r} does not have the role cabinet-secretary at that time"
            yield entry.problem("delegation", message, fix, "delegate")
        for code in delegation.portfolios:
            holders = {holder for _, post, holder in held[code] if post.overlaps(delegation)}
            if code in tables.portfolios.ids and tables.posts.complete and delegation.principal not in holders:
                others = f"held by {', '.join(map(repr, sorted(holders)))}" if holders else "held by nobody"
                message = f"portfolio {code!r} is {others} at that time, not by {delegation.principal!r}"
                yield entry.problem(
                    "delegation", message, "Name the holder as principal, or remove the portfolio", "portfolios"
                )
