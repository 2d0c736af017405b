"""A right that is taken away ends everywhere, and what is broken changes nothing."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.council import BundleRefused, Council, load_bundle
from shared.plumbing.council import VERSIONS, publish
from tests.flows.people import CASE, COUNCILLOR
from tests.flows.programs import until
from tests.flows.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="package")

REVOKED = "off-006"
"""An officer of the team that answers for noise, whose rights end in these tests."""
WITHIN = 60.0
"""Seconds after which a revoked right must have ended everywhere."""


@asynccontextmanager
async def published(town: Town, council: Council) -> AsyncIterator[float]:
    """Publish a council for the length of a test; gives the moment it was."""
    database = town.mongo[f"{town.prefix}_council"]
    before = town.directory.council
    began = time.monotonic()
    await publish(database, council, author="test", reason="a right ends")
    try:
        yield began
    finally:
        await publish(database, before, author="test", reason="as before")


def without_grants(council: Council, person: str) -> Council:
    """Take every grant of somebody away."""
    grants = tuple(grant for grant in council.grants if grant.person != person)
    return council.model_copy(update={"grants": grants, "version": "revoked"})


async def test_a_revoked_officer_is_let_in_nowhere_within_a_minute(
    town: Town, record_property: Callable[[str, object], None]
) -> None:
    owner, officer = town.as_(COUNCILLOR), town.as_(REVOKED)
    reference = await owner.raise_(CASE)
    await owner.see_when(reference, status="with_team")
    assert (await officer.see(reference))["commands"]

    async with published(town, without_grants(town.directory.council, REVOKED)) as began:

        async def is_shut_out() -> bool:
            look = await officer.get(f"/v1/cases/{reference}")
            command = await officer.post(f"/v1/cases/{reference}/acknowledge")
            assert command.status_code in {200, 401, 404, 409}
            return look.status_code == command.status_code == 401

        await until(is_shut_out, f"{REVOKED} is shut out")
        took = time.monotonic() - began

    record_property("measured", f"revocation: shut out {took:.1f} s after publishing (at most {WITHIN:.0f})")
    assert took < WITHIN


async def test_a_broken_bundle_is_refused_and_the_services_go_on(town: Town, tmp_path: Path) -> None:
    database = town.mongo[f"{town.prefix}_council"]
    newest = await database[VERSIONS].find_one({}, {"_id": 1}, sort=[("_id", -1)])
    for path in (Path(__file__).parents[2] / "council").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rules = tmp_path / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8") + "lost,noise,nowhere,,,,no-team,,,\n", encoding="utf-8")

    with pytest.raises(BundleRefused) as refused:
        load_bundle(tmp_path)

    assert {(problem.file, problem.rule) for problem in refused.value.problems} == {("rules.csv", "unknown-reference")}
    assert await database[VERSIONS].find_one({}, {"_id": 1}, sort=[("_id", -1)]) == newest
    reference = await town.as_(COUNCILLOR).raise_(CASE)
    case = await town.as_(COUNCILLOR).see_when(reference, status="with_team")
    assert case["team"] == "environmental-protection"
