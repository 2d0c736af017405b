"""A system with a published council and decisions of routing, as its commands find it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, get_args

from pymongo import AsyncMongoClient
from typer.testing import Result

from ops.connections import Databases
from services.routing.adapters import LEDGER
from services.routing.domain import Decision, route
from shared.calendar import LONDON
from shared.commands import case_id_for, reference_for
from shared.council import Directory, Impact
from shared.council.table import Question, is_urgent
from shared.events import CaseRaised, CaseState
from shared.plumbing.handling import Noted
from shared.plumbing.history import Cause, Document, create
from shared.plumbing.store import Store

SAMPLE = Path(__file__).parents[3] / "council"
Run = Callable[..., Result]


class Kept(NamedTuple):
    """A decision and the case it is about."""

    reference: str
    decision: Decision


async def keep(databases: Databases, decisions: Iterable[Kept], name: str = "event") -> None:
    """Keep decisions as routing's lane does."""
    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        store = Store(client[databases.name("routing")], [LEDGER])
        await store.prepare()
        writes = [
            create(
                LEDGER.name,
                f"{name}-{number}",
                case_id_for(kept.reference),
                Noted(*kept.decision),
                Cause(f"{name}-{number}", "story"),
            )
            for number, kept in enumerate(decisions)
        ]
        for first in range(0, len(writes), 5_000):
            assert all(await store.write(writes[first : first + 5_000]))


def case(directory: Directory, number: int, **more: Any) -> CaseRaised:
    """Raise a case in the sample council."""
    given: dict[str, Any] = {
        "service": "pothole",
        "ward": "oldbury",
        "flags": (),
        "impact": "routine",
        "capacity": "ward",
        "at": datetime(2026, 11, 2, 10, 0, tzinfo=UTC),
    } | more
    at: datetime = given.pop("at")
    flags: tuple[str, ...] = given.pop("flags")
    on = at.astimezone(LONDON).date()
    question = Question(given["service"], given["ward"], on, frozenset(flags), given["impact"])
    reference = reference_for(directory.council.code, "cllr-001", str(number))
    return CaseRaised(
        at=at,
        raised_on=on,
        flags=flags,
        case=CaseState(
            id=case_id_for(reference),
            reference=reference,
            kind="report",
            state="raised",
            owner="cllr-001",
            lane="urgent" if is_urgent(question, directory) else "normal",
            **given,
        ),
    )


def cases(directory: Directory, number: int, days: int, until: datetime, seed: int = 1) -> Iterable[CaseRaised]:
    """Raise cases of all services, wards and flags over so many days."""
    chance = Random(seed)  # noqa: S311  repeatable, not secret
    services = [service for service in directory.council.services if service.kind != "signpost"]
    wards = [ward.code for ward in directory.council.wards]
    impacts: Sequence[Impact] = get_args(Impact)
    for each in range(number):
        service = chance.choice(services)
        yield case(
            directory,
            each,
            service=service.code,
            ward=chance.choice(wards),
            flags=tuple(flag.code for flag in service.flags if chance.random() < 0.2),
            impact=chance.choices(impacts, [80, 15, 2, 3])[0],
            capacity="cabinet" if chance.random() < 0.2 else "ward",
            at=until - timedelta(seconds=chance.randrange(days * 86_400)),
        )


def decided(directory: Directory, raised: Iterable[CaseRaised]) -> list[Kept]:
    """Decide about cases as routing does."""
    return [Kept(each.case.reference, route(each, directory)) for each in raised]


def at_noon(on: date) -> datetime:
    return datetime.combine(on, time(12), LONDON).astimezone(UTC)
