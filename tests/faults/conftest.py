"""The one city on which all faults of the whole system happen, and stages for one service."""

import urllib.parse
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from ops.stack.management import Management
from ops.stack.mongo import Mongo
from ops.stack.rabbit import Rabbit
from tests.faults.city import City, a_city
from tests.faults.stage import Stage, a_stage
from tests.intake.stories import DIRECTORY


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A system of processes on servers that may be killed."""
    async with a_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture(scope="session")
def stages(
    rabbit_server: Rabbit, management: Management, mongo_server: Mongo, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AbstractAsyncContextManager[Stage]]:
    """Set up a broker and a database that know the council of intake's tests; no service runs yet."""

    @asynccontextmanager
    async def set_up() -> AsyncIterator[Stage]:
        vhost = f"faults-{uuid.uuid4().hex[:12]}"
        management.create_vhost(vhost)
        url = urllib.parse.urlsplit(rabbit_server.url)._replace(path=f"/{vhost}").geturl()
        logs: Path = tmp_path_factory.mktemp("stage")
        try:
            async with a_stage(url, mongo_server.url, logs, DIRECTORY.council) as ready:
                yield ready
        finally:
            management.delete_vhost(vhost)

    return set_up


@pytest.fixture
async def stage(stages: Callable[[], AbstractAsyncContextManager[Stage]]) -> AsyncIterator[Stage]:
    """A stage of the test's own."""
    async with stages() as ready:
        yield ready
