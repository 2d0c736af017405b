"""Another version of the council while people work: who runs which, and whether any case was routed by a mixture."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from ops.connections import Databases
from ops.council.publishing import Order, Outcome, carry_out, propose, propose_rollback
from ops.council.standing import RUNS, WITHIN
from ops.development import SERVICES
from shared.council import Council
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock, real_now
from shared.plumbing.council import REFRESH_EVERY
from shared.plumbing.versions import Published, in_force, published_versions
from tests.faults.city import City, until

ROUTED = ("noise", "fly-tipping")
"""What is raised: ordinary services, each with one rule."""
ELSEWHERE = "housing-repairs"
"""The team that answers for them under the other version."""
TAKES = {"casework.case.routed.v1", "casework.case.triage_needed.v1"}


def with_rules_moved(council: Council, version: str) -> Council:
    """Give the council another team for what is raised, and another name."""
    rules = tuple(
        rule.model_copy(update={"team": ELSEWHERE}) if rule.service in ROUTED else rule for rule in council.rules
    )
    return council.model_copy(update={"rules": rules, "version": version})


def databases(city: City) -> Databases:
    """Say where the council's data lies."""
    return Databases(city.system.mongo_url, city.system.mongo_prefix)


async def put(city: City, council: Council, order: Order) -> Outcome:
    """Publish a council, as the command does."""
    return await carry_out(databases(city), await propose(databases(city), council, order))


async def go_back(city: City, number: int, order: Order) -> Outcome:
    """Publish an old version once more, as the command does."""
    return await carry_out(databases(city), await propose_rollback(databases(city), number, order))


async def versions_of(city: City) -> list[Published]:
    """Read the record."""
    return await published_versions(open_database(city.mongo, databases(city).name("council")))


async def business_now(city: City) -> datetime:
    """Give the business time of the city, whose clock other stories may have moved."""
    return await MovableClock(open_database(city.mongo, databases(city).name("council"))).now()


async def running(city: City) -> Mapping[str, int]:
    """Ask every service which version it runs; one that does not answer is left out."""
    found: dict[str, int] = {}
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
        for name in SERVICES:
            try:
                text = (await client.get(f"{city.system.services[name]}/metrics")).text
            except httpx2.HTTPError:
                continue
            samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
            found[name] = next((int(sample.value) for sample in samples if sample.name == RUNS), 0)
    return found


async def all_run(city: City, number: int, within: float = WITHIN.total_seconds()) -> float:
    """Wait until every service runs a version; give the seconds it took.

    Raises:
        AssertionError: one did not in time.
    """
    began, seen = real_now(), dict[str, int]()

    async def look() -> bool:
        seen.clear()
        seen.update(await running(city))
        return seen == dict.fromkeys(SERVICES, number)

    await until(look, lambda: f"version {number} everywhere; seen: {seen}", within)
    return (real_now() - began).total_seconds()


def switches(city: City, after: Mapping[str, int]) -> Iterator[tuple[str, int, datetime]]:
    """Read from the logs when each service took which version into use, in real time.

    Args:
        city: whose logs.
        after: how many lines of each service's log are old.
    """
    for service in SERVICES:
        for line in city.log_of(service)[after[service] :]:
            if line["event"] == "council data":
                yield service, int(line["number"]), datetime.fromisoformat(line["timestamp"])


def lines_of(city: City) -> dict[str, int]:
    """Count the lines each service has written so far."""
    return {service: len(city.log_of(service)) for service in SERVICES}


def judge_switches(
    taken: Collection[tuple[str, int, datetime]], versions: Sequence[Published], offset: timedelta
) -> list[str]:
    """Want every service to take the version that was in force at that very time, or when it last looked."""
    found = []
    for service, number, at in taken:
        moments = (at + offset, at + offset - timedelta(seconds=REFRESH_EVERY))
        right = {version.number for moment in moments if (version := in_force(versions, moment))}
        if number not in right:
            found.append(f"wrong-version: {service} took {number} at {at.isoformat()}, in force was {right}")
    return found


def judge_decisions(
    decisions: Sequence[Mapping[str, Any]],
    cases: Mapping[str, Mapping[str, Any]],
    councils: Mapping[str, Council],
    numbers: Mapping[int, str],
) -> list[str]:
    """Want of each case one decision, of one version, with the team that this version says, and intake to follow it.

    Args:
        decisions: routing's documents.
        cases: intake's documents by case id.
        councils: by the name of their version.
        numbers: the names of the published versions.
    """
    teams = {
        name: {rule.id: rule.team for rule in council.rules if rule.service in ROUTED}
        for name, council in councils.items()
    }
    by_case: dict[str, list[Mapping[str, Any]]] = {case_id: [] for case_id in cases}
    for document in decisions:
        by_case[document["subject"]] += [entry["data"] for entry in document["history"]]
    found = []
    for case_id, said in by_case.items():
        taken = [entry["data"] for entry in cases[case_id]["history"] if entry["type"] in TAKES]
        if len(said) != 1 or len(taken) != 1:
            found.append(f"not-one-decision: {case_id} has {len(said)}, and intake took {len(taken)}")
            continue
        [decision], [routed] = said, taken
        version, rule, team = decision["rules_version"], decision["rule"], decision["team"]
        if teams.get(version, {}).get(rule) != team:
            found.append(f"mixture: {case_id} went to {team} by rule {rule} of version {version}")
        if (number := decision.get("council_version", 0)) and numbers[number] != version:
            found.append(f"mixture: {case_id} names version {number}, which is {numbers[number]} and not {version}")
        if [routed.get(name) for name in ("rules_version", "rule", "team")] != [version, rule, team]:
            found.append(f"not-followed: {case_id} was decided {version}/{rule}, and is {routed.get('team')}")
    return found


def versions_named(decisions: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Count the decisions by the version they name."""
    return Counter(entry["data"]["rules_version"] for document in decisions for entry in document["history"])
