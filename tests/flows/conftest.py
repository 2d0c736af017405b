"""The one running system on which all flows play, on a vhost and databases of its own.

When they are over, whatever they did must have ended done or dead, and nothing personal may have shown.
"""

import urllib.parse
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ops.stack.management import Management
from ops.stack.mongo import Mongo
from ops.stack.rabbit import Rabbit
from tests.flows.audit import neither_done_nor_dead, places_of, shown_in
from tests.flows.people import CANARY
from tests.flows.town import Town, a_town


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def town(
    rabbit_server: Rabbit, management: Management, mongo_server: Mongo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """Five programs at work."""
    vhost = f"flows-{uuid.uuid4().hex[:12]}"
    management.create_vhost(vhost)
    url = urllib.parse.urlsplit(rabbit_server.url)._replace(path=f"/{vhost}").geturl()
    try:
        async with a_town(url, mongo_server.url, tmp_path_factory.mktemp("issuer")) as running:
            yield running
            await running.settle()
            places = await places_of(running)
            await running.stop()
            assert neither_done_nor_dead(running) == []
            assert await running.tap.waiting() == {}  # what was taken and never acknowledged would be back there
            assert shown_in(places, CANARY) == []
    finally:
        management.delete_vhost(vhost)
