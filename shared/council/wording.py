"""Says an outcome of the rule table in plain sentences, built of the council's own names and of nothing else.

Whoever reads them should know what to change: the rule's id, what it asks for, and whom it names. People stand in them
by their ids alone, because the sentences are kept.
"""

from datetime import date

from shared.council.base import Dated, parse_target
from shared.council.catalogue import RoutingRule
from shared.council.directory import Directory
from shared.council.table import Considered, Found, Outcome, Question, Undecided
from shared.events.routing import PartOf

_UNITS = {"wd": "working day", "h": "hour", "m": "minute"}
_CAPACITIES = {"cabinet": "cabinet business", "ward": "ward casework"}


def sentence(question: Question, outcome: Outcome, directory: Directory) -> str:
    """Say in one sentence where a case goes and why."""
    if isinstance(outcome, Found):
        return f"{_found(outcome, directory)}."
    return f"{_undecided(question, outcome, directory)}: {people_decide(directory)}."


def why_lost(considered: Considered, question: Question, outcome: Outcome, directory: Directory) -> str:
    """Say of one rule why it did not decide, or that it did."""
    rule = considered.rule
    winners = (outcome.rule.id,) if isinstance(outcome, Found) else outcome.candidates
    others = listed([each for each in winners if each != rule.id])
    match considered.lost:
        case None:
            return "decides" if isinstance(outcome, Found) else "fits best"
        case "less-narrow":
            return f"fits, but is wider than {others}"
        case "tied":
            return f"fits as well as {others}, and they name different teams"
        case "same-team":
            return f"fits as well as {winners[0]}, and names the same team"
        case _:
            return _misfit(considered, question, directory)


def team_name(team: str, directory: Directory) -> str:
    """Name a team as the council does; one it does not know by its id."""
    found = directory.team(team)
    return found.name if found else team


def people_decide(directory: Directory) -> str:
    """Say who decides what the table cannot."""
    name = next((team.name for team in directory.council.teams if team.triage), "triage")
    return f"the people of {name} decide"


def condition(rule: RoutingRule, directory: Directory) -> str:
    """Say for what a rule is: its service, where, and what else it asks for."""
    return ", ".join(_conditions(rule, directory))


def day(on: date) -> str:
    """Write a date as people say it."""
    return f"{on.day} {on:%B %Y}"


def listed(words: list[str]) -> str:
    """Join words as people do: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _misfit(considered: Considered, question: Question, directory: Directory) -> str:
    """Say which condition is not met."""
    rule = considered.rule
    match considered.lost:
        case "other-ward":
            return f"is for {_ward(rule.ward, directory)} alone"
        case "other-town":
            return f"is for {_town(rule.town, directory)} alone, where {_ward(question.ward, directory)} is not"
        case "flag-not-set":
            return f"asks for {_flags(rule, set(rule.flags) - question.conditions, directory)}"
        case "other-capacity":
            return f"is for {_CAPACITIES[rule.capacity or question.capacity]} alone"
        case _:
            return _period("", rule, question.on).strip()


def _found(found: Found, directory: Directory) -> str:
    """`Rule a, the narrowest of 3 that fit: Potholes anywhere, with "Dangerous", goes to Highways; …`."""
    fit = sum(each.lost in {None, "less-narrow", "same-team"} for each in found.considered)
    rank = "the only one that fits" if fit == 1 else f"the narrowest of {fit} that fit"
    if equals := [each.rule.id for each in found.considered if each.lost == "same-team"]:
        names = "are as narrow and name" if len(equals) > 1 else "is as narrow and names"
        rank += f" ({listed(equals)} {names} the same team)"
    asked = _conditions(found.rule, directory)
    said = f"{', '.join(asked)}{',' if len(asked) > 1 else ''} goes to {team_name(found.rule.team, directory)}"
    parts = [f"{_part(part, directory)}" for part in found.also]
    return "; ".join([f"Rule {found.rule.id}, {rank}: {said}", *_duty(found, directory), *parts])


def _conditions(rule: RoutingRule, directory: Directory) -> list[str]:
    service = directory.service(rule.service)
    place = f"in {_ward(rule.ward, directory)}" if rule.ward else "anywhere"
    if rule.town:
        place = f"in {_town(rule.town, directory)}"
    said = [f"{service.name if service else rule.service} {place}"]
    if rule.flags:
        said.append(f"with {_flags(rule, set(rule.flags), directory)}")
    if rule.capacity:
        said.append(f"as {_CAPACITIES[rule.capacity]}")
    return said


def _duty(found: Found, directory: Directory) -> list[str]:
    if found.duty is None:
        return []
    officer = found.duty.officer
    if found.team == found.rule.team:
        return [f"outside office hours {officer} is on duty there"]
    return [f"outside office hours {team_name(found.team, directory)} answers in its place, where {officer} is on duty"]


def _part(part: PartOf, directory: Directory) -> str:
    """`Drainage gets a part of it, within 5 working days`."""
    said = f"{team_name(part.team, directory)} gets a part of it"
    if part.target is None:
        return said
    target = parse_target(part.target)
    return f"{said}, within {target.amount} {_UNITS[target.unit]}{'' if target.amount == 1 else 's'}"


def _undecided(question: Question, outcome: Undecided, directory: Directory) -> str:
    service = directory.service(question.service)
    name, count = service.name if service else question.service, len(outcome.considered)
    named = [each.rule for each in outcome.considered if each.lost in {None, "tied"}]
    match outcome.reason:
        case "unknown-service" | "unknown-ward":
            return _unknown(question, outcome, directory)
        case "triage-service":
            return f"Cases of {name} are placed by hand"
        case "several-rules":
            rules = listed([f"{rule.id} ({team_name(rule.team, directory)})" for rule in named])
            return f"Rules {rules} fit equally well, for different teams"
        case "unknown-team":
            return _unknown_team(named[0], question.on, directory)
        case _:
            return f"No rule of {name} fits, of {count} there are" if count else f"No rule says who answers for {name}"


def _unknown(question: Question, outcome: Undecided, directory: Directory) -> str:
    service, ward = directory.service(question.service), directory.ward(question.ward)
    if outcome.reason == "unknown-service":
        return _period(service.name, service, question.on) if service else f"There is no service {question.service}"
    return _period(f"The ward {ward.name}", ward, question.on) if ward else f"There is no ward {question.ward}"


def _unknown_team(rule: RoutingRule, on: date, directory: Directory) -> str:
    team = directory.team(rule.team)
    if team is None:
        return f"Rule {rule.id} names the team {rule.team}, which the council does not have"
    return f"Rule {rule.id} names a team that is not there: {_period(team.name, team, on)}"


def _period(what: str, part: Dated, on: date) -> str:
    """Say of a part that does not hold on a date when it did, or will."""
    if part.valid_to and part.valid_to < on:
        return f"{what} ended on {day(part.valid_to)}"
    return f"{what} begins on {day(part.valid_from or on)}"


def _ward(code: str | None, directory: Directory) -> str:
    ward = directory.ward(code or "")
    return f"the ward {ward.name if ward else code}"


def _town(code: str | None, directory: Directory) -> str:
    return f"the town {next((town.name for town in directory.council.towns if town.code == code), code)}"


def _flags(rule: RoutingRule, codes: set[str], directory: Directory) -> str:
    """Name flags of the service, and impacts, as the councillor saw them."""
    labels: dict[str, str] = {each.code: each.label for each in directory.council.impacts}
    service = directory.service(rule.service)
    labels |= {flag.code: flag.label for flag in service.flags} if service else {}
    return listed([f'"{labels.get(code, code)}"' for code in sorted(codes)])
