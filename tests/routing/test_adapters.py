"""Decisions are counted where they are kept: exactly, after a restart as before, and without reading the documents."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from services.routing.adapters import LEDGER, MongoLedger, PrometheusBoard
from services.routing.domain import Tally, reroute, route
from services.routing.ports import DECISIONS, LedgerAway
from shared.council import RoutingRule
from shared.events import CaseReturned
from shared.plumbing.handling import Noted
from shared.plumbing.history import Cause, Document, create
from shared.plumbing.store import Store
from tests.routing.fakes import AT, directory, raised, returned

RULES = [
    RoutingRule(id="lamps", service="lamps", team="red"),
    RoutingRule(id="ponds", service="ponds", team="blue"),
]
OLD, NEW = directory(RULES, version="6"), directory(RULES, version="7")
LONG_AGO = AT - timedelta(days=365)


@pytest.fixture
async def store(database: AsyncDatabase[Document]) -> Store:
    store = Store(database, [LEDGER])
    await store.prepare()
    return store


async def keep(store: Store, *decisions: tuple[Any, Any]) -> None:
    """Keep decisions as the lane does."""
    before = await store.durable[DECISIONS].count_documents({})
    await store.write(
        [
            create(DECISIONS, f"event-{number}", f"case-{number}", Noted(*decision), Cause(f"event-{number}", "story"))
            for number, decision in enumerate(decisions, before)
        ]
    )


def given_back(**more: Any) -> tuple[Any, Any]:
    event: CaseReturned = returned("green", **more)
    return reroute(event, NEW)


async def test_routed_and_returned_are_counted_by_service_and_version_of_the_rules(store: Store) -> None:
    await keep(
        store,
        *(route(raised(), NEW) for _ in range(4)),
        *(route(raised(service="ponds"), NEW) for _ in range(2)),
        route(raised(), OLD),
        route(raised(service="anything-else"), NEW),
        given_back(rule="lamps", rules_version="7"),
        given_back(rule="lamps", rules_version="6"),
        given_back(rule="suggested", rules_version="7", times=2),
        given_back(rule=None, rules_version=None),
    )

    tallies = await MongoLedger(store).tallies(LONG_AGO)

    assert tallies == [Tally("lamps", "6", 1, 1), Tally("lamps", "7", 4, 1), Tally("ponds", "7", 2, 0)]


async def test_decisions_of_before_there_were_notes_are_counted_too(store: Store) -> None:
    await store.write([create(DECISIONS, "event", "case", route(raised(), NEW).event, Cause("event", "story"))])

    assert await MongoLedger(store).tallies(LONG_AGO) == [Tally("lamps", "7", 1, 0)]


async def test_a_version_under_which_nothing_is_decided_any_more_is_counted_no_more(store: Store) -> None:
    await keep(store, route(raised(at=LONG_AGO), OLD), route(raised(service="ponds", at=LONG_AGO), NEW))
    await keep(store, route(raised(), NEW))

    tallies = await MongoLedger(store).tallies(AT - timedelta(days=90))

    assert tallies == [Tally("lamps", "7", 1, 0), Tally("ponds", "7", 1, 0)]


def plan_of(explained: Any) -> dict[str, Any]:
    """Find the statistics of the scan in what `explain` says of an aggregation."""
    stats: dict[str, Any] = explained.get("stages", [{"$cursor": explained}])[0]["$cursor"]["executionStats"]
    return stats


async def test_routed_cases_are_counted_in_the_index_alone(
    store: Store, database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store, *(route(raised(), NEW) for _ in range(20)), given_back())
    asked: list[Any] = []
    ledger = MongoLedger(store)
    aggregate: Callable[..., Any] = ledger._decisions.aggregate

    async def listen(pipeline: Any) -> Any:
        asked.append(pipeline)
        return await aggregate(pipeline)

    monkeypatch.setattr(ledger._decisions, "aggregate", listen)
    await ledger.tallies(LONG_AGO)
    routed, back = [
        plan_of(
            await database.command(
                "explain",
                {"aggregate": DECISIONS, "pipeline": pipeline, "cursor": {}},
                verbosity="executionStats",
            )
        )
        for pipeline in asked
    ]

    assert (routed["totalKeysExamined"] >= 20, routed["totalDocsExamined"]) == (True, 0)
    assert back["totalDocsExamined"] == 1


async def test_what_cannot_be_counted_is_said_by_its_type(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = MongoLedger(store)

    async def refuse(_: Any) -> Any:
        raise OperationFailure("a text that quotes documents")

    monkeypatch.setattr(ledger._decisions, "aggregate", refuse)

    with pytest.raises(LedgerAway, match=r"^OperationFailure$"):
        await ledger.tallies(LONG_AGO)


def test_the_board_shows_the_counts_as_they_are_and_forgets_what_is_no_longer_counted() -> None:
    registry = CollectorRegistry()
    board = PrometheusBoard(registry)

    board.show([Tally("lamps", "6", 2, 0), Tally("lamps", "7", 4, 1)])
    first = generate_latest(registry).decode()
    board.show([Tally("lamps", "7", 5, 1)])
    second = generate_latest(registry).decode()

    assert 'casework_routing_accuracy{rules_version="7",service="lamps"} 0.75\n' in first
    assert 'casework_routing_routed_total{rules_version="7",service="lamps"} 4.0\n' in first
    assert 'casework_routing_returned_total{rules_version="7",service="lamps"} 1.0\n' in first
    assert 'casework_routing_accuracy{rules_version="7",service="lamps"} 0.8\n' in second
    assert 'rules_version="6"' in first
    assert 'rules_version="6"' not in second
