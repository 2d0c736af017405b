"""Which team answers for a case, by the council's rule table, and why.

Every case gets an answer: what the table cannot decide goes to triage with a reason. Never guess, never drop a case.
"""

from collections.abc import Sequence

from shared.council import Directory, RoutingRule
from shared.events import CaseRaised, RoutingDecided, RoutingTriageNeeded
from shared.events.routing import DecidedReason, TriageReason


def route(raised: CaseRaised, directory: Directory) -> RoutingDecided | RoutingTriageNeeded:
    """Name the team that answers for a case on the day it was received, or say why people must decide.

    Both lanes are decided by the same table.
    """
    best = most_specific(raised, directory)
    doubt = _doubt(raised, directory, best)
    if doubt:
        return RoutingTriageNeeded(
            at=raised.at,
            lane=raised.case.lane,
            service=raised.case.service,
            ward=raised.case.ward,
            rules_version=directory.council.version,
            reason=doubt,
            candidates=tuple(rule.id for rule in best),
        )
    return RoutingDecided(
        at=raised.at,
        lane=raised.case.lane,
        service=raised.case.service,
        ward=raised.case.ward,
        rules_version=directory.council.version,
        reason=_fit(best[0]),
        team=best[0].team,
        rule=best[0].id,
    )


def most_specific(raised: CaseRaised, directory: Directory) -> tuple[RoutingRule, ...]:
    """Find the rules that apply to a case and that none beats, in the order of the table; empty if none applies.

    The rule with more conditions wins. Of equally many, the one with more flags does, then a ward before a town: what
    is wrong says more about who must come than where it is. `RoutingRule.specificity` is that order. A flag the table
    does not know narrows nothing.
    """
    ward = directory.ward(raised.case.ward)
    fitting = [
        rule
        for rule in directory.rules_for(raised.case.service)
        if rule.matches(
            service=raised.case.service,
            ward=raised.case.ward,
            town=ward.town if ward else None,
            flags=frozenset(raised.flags),
            on=raised.raised_on,
        )
    ]
    narrowest = max((rule.specificity for rule in fitting), default=None)
    return tuple(rule for rule in fitting if rule.specificity == narrowest)


def _doubt(raised: CaseRaised, directory: Directory, best: Sequence[RoutingRule]) -> TriageReason | None:
    """Say why the table cannot decide; of several reasons the one to be mended first."""
    service, ward = directory.service(raised.case.service), directory.ward(raised.case.ward)
    doubts: tuple[tuple[TriageReason, bool], ...] = (
        ("unknown-service", service is None),
        ("unknown-ward", ward is None or not ward.holds_on(raised.raised_on)),
        ("triage-service", service is not None and service.triage),
        ("no-rule", not best),
        ("several-rules", len({rule.team for rule in best}) > 1),
        ("unknown-team", any(directory.team(rule.team) is None for rule in best)),
    )
    return next((reason for reason, holds in doubts if holds), None)


def _fit(rule: RoutingRule) -> DecidedReason:
    """Say what made a rule fit."""
    if rule.flags:
        return "flag-rule"
    if rule.ward:
        return "ward-rule"
    return "town-rule" if rule.town else "service-rule"
