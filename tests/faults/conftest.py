"""The one city on which all faults of the whole system happen."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.city import City, a_city


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A system of processes on servers that may be killed."""
    async with a_city(tmp_path_factory.mktemp("city")) as running:
        yield running
