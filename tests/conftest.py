"""Fixtures over real servers: one broker and one database a session, a vhost and a database of its own for each test.

The one rule: nothing imports this file, and a server starts only when a test asks for it.
"""

import contextlib
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ops.stack.ladder import NoServerError
from ops.stack.management import Management
from ops.stack.mongo import Mongo, mongo
from ops.stack.rabbit import Rabbit, rabbit
from tests.counts import count

# No deadline: a shared machine stalls, and a stall is no defect.
settings.register_profile("casework", deadline=None, max_examples=count(100, 2_000))
settings.load_profile("casework")

Server = TypeVar("Server")


def _provided(server: contextlib.AbstractContextManager[Server]) -> Iterator[Server]:
    """Yield the server; without one fail: a skipped promise is no kept one."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(server)
        except NoServerError as error:
            pytest.fail(str(error), pytrace=False)
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured (`record_property("measured", …)`): the table for docs/evidence.md."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "measured" and report.when == "call":
                    terminalreporter.write_line(f"measured  {report.nodeid.rpartition('::')[2]}: {value}")


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[Rabbit]:
    """The session's broker."""
    yield from _provided(rabbit(say=print))


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[Mongo]:
    """The session's database server."""
    yield from _provided(mongo(say=print))


@pytest.fixture(scope="session")
def management(rabbit_server: Rabbit) -> Iterator[Management]:
    """The management API of the session's broker."""
    if rabbit_server.management_url is None:
        pytest.fail("CASEWORK_RABBIT_URL is set: set CASEWORK_RABBIT_MANAGEMENT_URL too", pytrace=False)
    with Management(rabbit_server.management_url) as client:
        yield client


@pytest.fixture
def vhost_url(rabbit_server: Rabbit, management: Management) -> Iterator[str]:
    """The address of a vhost of the test's own; it goes with everything in it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    management.create_vhost(name)
    yield urllib.parse.urlsplit(rabbit_server.url)._replace(path=f"/{name}").geturl()
    management.delete_vhost(name)


@pytest.fixture
async def database(mongo_server: Mongo) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """A database of the test's own, dropped afterwards."""
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        name = f"test-{uuid.uuid4().hex[:12]}"
        yield client[name]
        await client.drop_database(name)
