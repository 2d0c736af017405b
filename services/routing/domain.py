"""Which team answers for a case, by the council's rule table, and why.

Every case gets an answer: what the table cannot decide goes to triage with a reason. Never guess, never drop a case,
and never send one back to the team that has just given it away.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.council import Directory
from shared.council.table import Found, Question, answers_on, decide, turn_for
from shared.council.wording import people_decide, sentence, team_name
from shared.events import CaseRaised, CaseReturned, RoutingDecided, RoutingTriageNeeded
from shared.events.routing import SUGGESTED, RoutingInputs, TriageReason


class Decision(NamedTuple):
    """What routing says, and what it keeps for whoever wants to read, count or rehearse it.

    Notes of every decision: `sentence`, `reference`. A decision about a case that was given back has `returned`, too:
    who gave it back, how often it was, and the rule that had named them.
    """

    event: RoutingDecided | RoutingTriageNeeded
    notes: Mapping[str, Any]


class Tally(NamedTuple):
    """How often the rules of one version sent cases of a service to a team, and how often the team gave one back."""

    service: str
    rules_version: str
    routed: int
    returned: int

    @property
    def accuracy(self) -> float:
        """How often the team that a rule named kept the case: 1 - returned / routed; 1 where nothing was routed."""
        return 1 - self.returned / self.routed if self.routed else 1.0


def route(raised: CaseRaised, directory: Directory) -> Decision:
    """Name the team that answers for a case on the day it was received, or say why people must decide.

    Both lanes are decided by the same table.
    """
    case, ward = raised.case, directory.ward(raised.case.ward)
    question = Question(
        service=case.service,
        ward=case.ward,
        on=raised.raised_on,
        flags=frozenset(raised.flags),
        impact=case.impact,
        capacity=case.capacity,
        at=raised.at,
        urgent=case.lane == "urgent",
    )
    outcome = decide(question, directory)
    common: dict[str, Any] = {
        **_common(raised, directory),
        "inputs": RoutingInputs(
            on=raised.raised_on,
            raised_at=raised.at,
            town=ward.town if ward else None,
            flags=raised.flags,
            capacity=case.capacity,
            impact=case.impact,
        ),
    }
    event: RoutingDecided | RoutingTriageNeeded
    if isinstance(outcome, Found):
        event = RoutingDecided(
            **common,
            team=outcome.team,
            rule=outcome.rule.id,
            reason=outcome.reason,
            duty=outcome.duty.officer if outcome.duty else None,
            also=outcome.also,
        )
    else:
        event = RoutingTriageNeeded(**common, reason=outcome.reason, candidates=outcome.candidates)
    return Decision(event, {"sentence": sentence(question, outcome, directory), "reference": case.reference})


def reroute(returned: CaseReturned, directory: Directory) -> Decision:
    """Follow the suggestion of the team that gave a case back, once; else, or the second time, people decide."""
    doubt = _doubt(returned, directory)
    event: RoutingDecided | RoutingTriageNeeded
    if doubt or returned.suggestion is None:
        event = RoutingTriageNeeded(**_common(returned, directory), reason=doubt or "returned")
    else:
        event = _suggested(returned, returned.suggestion, directory)
    return Decision(
        event,
        {
            "sentence": f"{_given_back(returned, directory)}{_next(returned, event, directory)}.",
            "reference": returned.case.reference,
            "returned": returned.model_dump(include={"team", "reason", "suggestion", "times", "rule", "rules_version"}),
        },
    )


def _common(event: CaseRaised | CaseReturned, directory: Directory) -> dict[str, Any]:
    return {
        "at": event.at,
        "lane": event.case.lane,
        "service": event.case.service,
        "ward": event.case.ward,
        "rules_version": directory.council.version,
        "council_version": directory.number,
    }


def _doubt(returned: CaseReturned, directory: Directory) -> TriageReason | None:
    """Say why a suggestion is not followed, if there is one."""
    today = directory.calendar.local_date(returned.at)
    if returned.times > 1:
        return "returned-twice"
    useful = returned.suggestion not in {None, returned.team}
    return None if useful and answers_on(returned.suggestion or "", today, directory) else "returned"


def _suggested(returned: CaseReturned, suggestion: str, directory: Directory) -> RoutingDecided:
    """Give the case to the team that was named; a danger outside office hours to whoever is on duty for it."""
    turn = turn_for(suggestion, returned.at, directory) if returned.case.lane == "urgent" else None
    if turn and turn.team == returned.team:
        turn = None  # the suggestion would lead back
    return RoutingDecided(
        **_common(returned, directory),
        team=turn.team if turn else suggestion,
        rule=SUGGESTED,
        reason="suggested",
        duty=turn.officer if turn else None,
    )


def _given_back(returned: CaseReturned, directory: Directory) -> str:
    """`Highways Response gave it back ("The place lies in another team's area")`."""
    today = directory.calendar.local_date(returned.at)
    reason = directory.reason("return", returned.reason, today)
    label = f'"{reason.label}"' if reason else returned.reason
    return f"{team_name(returned.team, directory)} gave it back ({label})"


def _next(returned: CaseReturned, event: RoutingDecided | RoutingTriageNeeded, directory: Directory) -> str:
    """Say what follows from the return."""
    named = team_name(returned.suggestion, directory) if returned.suggestion else "nobody"
    if isinstance(event, RoutingDecided):
        on_duty = f"; outside office hours {event.duty} is on duty for it" if event.duty else ""
        return f" and named {named}: {team_name(event.team, directory)} gets it{on_duty}"
    if event.reason == "returned-twice":
        return f", and it has come back {returned.times} times: {people_decide(directory)}"
    cannot = ", which cannot have it" if returned.suggestion else ""
    return f" and named {named}{cannot}: {people_decide(directory)}"
