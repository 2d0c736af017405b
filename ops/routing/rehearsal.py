"""Rehearses a rule table: asks it what was decided already, and counts what would have gone elsewhere.

The one rule: a decision is replayed from what it stored and nothing else. What did not store its inputs is counted as
not replayed; what was decided about a case that had been given back is no question to a table, and is left out.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from ops.routing.explaining import DECISIONS
from shared.calendar import LONDON
from shared.council import Directory, RoutingRule
from shared.council.table import Found, Outcome, Question, by_rules, is_urgent, on_duty, turning_points
from shared.plumbing.history import Document
from shared.plumbing.store import Database

BATCH = 2_000
LISTED = 20
"""Cases that are listed one by one unless more are asked for."""
PROJECTION: Mapping[str, int] = {
    "_id": 0,
    "subject": 1,
    **{f"state.{name}": 1 for name in ("service", "ward", "team", "also", "inputs")},
    "notes.reference": 1,
    "notes.returned.times": 1,
}

Tell = Callable[[int], None]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Move(_Frozen):
    """Cases that would go from one team to another; None stands for people, who decide what no rule does."""

    before: str | None
    after: str | None
    cases: int


class TeamCount(_Frozen):
    """How many cases a team got, and how many it would have got."""

    team: str | None
    before: int
    after: int


class ServiceCount(_Frozen):
    """How many cases of a service would have gone elsewhere."""

    service: str
    cases: int
    moved: int


class MovedCase(_Frozen):
    """One case that would have gone elsewhere."""

    reference: str
    """The case's id where the decision is older than kept references."""
    service: str
    ward: str
    before: str | None
    after: str | None


class Rehearsal(_Frozen):
    """What would have been otherwise."""

    since: datetime
    until: datetime
    rules_version: str
    on: date | None
    """The day all cases were taken to be raised on; None: each on its own."""
    decisions: int
    replayed: int
    without_inputs: int
    """Not replayed: taken before decisions kept their inputs."""
    about_returns: int
    """Left out: decisions about cases that had been given back."""
    moved: int
    to_people: int
    from_people: int
    other_parts: int
    """Cases that stay, of which other teams would get other parts."""
    moves: tuple[Move, ...]
    """The most cases first."""
    teams: tuple[TeamCount, ...]
    services: tuple[ServiceCount, ...]
    """Only those of which something moves, the most first."""
    cases: tuple[MovedCase, ...]
    """The first that would move, by time."""
    not_asked: tuple[str, ...]
    """Rules that begin only after the last day that was replayed: they could move nothing."""


class _Answer(NamedTuple):
    """What the rules say to one set of inputs, on any day between two turning points."""

    outcome: Outcome
    urgent: bool
    team: str | None
    also: list[dict[str, Any]]


class Replay:
    """Asks a table again and again, and works out equal questions once."""

    def __init__(self, directory: Directory, on: date | None = None) -> None:
        """Take the table; `on` puts every case on one day."""
        self._directory, self._on = directory, on
        self._points = turning_points(directory.council)
        self._spans: dict[str, tuple[int, date]] = {}
        self._known: dict[tuple[Any, ...], _Answer] = {}

    def answer(self, state: Mapping[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
        """Say which team a stored decision would name now, None for people, and who would get parts."""
        inputs = state["inputs"]
        span, day = self._span(inputs["on"])
        key = (state["service"], state["ward"], *inputs["flags"], inputs["impact"], inputs["capacity"], span)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ask(state, day)
        if known.urgent and isinstance(known.outcome, Found):
            found = on_duty(known.outcome, inputs["raised_at"], self._directory)
            return found.team, _also(found)
        return known.team, known.also

    def _span(self, on: str) -> tuple[int, date]:
        found = self._spans.get(on)
        if found is None:
            day = self._on or date.fromisoformat(on)
            found = self._spans[on] = (bisect_right(self._points, day), day)
        return found

    def _ask(self, state: Mapping[str, Any], day: date) -> _Answer:
        inputs = state["inputs"]
        question = Question(
            service=state["service"],
            ward=state["ward"],
            on=day,
            flags=frozenset(inputs["flags"]),
            impact=inputs["impact"],
            capacity=inputs["capacity"],
        )
        outcome = by_rules(question, self._directory)
        found = outcome if isinstance(outcome, Found) else None
        also = _also(found) if found else []
        return _Answer(outcome, is_urgent(question, self._directory), found.team if found else None, also)


def _also(found: Found) -> list[dict[str, Any]]:
    """Write parts as a decision keeps them."""
    return [part.model_dump() for part in found.also]


class _Tally:
    """Counts while decisions stream by."""

    def __init__(self, replay: Replay, listed: int) -> None:
        self._replay, self._listed = replay, listed
        self.ways: Counter[tuple[str | None, str | None, str]] = Counter()
        self.without_inputs = self.about_returns = self.other_parts = 0
        self.cases: list[MovedCase] = []
        self.last_day = ""

    def take(self, documents: Sequence[Document]) -> None:
        """Replay some."""
        answer, ways = self._replay.answer, self.ways
        for document in documents:
            state, notes = document["state"], document.get("notes", {})
            if "returned" in notes:
                self.about_returns += 1
                continue
            inputs = state.get("inputs")
            if inputs is None:
                self.without_inputs += 1
                continue
            before = state.get("team")
            after, also = answer(state)
            ways[before, after, state["service"]] += 1
            self.last_day = max(self.last_day, inputs["on"])
            if before != after:
                if len(self.cases) < self._listed:
                    self.cases.append(_moved(document, before, after))
            elif also != state.get("also", []):
                self.other_parts += 1


def _moved(document: Document, before: str | None, after: str | None) -> MovedCase:
    state = document["state"]
    reference = document.get("notes", {}).get("reference", document["subject"])
    return MovedCase(reference=reference, service=state["service"], ward=state["ward"], before=before, after=after)


async def count(database: Database, since: datetime, until: datetime) -> int:
    """Count the decisions of a period."""
    return await database[DECISIONS].count_documents(_of(since, until))


async def rehearse(  # noqa: PLR0913  what is replayed, under what, and who hears of it
    database: Database,
    directory: Directory,
    since: datetime,
    until: datetime,
    *,
    on: date | None = None,
    listed: int = LISTED,
    tell: Tell = lambda _: None,
) -> Rehearsal:
    """Replay the decisions of a period, in the order in which they were taken.

    Args:
        database: routing's.
        directory: the council with the new table.
        since: business time of the first.
        until: business time of the last.
        on: a day on which all cases are taken to be raised, for rules that begin later.
        listed: how many moved cases to list.
        tell: hears how many more have been replayed.
    """
    tally = _Tally(Replay(directory, on), listed)
    cursor = database[DECISIONS].find(_of(since, until), PROJECTION, sort=[("state.at", 1)], batch_size=BATCH)
    async with cursor:
        while documents := await cursor.to_list(BATCH):
            tally.take(documents)
            tell(len(documents))
    last_day = on or (date.fromisoformat(tally.last_day) if tally.last_day else until.astimezone(LONDON).date())
    moves, teams, services = _sums(tally.ways)
    return Rehearsal(
        since=since,
        until=until,
        rules_version=directory.council.version,
        on=on,
        decisions=tally.ways.total() + tally.without_inputs + tally.about_returns,
        replayed=tally.ways.total(),
        without_inputs=tally.without_inputs,
        about_returns=tally.about_returns,
        moved=sum(move.cases for move in moves),
        to_people=sum(move.cases for move in moves if move.after is None),
        from_people=sum(move.cases for move in moves if move.before is None),
        other_parts=tally.other_parts,
        moves=moves,
        teams=teams,
        services=services,
        cases=tuple(tally.cases),
        not_asked=tuple(rule.id for rule in directory.council.rules if _begins_after(rule, last_day)),
    )


def _of(since: datetime, until: datetime) -> dict[str, Any]:
    return {"state.at": {"$gte": since, "$lte": until}}


def _begins_after(rule: RoutingRule, day: date) -> bool:
    return rule.valid_from is not None and rule.valid_from > day


def _sums(
    ways: Counter[tuple[str | None, str | None, str]],
) -> tuple[tuple[Move, ...], tuple[TeamCount, ...], tuple[ServiceCount, ...]]:
    moves: Counter[tuple[str | None, str | None]] = Counter()
    had: Counter[str | None] = Counter()
    would_have: Counter[str | None] = Counter()
    services: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for (before, after, service), cases in ways.items():
        had[before] += cases
        would_have[after] += cases
        services[service] += cases
        if before != after:
            moves[before, after] += cases
            moved[service] += cases
    return (
        tuple(
            Move(before=before, after=after, cases=cases)
            for (before, after), cases in sorted(moves.items(), key=lambda item: (-item[1], str(item[0])))
        ),
        tuple(
            TeamCount(team=team, before=had[team], after=would_have[team])
            for team in sorted({*had, *would_have}, key=lambda team: (team is None, team or ""))
        ),
        tuple(
            ServiceCount(service=service, cases=services[service], moved=cases)
            for service, cases in sorted(moved.items(), key=lambda item: (-item[1], item[0]))
        ),
    )
