"""A right that is taken away ends everywhere, and what is broken changes nothing."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.stack.mongo import Mongo
from shared.council import Council
from shared.plumbing.council import VERSIONS, publish
from tests.flows.people import CASE, COUNCILLOR
from tests.flows.programs import until
from tests.flows.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="package")

ROOT = Path(__file__).parents[2]
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


async def publish_by_command(town: Town, mongo_url: str, folder: Path) -> tuple[int, str]:
    """Publish a folder as an administrator does; gives how the command ended and what it said of errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "council", "publish", str(folder), "--author=A", "--reason=B", "--yes"),
        cwd=ROOT,
        env=os.environ | {"CASEWORK_MONGO_URL": mongo_url, "CASEWORK_MONGO_PREFIX": town.prefix},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return process.returncode or 0, errors.decode()


async def test_a_broken_bundle_is_refused_and_the_services_go_on(
    town: Town, mongo_server: Mongo, tmp_path: Path
) -> None:
    database = town.mongo[f"{town.prefix}_council"]
    newest = await database[VERSIONS].find_one({}, {"_id": 1}, sort=[("_id", -1)])
    for path in (ROOT / "council").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rules = tmp_path / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8") + "lost,noise,nowhere,,,,no-team,,,\n", encoding="utf-8")

    ended, errors = await publish_by_command(town, mongo_server.url, tmp_path)

    assert ended == 1
    assert "rules.csv:69: unknown-reference: ward: there is no ward 'nowhere'" in errors
    assert "rules.csv:69: unknown-reference: team: there is no team 'no-team'" in errors
    assert "nothing was published" in errors
    assert await database[VERSIONS].find_one({}, {"_id": 1}, sort=[("_id", -1)]) == newest
    reference = await town.as_(COUNCILLOR).raise_(CASE)
    case = await town.as_(COUNCILLOR).see_when(reference, status="with_team")
    assert case["team"] == "environmental-protection"
