"""A system that is kept, a backup of it, and systems to restore it to."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from ops import backup
from ops.backup.archive import DATABASES
from ops.connections import Databases
from ops.stack.mongo import Mongo
from shared.plumbing.history import Document
from tests.ops.backup.systems import Client, fill


@pytest.fixture(scope="session")
def client(mongo_server: Mongo) -> Iterator[Client]:
    with MongoClient[Document](mongo_server.url, tz_aware=True) as client:
        yield client


@pytest.fixture(scope="session")
def named(mongo_server: Mongo, client: Client) -> Iterator[Callable[[], Databases]]:
    """Makes prefixes nobody else uses."""
    made: list[Databases] = []

    def name() -> Databases:
        made.append(Databases(mongo_server.url, f"t{uuid4().hex[:10]}"))
        return made[-1]

    yield name
    mine = {databases.name(each) for databases in made for each in DATABASES}
    for database in mine & set(client.list_database_names()):
        client.drop_database(database)


@pytest.fixture(scope="session")
def ours(named: Callable[[], Databases]) -> Databases:
    """A system with a history, encrypted texts, indexes, validators and a council; for looking only."""
    databases = named()
    asyncio.run(fill(databases))
    return databases


@pytest.fixture(scope="session")
def kept(ours: Databases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of ours."""
    file = tmp_path_factory.mktemp("kept") / "kept.zip"
    backup.create(ours, file)
    return file


@pytest.fixture
def other(named: Callable[[], Databases]) -> Databases:
    """A system without databases."""
    return named()


@pytest.fixture
def changing(kept: Path, named: Callable[[], Databases]) -> Databases:
    """A system as ours, to be changed."""
    databases = named()
    backup.restore(databases, kept)
    return databases


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.zip"
