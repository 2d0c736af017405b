"""The one city on which all faults of the whole system happen, and stages for one service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops.stack.mongo import Mongo
from tests.faults.city import City, a_city
from tests.faults.stage import Stage, a_stage
from tests.intake.stories import DIRECTORY


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A system of processes on servers that may be killed."""
    async with a_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture
async def stage(vhost_url: str, mongo_server: Mongo, tmp_path: Path) -> AsyncIterator[Stage]:
    """A broker and a database that know the council of intake's tests; no service runs yet."""
    async with a_stage(vhost_url, mongo_server.url, tmp_path, DIRECTORY.council) as ready:
        yield ready
