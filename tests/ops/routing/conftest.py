"""Databases of the test's own, which the commands find in the environment."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner, Result

from ops import cli
from ops.connections import Databases
from ops.stack.mongo import Mongo
from tests.ops.routing.systems import Run


@pytest.fixture
def databases(mongo_server: Mongo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Databases]:
    prefix = f"t{uuid4().hex[:10]}"
    monkeypatch.setenv("CASEWORK_MONGO_URL", mongo_server.url)
    monkeypatch.setenv("CASEWORK_MONGO_PREFIX", prefix)
    yield Databases(mongo_server.url, prefix)
    with MongoClient[dict[str, Any]](mongo_server.url) as client:
        for owner in ("council", "routing"):
            client.drop_database(f"{prefix}_{owner}")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, ("routing", *arguments))

    return run
