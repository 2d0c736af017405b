"""The one running system on which all flows play, on a vhost and databases of its own.

When they are over, whatever they did must have ended done or dead, and nothing personal may have shown.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ops.stack.management import Management
from ops.stack.mongo import Mongo
from ops.stack.rabbit import Rabbit
from tests.flows.audit import audited_town
from tests.flows.town import Town


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def town(
    rabbit_server: Rabbit, management: Management, mongo_server: Mongo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Five programs at work."""
    folder = tmp_path_factory.mktemp("issuer")
    async with audited_town(rabbit_server, management, mongo_server, folder) as running:
        yield running
