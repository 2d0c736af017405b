"""What must hold about services, rules and duty: every case reaches somebody, one team only, and danger at any hour.

Checks yield problems and change nothing.
"""

from collections import defaultdict
from collections.abc import Iterator

from shared.council.catalogue import RoutingRule
from shared.council.places import DutyTurn
from shared.council.problems import Problem
from shared.council.reading import Entry
from shared.council.rows import Tables

SWITCHABLE = frozenset(
    {
        "add-cc",
        "remove-cc",
        "extend-auto-close",
        "accept",
        "take-over",
    }
)
"""Commands of councillors that a feature may switch; a test compares them with the commands there are."""


def services(tables: Tables) -> Iterator[Problem]:
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


def ambiguity(tables: Tables) -> Iterator[Problem]:
    """No two rules have the same condition at the same time."""
    seen: defaultdict[tuple[object, ...], list[tuple[Entry, RoutingRule]]] = defaultdict(list)
    for entry, rule in tables.rules:
        same = seen[rule.service, rule.ward, rule.town, rule.capacity, frozenset(rule.flags)]
        for other_entry, other in same:
            if rule.overlaps(other):
                message = (
                    f"rule {rule.id!r} has the same condition as {other.id!r} in line {other_entry.line} at that time"
                )
                fix = "End one before the other begins (valid_to), make one more specific, or remove one"
                yield entry.problem("rules-ambiguous", message, fix)
        same.append((entry, rule))


def ties(tables: Tables) -> Iterator[Problem]:
    """No two rules of different flags can both be the narrowest for a case with both flags ticked."""
    by_place: defaultdict[tuple[object, ...], list[tuple[Entry, RoutingRule]]] = defaultdict(list)
    for entry, rule in tables.rules:
        if rule.flags:
            by_place[rule.service, rule.ward, rule.town, rule.capacity].append((entry, rule))
    for rows in by_place.values():
        for index, (entry, rule) in enumerate(rows):
            for other_entry, other in rows[:index]:
                both = frozenset(rule.flags) | frozenset(other.flags)
                tied = len(set(rule.flags)) == len(set(other.flags)) < len(both) and rule.team != other.team
                if not tied or not rule.overlaps(other) or _settled(both, rule, other, rows):
                    continue
                message = (
                    f"rule {rule.id!r} and rule {other.id!r} in line {other_entry.line} tie for a case with the flags "
                    f"{' '.join(sorted(both))}, and name different teams"
                )
                yield entry.problem("rules-tie", message, "Add a rule that names both flags, or name one team", "flags")


def _settled(both: frozenset[str], one: RoutingRule, other: RoutingRule, rows: list[tuple[Entry, RoutingRule]]) -> bool:
    """Say whether a narrower rule decides wherever both hold."""
    return any(
        len(one.flags) < len(set(rule.flags)) and both >= set(rule.flags) and (one.within(rule) or other.within(rule))
        for _, rule in rows
    )


def danger(tables: Tables) -> Iterator[Problem]:
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
        if service.is_danger(frozenset(rule.flags)) or unnamed or "danger" in rule.flags:
            message = f"rule {rule.id!r} sends danger to team {team.id!r}, which has no duty inbox"
            fix = f"Add `duty_inbox` to {team.id!r} in departments.yaml, or send it to a duty team"
            yield entry.problem("danger-without-duty", message, fix, "team")


def duty(tables: Tables) -> Iterator[Problem]:
    """A turn names somebody of the team on duty, which can be reached, and one team answers at a time."""
    teams = {team.id: team for team in tables.teams.models}
    members = {(grant.person, grant.team) for grant in tables.grants.models}
    covered: defaultdict[str, list[tuple[Entry, DutyTurn]]] = defaultdict(list)
    for entry, turn in tables.duty:
        team = teams.get(turn.team)
        if team and not team.duty_inbox:
            fix = f"Add `duty_inbox` to {team.id!r} in departments.yaml"
            yield entry.problem("danger-without-duty", f"team {team.id!r} is on duty without a duty inbox", fix, "team")
        if turn.officer in tables.officers.ids and tables.grants.complete and (turn.officer, turn.team) not in members:
            message = f"officer {turn.officer!r} has no role in team {turn.team!r}"
            yield entry.problem("duty-officer", message, "Grant a role in the team in grants.csv", "officer")
        for other_entry, other in covered[turn.covers]:
            if turn.overlaps(other) and _at_once(turn, other):
                message = f"turn {turn.id!r} is at the same time as {other.id!r} in line {other_entry.line}"
                yield entry.problem("duty-twice", message, "Change days or hours so that one turn is on at a time")
        covered[turn.covers].append((entry, turn))


def _at_once(one: DutyTurn, other: DutyTurn) -> bool:
    return any(a < d and c < b for a, b in one.minutes() for c, d in other.minutes())


def features(tables: Tables) -> Iterator[Problem]:
    """A feature switches commands that can be switched, each command by one feature at a time."""
    seen: defaultdict[str, list[tuple[Entry, str]]] = defaultdict(list)
    for entry, feature in tables.features:
        for command in feature.commands:
            if command not in SWITCHABLE:
                fix = f"Use some of {', '.join(sorted(SWITCHABLE))}"
                yield entry.problem("unknown-reference", f"commands: {command!r} cannot be switched", fix, "commands")
            for other_entry, other in seen[command]:
                message = f"command {command!r} is switched by {other!r} in line {other_entry.line} already"
                yield entry.problem("command-twice", message, "Name a command in one feature only", "commands")
            seen[command].append((entry, feature.code))


def texts(tables: Tables) -> Iterator[Problem]:
    """One text at a time stands for a mail."""
    seen: defaultdict[str, list[Entry]] = defaultdict(list)
    models = dict(zip(map(id, (entry for entry, _ in tables.texts)), tables.texts.models, strict=True))
    for entry, text in tables.texts:
        for other in seen[text.template]:
            if text.overlaps(models[id(other)]):
                message = f"mail {text.template!r} has another text in line {other.line} at that time"
                yield entry.problem("text-twice", message, "End the first before the second begins", "template")
        seen[text.template].append(entry)
