"""What a council's rule table says about a case: one outcome, and of every rule considered why it lost.

A pure function: the same question to the same council always gets the same outcome, and the order of the table's rows
never matters. Every question gets an outcome: what the table cannot decide, people decide, with a reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

from shared.council.base import Dated
from shared.council.catalogue import URGENT_IMPACTS, Capacity, Impact, RoutingRule
from shared.council.directory import Directory
from shared.council.model import Council
from shared.council.places import DutyTurn, Ward
from shared.events.routing import DecidedReason, PartOf, TriageReason

Lost: TypeAlias = Literal[
    "not-yet",
    "no-longer",
    "other-ward",
    "other-town",
    "flag-not-set",
    "other-capacity",
    "less-narrow",
    "tied",
    "same-team",
]
"""Why a rule did not decide. The last three fit: another is narrower, or as narrow and names another team, or the same
team and comes first by its id."""


@dataclass(frozen=True, slots=True)
class Question:
    """All that an outcome is a function of, beside the council."""

    service: str
    ward: str
    on: date
    """The local day the case was raised: what holds on it decides."""
    flags: frozenset[str] = frozenset()
    impact: Impact = "routine"
    capacity: Capacity = "ward"
    at: datetime | None = None
    """The moment it was raised: outside office hours danger goes by the duty rota. None: in office hours."""
    urgent: bool = False
    """True: it came as urgent, whatever this council says of it."""

    @property
    def conditions(self) -> frozenset[str]:
        """What a rule's flags are compared with: those that were ticked, and an impact that can route."""
        return self.flags | {self.impact} if self.impact in URGENT_IMPACTS else self.flags


class Considered(NamedTuple):
    """A rule of the service, and why it did not decide; None: it did."""

    rule: RoutingRule
    lost: Lost | None


@dataclass(frozen=True, slots=True)
class Found:
    """One team answers."""

    team: str
    """Who gets the case: the team that the rule names, or the one on duty for it."""
    rule: RoutingRule
    reason: DecidedReason
    also: tuple[PartOf, ...] = ()
    duty: DutyTurn | None = None
    """The turn of the duty rota by which it goes."""
    considered: tuple[Considered, ...] = ()
    """Every rule of the service, the narrowest first."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """People must decide."""

    reason: TriageReason
    candidates: tuple[str, ...] = ()
    """The ids of the rules that fit best, if any."""
    considered: tuple[Considered, ...] = ()


Outcome: TypeAlias = Found | Undecided


def decide(question: Question, directory: Directory) -> Outcome:
    """Say which team answers, by the rules and outside office hours by the duty rota; or why people must decide."""
    outcome = by_rules(question, directory)
    if isinstance(outcome, Found) and question.at and is_urgent(question, directory):
        return on_duty(outcome, question.at, directory)
    return outcome


def by_rules(question: Question, directory: Directory) -> Outcome:
    """Say which team the rules name, whoever is on duty."""
    ward = directory.ward(question.ward)
    rules = _narrowest_first(directory.rules_for(question.service))
    fitting = [rule for rule in rules if _fits(rule, question, ward)]
    best = [rule for rule in fitting if rule.specificity == fitting[0].specificity]
    doubt = _doubt(question, directory, ward, best)
    won = _won({rule.id for rule in fitting}, best)
    considered = tuple(
        Considered(rule, won[rule.id] if rule.id in won else _misfit(rule, question, ward)) for rule in rules
    )
    if doubt:
        return Undecided(doubt, tuple(rule.id for rule in best), considered)
    rule = best[0]
    return Found(rule.team, rule, _reason(rule), _parts(rule), considered=considered)


def on_duty(found: Found, at: datetime, directory: Directory) -> Found:
    """Give danger to the team on duty, and name who is; in office hours, and where nobody is, nothing changes."""
    turn = turn_for(found.rule.team, at, directory)
    if turn is None:
        return found
    also = tuple(part for part in found.also if part.team != turn.team)  # who leads needs no part beside
    return replace(found, team=turn.team, duty=turn, also=also)


def turn_for(team: str, at: datetime, directory: Directory) -> DutyTurn | None:
    """Find who is on duty for a team's danger at a moment; a team that is no longer there is not."""
    turn = directory.duty(team, at)
    local = directory.calendar.local_date(at)
    return turn if turn and _holds(directory.team(turn.team), local) else None


def is_urgent(question: Question, directory: Directory) -> bool:
    """Say whether a case is danger or safeguarding: by its service, a flag, its impact, or because it came so."""
    service = directory.service(question.service)
    return (
        question.urgent
        or question.impact in URGENT_IMPACTS
        or (service is not None and service.is_danger(question.flags))
    )


def answers_on(team: str, on: date, directory: Directory) -> bool:
    """Say whether a case may be given to a team on a date; the one that does triage takes what has no team."""
    found = directory.team(team)
    return found is not None and found.holds_on(on) and not found.triage


def turning_points(council: Council) -> list[date]:
    """List the days on which `by_rules` may answer otherwise than the day before, in order."""
    parts: list[Sequence[Dated]] = [council.services, council.wards, council.teams, council.rules]
    days: set[date] = set()
    for part in (each for some in parts for each in some):
        if part.valid_from:
            days.add(part.valid_from)
        if part.valid_to and part.valid_to < date.max:
            days.add(part.valid_to + timedelta(days=1))
    return sorted(days)


def _narrowest_first(rules: Iterable[RoutingRule]) -> list[RoutingRule]:
    """Put rules in the one order that every table of the same rules has, whatever the order of its rows."""
    return sorted(sorted(rules, key=lambda rule: rule.id), key=lambda rule: rule.specificity, reverse=True)


def _fits(rule: RoutingRule, question: Question, ward: Ward | None) -> bool:
    return rule.matches(
        service=question.service,
        ward=question.ward,
        town=ward.town if ward else None,
        flags=question.conditions,
        on=question.on,
        capacity=question.capacity,
    )


def _doubt(
    question: Question, directory: Directory, ward: Ward | None, best: Sequence[RoutingRule]
) -> TriageReason | None:
    """Say why the table cannot decide; of several reasons the one to be mended first."""
    service = directory.service(question.service)
    if not _holds(service, question.on):
        return "unknown-service"
    if not _holds(ward, question.on):
        return "unknown-ward"
    if service is not None and service.triage:
        return "triage-service"
    if not best:
        return "no-rule"
    if len({rule.team for rule in best}) > 1:
        return "several-rules"
    return None if _holds(directory.team(best[0].team), question.on) else "unknown-team"


def _won(fitting: Iterable[str], best: Sequence[RoutingRule]) -> dict[str, Lost | None]:
    """Say of each rule that fits why it did not decide; None for the one that did."""
    found: dict[str, Lost | None] = dict.fromkeys(fitting, "less-narrow")
    if len({rule.team for rule in best}) > 1:
        return found | dict.fromkeys((rule.id for rule in best), "tied")
    return found | {rule.id: "same-team" if place else None for place, rule in enumerate(best)}


def _misfit(rule: RoutingRule, question: Question, ward: Ward | None) -> Lost:
    """Say which condition of a rule that does not fit is the first that is not met."""
    if not rule.holds_on(question.on):
        return "not-yet" if rule.valid_from and question.on < rule.valid_from else "no-longer"
    if rule.ward not in {None, question.ward}:
        return "other-ward"
    if rule.town not in {None, ward.town if ward else None}:
        return "other-town"
    return "other-capacity" if question.conditions.issuperset(rule.flags) else "flag-not-set"


def _reason(rule: RoutingRule) -> DecidedReason:
    """Say what made a rule fit, narrowest condition first."""
    if rule.flags:
        return "flag-rule"
    if rule.ward:
        return "ward-rule"
    if rule.town:
        return "town-rule"
    return "capacity-rule" if rule.capacity else "service-rule"


def _parts(rule: RoutingRule) -> tuple[PartOf, ...]:
    pairs = (each.partition(":") for each in rule.also)
    return tuple(PartOf(team=team, target=target or None) for team, _, target in pairs)


def _holds(part: Dated | None, on: date) -> bool:
    return part is not None and part.holds_on(on)
