"""`casework routing accuracy`: the decisions of a period and what has become of them, as the service counts them."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from pymongo import AsyncMongoClient

from ops.connections import Databases
from ops.routing.accuracy import accuracy
from services.routing.adapters import LEDGER, MongoLedger
from services.routing.domain import reroute, route
from shared.council import Directory, load_bundle
from shared.events import CaseReturned
from shared.plumbing.clients import open_database
from shared.plumbing.clock import real_now
from shared.plumbing.history import Document
from shared.plumbing.store import Store
from tests.ops.routing.systems import SAMPLE, Kept, Run, case, keep

pytestmark = pytest.mark.mongo

DIRECTORY = Directory(load_bundle(SAMPLE), 4)
OTHER = Directory(DIRECTORY.council.model_copy(update={"version": "2026.2"}), 5)
NOW = real_now()


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def routed(number: int, days: float, directory: Directory = DIRECTORY, service: str = "noise") -> Kept:
    raised = case(directory, number, service=service, at=days_ago(days))
    return Kept(raised.case.reference, route(raised, directory))


def returned(number: int, days: float, *, times: int = 1, rule: str | None = "noise", version: str = "2026.1") -> Kept:
    raised = case(DIRECTORY, number, service="noise")
    back = CaseReturned(
        at=days_ago(days),
        case=raised.case,
        team="environmental-protection",
        reason="other-team",
        times=times,
        rule=rule,
        rules_version=version if rule else None,
    )
    return Kept(raised.case.reference, reroute(back, DIRECTORY))


STORY = [
    *(routed(number, 10) for number in range(8)),
    returned(0, 9),
    returned(1, 8),
    returned(0, 7, times=2, rule="suggested"),
    returned(2, 7, rule=None),  # it had come by hand
    *(routed(number, 5, OTHER) for number in (20, 21)),
    routed(30, 5, service="pests"),
    routed(31, 5, service="not-sure"),
    routed(40, 100),
    routed(41, 100),
    returned(40, 10),  # of before the period, though given back within it
]


def test_a_return_counts_against_the_decision_it_followed(databases: Databases, run: Run) -> None:
    asyncio.run(keep(databases, STORY))

    found = json.loads(run("accuracy", "--since", "90d", "--json").stdout)
    longer = json.loads(run("accuracy", "--since", "120d", "--json").stdout)

    assert found == [
        {"service": "noise", "rules_version": "2026.1", "routed": 8, "returned": 2, "accuracy": 0.75},
        {"service": "noise", "rules_version": "2026.2", "routed": 2, "returned": 0, "accuracy": 1.0},
        {"service": "pests", "rules_version": "2026.1", "routed": 1, "returned": 0, "accuracy": 1.0},
    ]
    assert longer[0] == {"service": "noise", "rules_version": "2026.1", "routed": 10, "returned": 3, "accuracy": 0.7}


def test_a_person_sees_a_table_with_the_worst_first_and_all_at_the_end(databases: Databases, run: Run) -> None:
    asyncio.run(keep(databases, STORY))

    found = run("accuracy")

    assert [line.split() for line in found.output.splitlines()] == [
        ["service", "rules", "routed", "given", "back", "accuracy"],
        ["noise", "2026.1", "8", "2", "75.0%"],
        ["noise", "2026.2", "2", "0", "100.0%"],
        ["pests", "2026.1", "1", "0", "100.0%"],
        ["all", "11", "2", "81.8%"],
    ]


async def test_the_command_counts_what_the_service_counts(databases: Databases) -> None:
    await keep(databases, STORY)

    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        database = open_database(client, databases.name("routing"))
        found = await accuracy(database, days_ago(36_500))
        tallies = await MongoLedger(Store(database, [LEDGER])).tallies(days_ago(90))

    assert {(each.service, each.rules_version, each.routed, each.returned) for each in found} == set(tallies)


def test_where_nothing_was_routed_there_is_nothing_to_say(databases: Databases, run: Run) -> None:
    found = run("accuracy")

    assert (found.exit_code, found.output) == (0, "no case was routed by a rule in that time\n")
