"""Council data for running services: read-only, one immutable version at a time, swapped as a whole.

Written only by `casework council publish`; every service reads it and follows within seconds, without a restart. A
version that is to come into force later is read before its time, so that the switch needs neither database nor time.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError
from pymongo.errors import PyMongoError
from structlog.typing import FilteringBoundLogger

from shared.council import Council, Directory
from shared.plumbing.clock import BusinessClock, real_now
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Database
from shared.plumbing.versions import VERSIONS, Published, PublishRefused, RecordBroken, in_force, publish, to_come

__all__ = ["REFRESH_EVERY", "VERSIONS", "LiveCouncil", "NoCouncilData", "PublishRefused", "publish"]

REFRESH_EVERY = 2.0
"""Seconds; a published version is in use everywhere within five times this."""


class NoCouncilData(RuntimeError):
    """No version is in force yet."""


class _Ahead(NamedTuple):
    """A version that has been read and is to come into force."""

    activates: datetime
    directory: Directory


class LiveCouncil:
    """The council as it is in force by the business clock.

    A version that cannot be read counts as if it were not there: the one before it stays in use, and log and metrics
    say so.
    """

    def __init__(self, database: Database, clock: BusinessClock, log: FilteringBoundLogger, metrics: Metrics) -> None:
        self._database, self._clock, self._log, self._metrics = database, clock, log, metrics
        self._directory: Directory | None = None
        self._ahead: dict[int, _Ahead] = {}
        self._unreadable: set[int] = set()
        self._offset = timedelta()
        self._alarm: asyncio.TimerHandle | None = None
        self.number = 0
        """Number of the version in use; 0 before the first."""

    @property
    def directory(self) -> Directory:
        """The directory in use.

        Raises:
            NoCouncilData: no version is in force yet.
        """
        if self._directory is None:
            raise NoCouncilData(self._nothing())
        return self._directory

    async def refresh(self) -> bool:
        """Read what has been published since, ahead of its time too; says whether another version is in use now."""
        # The development clock only ever moves forward, so between two looks this offset is never too far ahead.
        self._offset = await self._clock.now() - real_now()
        await self._read_ahead(await self._newer())
        switched = self._switch()
        self._set_alarm()
        return switched

    async def load(self, patience: float = 60.0) -> None:
        """Wait until a version is in force.

        Raises:
            NoCouncilData: none was in time.
        """
        waited = 0.0
        while not await self.refresh() and self._directory is None:
            if waited >= patience:
                raise NoCouncilData(self._nothing())
            await asyncio.sleep(0.5)
            waited += 0.5

    async def follow(self) -> None:
        """Keep up with what is published, for as long as the process runs."""
        while True:
            await asyncio.sleep(REFRESH_EVERY)
            try:
                await self.refresh()
            except (
                PyMongoError
            ) as error:  # the version in use stays in use, and what has been read ahead keeps its time
                self._log.warning("cannot look for council data", error=type(error).__name__)

    async def _newer(self) -> list[Published]:
        """List the versions with a higher number than the one in use."""
        found = []
        newer = self._database[VERSIONS].find({"_id": {"$gt": self.number}}, {"bundle": 0}, sort=[("_id", 1)])
        async for document in newer:
            try:
                found.append(Published.of(document))
            except RecordBroken as error:
                self._cannot_read(document["_id"], error)
        return found

    async def _read_ahead(self, newer: Sequence[Published]) -> None:
        """Read every version that is or will be in force, as long as nothing changes that."""
        while wanted := self._wanted(newer):
            document = await self._database[VERSIONS].find_one({"_id": wanted.number})
            try:
                if document is None:
                    raise ValueError("it has vanished")  # noqa: TRY301  as any other that cannot be read
                council = Council.model_validate_json(document["bundle"], extra="ignore")
                self._ahead[wanted.number] = _Ahead(wanted.activates, Directory(council, wanted.number))
            except (ValueError, KeyError, TypeError) as error:
                self._cannot_read(wanted.number, error)
            else:
                self._log.info(
                    "council data read",
                    number=wanted.number,
                    version=wanted.version,
                    activates=wanted.activates.isoformat(),
                )

    def _wanted(self, newer: Sequence[Published]) -> Published | None:
        """Find a version that is or will be in force and has not been read."""
        now = self._now()
        # Since they were listed, one of them may have come into use at its moment.
        readable = [each for each in newer if each.number > self.number and each.number not in self._unreadable]
        present = in_force(readable, now)
        wanted = [present, *to_come(readable, now)] if present else to_come(readable, now)
        return next((each for each in wanted if each.number not in self._ahead), None)

    def _cannot_read(self, number: int, error: Exception) -> None:
        """Say once of a version that it cannot be read; never what stands in it, which may be a person's name."""
        if number not in self._unreadable:
            self._unreadable.add(number)
            found = error.errors() if isinstance(error, ValidationError) else ()
            fields = [".".join(map(str, each["loc"])) for each in found]
            self._log.error("cannot read council data", number=number, error=type(error).__name__, fields=fields[:5])

    def _now(self) -> datetime:
        """Give the business time as far as it is known without asking."""
        return real_now() + self._offset

    def _switch(self) -> bool:
        """Take the version that is in force by now into use; says whether it is another one."""
        now = self._now()
        due = max((number for number, each in self._ahead.items() if each.activates <= now), default=0)
        if due:
            self._directory, self.number = self._ahead[due].directory, due
            self._ahead = {number: each for number, each in self._ahead.items() if number > due}
            self._unreadable = {number for number in self._unreadable if number > due}
            self._log.info("council data", number=due, version=self._directory.council.version)
        self._metrics.council_version.set(self.number)
        self._metrics.council_version_ahead.set(max(self._ahead, default=0))
        self._metrics.council_unreadable.set(len(self._unreadable))
        return bool(due)

    def _set_alarm(self) -> None:
        """Switch at the very moment the next version comes into force, whatever the database does then."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if self._ahead:
            first = min(each.activates for each in self._ahead.values())
            seconds = max(0.0, (first - self._now()).total_seconds())
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._on_alarm)

    def _on_alarm(self) -> None:
        self._switch()
        self._set_alarm()

    def _nothing(self) -> str:
        if self._ahead:
            number, first = min(self._ahead.items(), key=lambda each: each[1].activates)
            return f"no council data is in force yet: version {number} will be at {first.activates.isoformat()}"
        if self._unreadable:
            return f"no council data that can be read: {', '.join(f'version {each}' for each in self._unreadable)}"
        return "no council data: run `casework council publish council --author NAME --reason TEXT` first"
