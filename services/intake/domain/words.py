"""What intake says to people: one plain sentence per state and per refusal.

No code stands alone, nothing is quoted from what was sent, and nothing here knows a constituent.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType

from services.intake.domain.case import Case, lead_is_done, open_parts
from services.intake.domain.clocks import present_close
from shared.council import Directory
from shared.events import Capacity, State

WHO_MAY: Mapping[str, str] = MappingProxyType(
    {
        "raise": "Only a serving councillor can raise a case.",
        "acknowledge": "Only an officer of the team that has the case can acknowledge it.",
        "add-progress": "Only an officer of a team that works on the case can report progress.",
        "commit": "Only an officer of the team that has the case can promise a date.",
        "answer": "Only an officer of the team that has the case can answer it.",
        "complete": "Only an officer of the team that has the report can complete it.",
        "return": "Only an officer of the team that has the case can give it back.",
        "assign": "Only Democratic Services, or a manager within the department, can give the case to a team.",
        "open-task": "Only an officer of the team that has the case, or Democratic Services, can ask another team.",
        "answer-task": "Only an officer of a team that has a part of the case can say that the part is done.",
        "accept": "Only the councillor who has the case can accept the response.",
        "extend-auto-close": "Only the councillor who has the case can keep it open for longer.",
        "add-cc": "Only the councillor who has the case can cc a colleague.",
        "remove-cc": "Only the councillor who has the case, or the colleague, can end a cc.",
        "take-over": "Only a councillor to whom the case was offered can take it over.",
        "transfer-owner": "Only Democratic Services can give the case to another councillor.",
    }
)

WHO_MAY_OWN: Mapping[Capacity, str] = MappingProxyType(
    {
        "ward": "Only a councillor who holds a seat today can have the case.",
        "cabinet": "Only the councillor who holds the portfolio of the case today can have it.",
    }
)

WHEN: Mapping[str, str] = MappingProxyType(
    {
        "acknowledge": "A case is acknowledged once, after it has come to the team.",
        "add-progress": "Progress is reported while the case is open.",
        "commit": "A date is promised while the team works on the case.",
        "answer": "A case is answered after it has been acknowledged, and once.",
        "complete": "A report is completed after it has been acknowledged, and once.",
        "return": "A case is given back before anything has been promised or answered.",
        "assign": "A case is given to a team while it is open.",
        "open-task": "Another team is asked while the case is being worked on.",
        "answer-task": "A part is done while the case is being worked on.",
        "accept": "A response is accepted when there is one.",
        "extend-auto-close": "Auto-close is extended after a promise, an answer or a completion.",
        "add-cc": "Colleagues are cc'd until the case is anonymised.",
        "remove-cc": "A cc is ended until the case is anonymised.",
        "take-over": "A case is taken over while it is open.",
        "transfer-owner": "A case is given to another councillor while it is open.",
    }
)

NOT_SWITCHED_ON = "The council has not switched this on for the councillor who raised the case, so it does without."

WRONG_KIND: Mapping[str, str] = MappingProxyType(
    {
        "answer": "This is a report: it is not answered but completed, with `complete`.",
        "complete": "This is a case: it is not completed but answered, with `answer`.",
    }
)

IT_IS: Mapping[State, str] = MappingProxyType(
    {
        "raised": "This one has not been routed to a team yet: wait for the routing.",
        "triage": "This one is with Democratic Services, who choose the team.",
        "with_team": "This one has not been acknowledged yet.",
        "in_progress": "This one has been acknowledged and is being worked on.",
        "information_requested": "This one waits for information from the councillor.",
        "committed": "This one has a promised date.",
        "answered": "This one has its final response.",
        "escalated": "This one has been escalated.",
        "completed": "This one has been completed.",
        "closed": "This one is closed.",
        "anonymised": "This one has been anonymised.",
    }
)


def day(on: date) -> str:
    """Write a date as people say it."""
    return f"{on:%A} {on.day} {on:%B %Y}"


def you_may(commands: Iterable[str]) -> str:
    """Say what a person may do instead."""
    names = ", ".join(commands)
    return f"You may now: {names}." if names else "There is nothing for you to do on it now."


def named(pairs: Iterable[tuple[str, str]]) -> str:
    """List ids with the names they stand for."""
    return ", ".join(f"{name} ({code})" for code, name in sorted(pairs, key=lambda pair: pair[1])) or "none"


def teams(ids: Iterable[str], directory: Directory) -> str:
    """Name teams, those of a former day by their id."""
    found = ((each, directory.team(each)) for each in ids)
    return ", ".join(team.name if team else each for each, team in found)


RESIDENT_HIDDEN = (
    "Who the resident is stays hidden from you until the resident agrees that you go on: tell Democratic Services when "
    "you have been told so, by the team or by the councillor before you."
)

OFFERED_TO_YOU = "It is offered to you: you may take it over."
SHOWN_THEN = "What was written is shown to you then."


def sentence(case: Case, directory: Directory, *, ownerless: bool = False) -> str:
    """Say where the case is, who has it and what happens next; `ownerless`: its councillor can no longer act."""
    public, parts = case.public, _parts(case, directory, ownerless=ownerless)
    said = _SENTENCES[public.state].format_map(parts)
    if public.state == "raised" and case.returned:
        said = _BETWEEN_TEAMS.format(team=teams([case.returned.team], directory))
    waiting = teams((task.team for task in open_parts(public)), directory)
    if waiting and lead_is_done(public):
        said = _LEAD_IS_DONE.format_map(parts)
    if waiting:
        said = f"{said} Parts of it are with other teams: {waiting}."
    if ownerless:
        said = f"{said} {_without_owner(case)}"
    return said[0].upper() + said[1:]


def _without_owner(case: Case) -> str:
    if case.offered is None:
        return "Its councillor can no longer act on it."
    if not case.offered.to:
        return "Its councillor can no longer act on it: Democratic Services must find one who takes it over."
    return "Its councillor can no longer act on it: colleagues have been asked to take it over."


def routed_by(case: Case, directory: Directory) -> str | None:
    """Say why the case came to its team, or to triage."""
    routing = case.routing
    if routing is None:
        return "People gave it to this team; no rule did." if case.public.team else None
    why = _ROUTED_BECAUSE.get(routing.reason, routing.reason.replace("-", " ").replace("_", " "))
    if routing.rule is None:
        return f"Under version {routing.version} of the council's rules, people choose the team: {why}."
    said = f"Routed by rule {routing.rule}, version {routing.version} of the council's rules: {why}."
    if routing.duty is None:
        return said
    officer = directory.officer(routing.duty)
    return f"{said} Outside office hours the duty rota decides: {officer.name if officer else routing.duty} is on duty."


_BETWEEN_TEAMS = "{team} has given it back as not theirs, and the council is finding the team that answers for it."
_LEAD_IS_DONE = "{team} has done its own part; it is {finished} when the others have done theirs{answer}."

_ROUTED_BECAUSE: Mapping[str, str] = MappingProxyType(
    {
        "flag-rule": "what was ticked or declared decides",
        "ward-rule": "the ward decides",
        "town-rule": "the town decides",
        "capacity-rule": "it is business of this capacity",
        "service-rule": "this team answers for the service",
        "suggested": "the team that had it before named this one",
        "unknown-service": "they do not know the service",
        "unknown-ward": "they do not know the ward",
        "triage-service": "the service is one that people look at first",
        "no-rule": "no rule names a team for it",
        "several-rules": "several rules name different teams",
        "unknown-team": "the rule names a team that there is not",
        "returned": "a team gave it back and named no other",
        "returned-twice": "it has been given back twice",
    }
)

_SENTENCES: Mapping[State, str] = MappingProxyType(
    {
        "raised": "The council has it and is finding the team that answers for it; you need do nothing.",
        "triage": "It is with {team}, who choose the team that answers for it{acknowledge}.",
        "with_team": "It is with {team}, who should take it on{acknowledge} and {finish} it{answer}.",
        "in_progress": "{team} is working on it and should {finish} it{answer}.",
        "information_requested": "{team} needs information from the councillor before it can go on.",
        "committed": "{team} has promised it{commitment}; it stays open until it is {finished}.",
        "answered": "{team} has answered. The councillor can accept the response or keep the case open; {close}.",
        "escalated": "It has been escalated to level {level} and is with {team}, who should answer{answer}.",
        "completed": "{team} says the job is done. The councillor can accept that or keep the report open; {close}.",
        "closed": "It is closed: {why}.",
        "anonymised": "It is closed, and everything personal has been removed from it.",
    }
)

_OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "resolved": "it was resolved",
        "partly": "it was resolved in part",
        "explained": "it was explained",
        "not-council": "it is not for the council",
        "commitment-kept": "the promise was kept",
        "withdrawn": "it was withdrawn",
        "duplicate": "it had been raised before",
    }
)


def _parts(case: Case, directory: Directory, *, ownerless: bool) -> Mapping[str, str]:
    public = case.public
    team = directory.team(public.team) if public.team else None
    is_case = public.kind == "case"
    by = {kind: _by(case, kind, directory) for kind in ("acknowledge", "answer", "commitment")}
    return by | {
        "team": team.name if team else "the team that answers for it",
        "finish": "answer" if is_case else "complete",
        "finished": "answered" if is_case else "completed",
        "level": str(public.level),
        "close": _close(case, directory, ownerless=ownerless),
        "why": _why(case),
    }


def _by(case: Case, kind: str, directory: Directory) -> str:
    clock = next((clock for clock in case.public.clocks if clock.kind == kind), None)
    return f" by {day(directory.calendar.local_date(clock.due))}" if clock else ""


def _close(case: Case, directory: Directory, *, ownerless: bool) -> str:
    closing = present_close(case, directory) if case.public.clock("autoclose") and not ownerless else None
    return f"otherwise it closes by itself on {day(closing)}" if closing else "it does not close by itself"


def _why(case: Case) -> str:
    if case.close_reason == "auto":
        return "nobody objected in the time there was, so it closed by itself"
    return f"the councillor accepted, and {_OUTCOMES.get(case.outcome or '', 'it is settled')}"
