"""Council data for running services: read-only, one immutable version at a time, swapped as a whole.

Written only by `casework council publish`; every service reads it and follows within seconds, without a restart.
"""

import asyncio

from pymongo.errors import DuplicateKeyError, PyMongoError
from structlog.typing import FilteringBoundLogger

from shared.council import Council, Directory
from shared.plumbing.history import technical_now
from shared.plumbing.store import Database

VERSIONS = "versions"
REFRESH_EVERY = 2.0
"""Seconds; a published version is in use everywhere within five times this."""


class NoCouncilData(RuntimeError):
    """Nothing has been published yet."""


class LiveCouncil:
    """The council as last published."""

    def __init__(self, database: Database, log: FilteringBoundLogger) -> None:
        self._database, self._log = database, log
        self._directory: Directory | None = None
        self.number = 0
        """Number of the version in use."""

    @property
    def directory(self) -> Directory:
        """The current directory.

        Raises:
            NoCouncilData: nothing has been read yet.
        """
        if self._directory is None:
            raise NoCouncilData(
                "no council data: run `casework council publish council --author NAME --reason TEXT` first"
            )
        return self._directory

    async def refresh(self) -> bool:
        """Read a newer version if there is one; says whether there was."""
        found = await self._database[VERSIONS].find_one({"_id": {"$gt": self.number}}, sort=[("_id", -1)])
        if found is None:
            return False
        council = Council.model_validate_json(found["bundle"], extra="ignore")
        self._directory, self.number = Directory(council), found["_id"]
        self._log.info("council data", number=self.number, version=council.version)
        return True

    async def load(self, patience: float = 60.0) -> None:
        """Wait for the first version.

        Raises:
            NoCouncilData: none was published in time.
        """
        waited = 0.0
        while not await self.refresh() and self._directory is None:
            if waited >= patience:
                raise NoCouncilData(
                    "no council data: run `casework council publish council --author NAME --reason TEXT` first"
                )
            await asyncio.sleep(0.5)
            waited += 0.5

    async def follow(self) -> None:
        """Keep up with what is published, for as long as the process runs."""
        while True:
            await asyncio.sleep(REFRESH_EVERY)
            try:
                await self.refresh()
            except (PyMongoError, ValueError) as error:  # the version in use stays in use
                self._log.warning("cannot read council data", error=type(error).__name__)


async def publish(database: Database, council: Council, *, author: str, reason: str) -> int:
    """Publish a checked council as the next immutable version, unless it is the newest already; give its number."""
    while True:
        newest = await database[VERSIONS].find_one({}, {"digest": 1}, sort=[("_id", -1)])
        if newest and newest["digest"] == council.digest():
            return int(newest["_id"])
        number = int(newest["_id"]) + 1 if newest else 1
        try:
            await database[VERSIONS].insert_one(
                {
                    "_id": number,
                    "digest": council.digest(),
                    "version": council.version,
                    "author": author,
                    "reason": reason,
                    "published": technical_now(),
                    "bundle": council.model_dump_json(),
                }
            )
        except DuplicateKeyError:  # somebody published at the same moment: ours comes after
            continue
        return number
