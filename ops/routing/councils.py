"""Finds the council whose rules are asked: in files, or as it was published to a running system.

The one rule: whoever reads an answer can see under which council it was given.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pymongo import AsyncMongoClient

from ops.connections import Databases
from shared.council import Council, Directory, load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.council import VERSIONS
from shared.plumbing.history import Document
from shared.plumbing.store import Database

Client = AsyncMongoClient[Document]


class NoSuchCouncil(LookupError):
    """There is no such version, or it cannot be read; the message says what to do."""


class Asked(NamedTuple):
    """A council and where it was found."""

    directory: Directory
    source: str


@asynccontextmanager
async def client_of(databases: Databases) -> AsyncIterator[Client]:
    """Make a client for one look."""
    client: Client = AsyncMongoClient(
        databases.url,
        tz_aware=True,
        appname="casework-routing-command",
        serverSelectionTimeoutMS=3_000,
        serverMonitoringMode="poll",  # a client of one look needs no second connection to monitor by
    )
    async with client:
        yield client


def in_folder(folder: Path) -> Asked:
    """Read a council from its files.

    Raises:
        BundleRefused: the files are broken.
    """
    return Asked(Directory(load_bundle(folder)), f"the files in {folder}")


async def published(database: Database, number: int | None = None) -> Asked:
    """Read a version of a running system: the one with this number, or the one in force now.

    Raises:
        NoSuchCouncil: there is none, or this program cannot read it.
    """
    wanted = number if number is not None else await _in_force(database, await business_time(database))
    found = await database[VERSIONS].find_one({"_id": wanted}, {"bundle": 1})
    if wanted is None or found is None:
        what = "no council is in force" if wanted is None else f"there is no version {wanted}"
        raise NoSuchCouncil(f"{what}; or name files with --folder")
    try:
        council = Council.model_validate_json(found["bundle"], extra="ignore")
    except ValidationError:  # its text quotes the bundle, and so people
        raise NoSuchCouncil(f"version {wanted} was published by another Casework, which this one cannot read") from None
    return Asked(Directory(council, wanted), f"version {wanted} of the running system")


async def business_time(council: Database) -> datetime:
    """Tell the time that decisions are taken at; without an offset, as in production, it is real time."""
    return await MovableClock(council).now()


def council_of(client: Client, databases: Databases) -> Database:
    """Open the council's database."""
    return open_database(client, databases.name("council"))


async def _in_force(database: Database, now: datetime) -> int | None:
    """Find the highest number whose moment has come; one without a moment came into force as it was published."""
    come: dict[str, Any] = {"$or": [{"activates": {"$lte": now}}, {"activates": {"$exists": False}}]}
    found = await database[VERSIONS].find_one(come, {"_id": 1}, sort=[("_id", -1)])
    return int(found["_id"]) if found else None
