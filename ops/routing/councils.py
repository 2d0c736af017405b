"""Finds the council whose rules are asked: in files, or as it was published to a running system.

The one rule: whoever reads an answer can see under which council it was given.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from pymongo import AsyncMongoClient

from ops.connections import Databases
from shared.council import Council, Directory, load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.history import Document
from shared.plumbing.store import Database
from shared.plumbing.versions import VERSIONS, RecordBroken, in_force, published_versions

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

    What is read is what the services read: parts of the council that this program does not know are left out.

    Raises:
        NoSuchCouncil: there is none, or this program cannot read it.
    """
    wanted = number if number is not None else await _in_force(database)
    found = await database[VERSIONS].find_one({"_id": wanted}, {"bundle": 1})
    if found is None:
        raise NoSuchCouncil(f"there is no version {wanted}: `casework council history` lists them")
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


async def _in_force(database: Database) -> int:
    try:
        present = in_force(await published_versions(database), await business_time(database))
    except RecordBroken as error:
        raise NoSuchCouncil(f"{error}: somebody has changed the record of versions by hand") from None
    if present is None:
        raise NoSuchCouncil("no council is in force: publish one, or name files with --folder")
    return present.number
