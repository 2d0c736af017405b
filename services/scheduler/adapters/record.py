"""Council data as it was published: read only, any version by its number, for a version never changes."""

from collections.abc import Sequence
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.scheduler.domain import Version
from shared.council import Council, Directory
from shared.plumbing.history import Document
from shared.plumbing.store import Database
from shared.plumbing.versions import VERSIONS, Published, RecordBroken

_KEPT: Final = 2
"""Directories at hand: that of the world seen last, and that of the next."""


class PublishedCouncil:
    """The versions in the council's database."""

    def __init__(self, database: Database, log: FilteringBoundLogger) -> None:
        self._versions, self._log = database[VERSIONS], log
        self._directories: dict[int, Directory] = {}
        self._unreadable: set[int] = set()

    async def versions(self, above: int) -> Sequence[Version]:
        """List the versions with a higher number, by number; what is no version is left out."""
        found = self._versions.find({"_id": {"$gt": above}}, {"bundle": 0}).sort("_id", 1)
        return [version async for document in found if (version := self._version(document))]

    async def directory(self, number: int) -> Directory | None:
        """Give the council of a version; None: this program cannot read it, or it is not there."""
        if number in self._unreadable:
            return None
        if number not in self._directories:
            document = await self._versions.find_one({"_id": number}, {"bundle": 1})
            try:
                if document is None:
                    raise LookupError  # noqa: TRY301  as any other that cannot be read
                council = Council.model_validate_json(document["bundle"], extra="ignore")
            except (LookupError, TypeError, ValueError) as error:
                self._complain(number, error)
                return None
            for old in list(self._directories)[: 1 - _KEPT]:
                del self._directories[old]
            self._directories[number] = Directory(council, number)
        return self._directories[number]

    def _version(self, document: Document) -> Version | None:
        try:
            found = Published.of(document)
        except RecordBroken as error:
            self._complain(document["_id"], error)
            return None
        return Version(found.number, found.version, found.activates, found.rolled_back_to)

    def _complain(self, number: int, error: Exception) -> None:
        """Log once that a version cannot be read; never what stands in it, which may be somebody's name."""
        if number not in self._unreadable:
            self._unreadable.add(number)
            self._log.error("a council version cannot be read", number=number, error=type(error).__name__)
