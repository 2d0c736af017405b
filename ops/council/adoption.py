"""How far each feature is used: who has it today, who of them has raised a case under it, and what was done with it.

Counted by the database; of a case only ids, codes and counts are read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from pymongo import AsyncMongoClient
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ops.connections import Databases
from shared.council import Directory
from shared.events import (
    CaseAutocloseExtended,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseOwnerChanged,
)
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.store import Database
from shared.plumbing.versions import council_of, in_force, published_versions


class Trace(NamedTuple):
    """What a command leaves in the history of a case."""

    type: str
    reason: str | None = None
    """Where several things leave the same fact: the reason it gives."""


TRACES: Mapping[str, Trace] = MappingProxyType(
    {
        "accept": Trace(CaseClosed.type, "accepted"),
        "extend-auto-close": Trace(CaseAutocloseExtended.type),
        "add-cc": Trace(CaseCcAdded.type),
        "remove-cc": Trace(CaseCcRemoved.type),
        "take-over": Trace(CaseOwnerChanged.type, "taken-over"),
    }
)
"""Every command that a feature may switch; a test compares."""

_WITH_FEATURES: Mapping[str, Any] = MappingProxyType({"$match": {"state.features.0": {"$exists": True}}})


class NothingInForce(RuntimeError):
    """No version of the council is in force, so nobody has a feature."""


class Adoption(BaseModel):
    """How far one feature is used."""

    model_config = ConfigDict(frozen=True)

    feature: str
    name: str
    """That of the council in force; the code, where that council no longer has it."""
    members: int
    """Serving councillors who have it today."""
    using: int
    """Those of them who have raised a case under it."""
    cases: int
    """Cases raised under it, by whomever."""
    commands: Mapping[str, int]
    """How often each of its commands was given on these cases."""


async def adoption(databases: Databases) -> list[Adoption]:
    """Say of every feature how far it is used, in the order of the council's file.

    Raises:
        NothingInForce: there is no council to ask who has it.
        RecordBroken: the versions of the council have been changed by hand.
        PyMongoError: the database is away, or the login may not read it.
    """
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        databases.url, tz_aware=True, appname="casework-adoption", serverSelectionTimeoutMS=3_000
    )
    async with client:
        council = open_database(client, databases.name("council"))
        cases = open_database(client, databases.name("intake"))
        now = await MovableClock(council).now()
        version = in_force(await published_versions(council), now)
        if version is None:
            raise NothingInForce("no version of the council is in force: publish one first")
        directory = Directory(await council_of(council, version.number), version.number)
        raisers, given = await _raisers(cases), await _given(cases)
    today = directory.calendar.local_date(now)
    features = {each.code: each for each in directory.council.features}
    cohorts = {
        code: frozenset(
            each.id
            for each in directory.council.councillors
            if directory.serving(each.id, today) and code in directory.features_of(each.id, today)
        )
        for code in features
    }
    return [
        Adoption(
            feature=code,
            name=features[code].name if code in features else code,
            members=len(cohorts.get(code, ())),
            using=len(cohorts.get(code, frozenset()) & raisers.get(code, Counter()).keys()),
            cases=raisers.get(code, Counter()).total(),
            commands={
                name: given[code, TRACES[name]]
                for name in (features[code].commands if code in features else ())
                if name in TRACES
            },
        )
        for code in (*features, *sorted(raisers.keys() - features.keys()))
    ]


async def _raisers(cases: Database) -> dict[str, Counter[str]]:
    """Count the cases under each feature by whoever raised them: the feature was that person's."""
    pipeline: list[Mapping[str, Any]] = [
        _WITH_FEATURES,
        {"$project": {"feature": "$state.features", "raiser": {"$first": "$history.actor"}}},
        {"$unwind": "$feature"},
        {"$group": {"_id": {"feature": "$feature", "raiser": "$raiser"}, "cases": {"$sum": 1}}},
    ]
    found: dict[str, Counter[str]] = {}
    async for each in await cases["cases"].aggregate(pipeline):
        found.setdefault(each["_id"]["feature"], Counter())[each["_id"]["raiser"]] = each["cases"]
    return found


async def _given(cases: Database) -> Counter[tuple[str, Trace]]:
    """Count, under each feature, what people did: what intake did by itself is no command."""
    left = {"type": "$history.type", "reason": "$history.data.reason"}
    pipeline: list[Mapping[str, Any]] = [
        _WITH_FEATURES,
        {"$project": {"feature": "$state.features", "history.type": 1, "history.actor": 1, "history.data.reason": 1}},
        {"$unwind": "$history"},
        {
            "$match": {
                "history.type": {"$in": [each.type for each in TRACES.values()]},
                "history.actor": {"$ne": "system"},
            }
        },
        {"$unwind": "$feature"},
        {"$group": {"_id": {"feature": "$feature", **left}, "times": {"$sum": 1}}},
    ]
    found: Counter[tuple[str, Trace]] = Counter()
    by_reason = {trace.type for trace in TRACES.values() if trace.reason}
    async for each in await cases["cases"].aggregate(pipeline):
        kind, reason = each["_id"]["type"], each["_id"].get("reason")
        found[each["_id"]["feature"], Trace(kind, reason if kind in by_reason else None)] += each["times"]
    return found


def render(found: Sequence[Adoption]) -> RenderableType:
    """Show it to a person."""
    table = Table("feature", box=None)
    for column in ("members", "using it", "cases"):
        table.add_column(column, justify="right")
    table.add_column("commands given")
    for each in found:
        given = ", ".join(f"{name} {times}" for name, times in each.commands.items())
        table.add_row(
            Text(f"{each.name} ({each.feature})"), str(each.members), str(each.using), str(each.cases), Text(given)
        )
    return table
