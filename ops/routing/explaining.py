"""Explains what the rules say: of a case that might be raised, and of one that was.

The one rule: a word the council does not know is refused with the one that was probably meant, never quietly ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from ops.routing.councils import Asked
from shared.council import URGENT_IMPACTS, Directory
from shared.council.catalogue import Capacity, Impact
from shared.council.problems import nearest
from shared.council.table import Found, Outcome, Question, decide, is_urgent
from shared.council.wording import condition, sentence, team_name, why_lost
from shared.plumbing.store import Database

DECISIONS = "decisions"  # services.routing.adapters
_MEANT = "did you mean "  # as shared.council.problems.nearest says it


class UnknownWords(ValueError):
    """The council does not know what it was asked about; one sentence for each word."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Hold the sentences and say them all."""
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Part(_Frozen):
    """A part of the case for another team."""

    team: str
    target: str | None = None


class Ruled(_Frozen):
    """A rule of the service, and what became of it."""

    id: str
    condition: str
    team: str
    decides: bool
    why: str


class Explanation(_Frozen):
    """What the rules say of a case, and why."""

    source: str
    council_version: int
    """0: files that were never published."""
    rules_version: str
    service: str
    ward: str
    town: str | None
    on: date
    at: datetime | None
    """The moment, where the case is urgent and so goes by the duty rota."""
    flags: tuple[str, ...]
    impact: Impact
    capacity: Capacity
    urgent: bool
    sentence: str
    team: str | None
    """None: people decide."""
    rule: str | None
    reason: str
    candidates: tuple[str, ...]
    duty: str | None
    on_duty: str | None
    """The name of the officer on duty."""
    also: tuple[Part, ...]
    rules: tuple[Ruled, ...]
    """Every rule of the service, the narrowest first."""


class Stored(_Frozen):
    """A decision as routing keeps it."""

    at: datetime
    team: str | None
    """None: people decide."""
    rule: str | None
    reason: str
    candidates: tuple[str, ...] = ()
    duty: str | None = None
    also: tuple[Part, ...] = ()
    rules_version: str
    council_version: int = 0
    """0: taken before decisions kept it."""
    inputs: dict[str, Any] | None = None
    """None: taken before decisions kept them, or about a case that was given back."""
    sentence: str | None = None
    returned: dict[str, Any] | None = None
    """Of a decision about a case that was given back: by whom, why, how often."""


def explain(question: Question, asked: Asked) -> Explanation:
    """Ask the rules.

    Raises:
        UnknownWords: the council knows no such service, ward or flag, or does not answer for the service.
    """
    directory = asked.directory
    if problems := list(_unknown(question, directory)):
        raise UnknownWords(problems)
    outcome = decide(question, directory)
    ward, urgent = directory.ward(question.ward), is_urgent(question, directory)
    found = outcome if isinstance(outcome, Found) else None
    duty = found.duty.officer if found and found.duty else None
    officer = directory.officer(duty) if duty else None
    return Explanation(
        source=asked.source,
        council_version=directory.number,
        rules_version=directory.council.version,
        service=question.service,
        ward=question.ward,
        town=ward.town if ward else None,
        on=question.on,
        at=question.at if urgent else None,
        flags=tuple(sorted(question.flags)),
        impact=question.impact,
        capacity=question.capacity,
        urgent=urgent,
        sentence=sentence(question, outcome, directory),
        team=found.team if found else None,
        rule=found.rule.id if found else None,
        reason=outcome.reason,
        candidates=() if isinstance(outcome, Found) else outcome.candidates,
        duty=duty,
        on_duty=officer.full_name if officer else None,
        also=tuple(Part(team=part.team, target=part.target) for part in found.also) if found else (),
        rules=tuple(_ruled(question, outcome, directory)),
    )


async def stored(database: Database, case: str) -> list[Stored]:
    """Read all decisions about a case, in the order in which they were taken."""
    found = database[DECISIONS].find({"subject": case}, sort=[("state.at", 1), ("created", 1)])
    return [_stored(document) async for document in found]


def _stored(document: Mapping[str, Any]) -> Stored:
    state, notes = document["state"], document.get("notes") or {}
    return Stored.model_validate(
        {name: state[name] for name in Stored.model_fields if name in state}
        | {"team": state.get("team"), "rule": state.get("rule")}
        | {name: notes[name] for name in ("sentence", "returned") if name in notes}
    )


def _unknown(question: Question, directory: Directory) -> Iterable[str]:
    council = directory.council
    service = directory.service(question.service)
    if service is None:
        known = {each.code: each.name for each in council.services}
        yield f"there is no service {question.service!r}: {_meant(question.service, known, 'services.yaml')}"
    if directory.ward(question.ward) is None:
        known = {each.code: each.name for each in council.wards}
        yield f"there is no ward {question.ward!r}: {_meant(question.ward, known, 'wards.csv')}"
    if service and service.kind == "signpost":
        yield f"the council does not answer for {service.name}: {service.signpost}"
    flags = [flag.code for flag in service.flags] if service else []
    for flag in sorted(question.flags.difference(flags)) if service else ():
        if flag in URGENT_IMPACTS:
            yield f"{flag!r} is an impact: say --impact {flag}"
        elif flags:
            yield f"service {question.service!r} has no flag {flag!r}: it has {', '.join(flags)}"
        else:
            yield f"service {question.service!r} has no flags"


def _meant(word: str, known: Mapping[str, str], file: str) -> str:
    """Suggest the code that was meant, by codes or by names; where nothing is like it, say where all of them stand."""
    by_code, by_name = nearest(word, known), nearest(word, known.values())
    if by_code.startswith(_MEANT):
        return by_code
    named = (f"{_MEANT}{code!r}" for code, name in known.items() if by_name == f"{_MEANT}{name!r}")
    return next(named, f"{file} lists all {len(known)}")


def _ruled(question: Question, outcome: Outcome, directory: Directory) -> Iterable[Ruled]:
    for each in outcome.considered:
        yield Ruled(
            id=each.rule.id,
            condition=condition(each.rule, directory),
            team=team_name(each.rule.team, directory),
            decides=each.lost is None and isinstance(outcome, Found),
            why=why_lost(each, question, outcome, directory),
        )
