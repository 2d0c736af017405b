"""Documents in and out, in bulk: one `$in` read, one unordered write a collection and kind, majority and journaled.

There is no other way to write: a handler's whole effect is one atomic write to one document.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from bson.codec_options import CodecOptions, TypeEncoder, TypeRegistry
from pymongo import IndexModel, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    ConnectionFailure,
    ExecutionTimeout,
    WriteError,
    WTimeoutError,
)

from shared.plumbing.history import Document, Key, Write

OUTAGE = (ConnectionFailure, ExecutionTimeout, WTimeoutError)
"""The database is away or cannot keep its promise: wait and do the same again, blame no message."""

_STALE = {11000, 121}
"""Duplicate key, or the validator because an upsert that missed would have made a ghost without `created`."""
_NOT_WRITABLE = {10107, 13435, 11602, 189, 91, 112}
"""Codes of a primary that is stepping down or a write that met another: outages, too."""

Collection_: TypeAlias = AsyncCollection[Document]
Database: TypeAlias = AsyncDatabase[Document]


class _DateAsText(TypeEncoder):
    """BSON knows instants, not days: a day is kept as ISO text."""

    python_type = date

    def transform_python(self, value: Any) -> str:
        day: date = value
        return day.isoformat()


CODECS: CodecOptions[Document] = CodecOptions(tz_aware=True, type_registry=TypeRegistry([_DateAsText()]))


class Collection(NamedTuple):
    """A collection of documents with a history, and the indexes its owner looks things up by."""

    name: str
    indexes: Sequence[IndexModel] = ()


class Store:
    """The documents of one service."""

    def __init__(self, database: Database, collections: Sequence[Collection]) -> None:
        self.database = database
        self.collections = tuple(collections)
        names = [collection.name for collection in collections]
        self.durable: Mapping[str, Collection_] = {
            name: database.get_collection(name, CODECS, write_concern=WriteConcern("majority", j=True))
            for name in names
        }
        self.lazy: Mapping[str, Collection_] = {
            name: database.get_collection(name, CODECS, write_concern=WriteConcern(1)) for name in names
        }

    async def prepare(self) -> None:
        """Create collections, validators and indexes; does nothing where they are."""
        for name, indexes in self.collections:
            with suppress(CollectionInvalid):  # it exists
                await self.database.create_collection(name, validator={"$jsonSchema": {"required": ["created"]}})
            unsaid = IndexModel("unsaid_since", partialFilterExpression={"unsaid_since": {"$exists": True}})
            await self.durable[name].create_indexes([unsaid, *indexes])

    async def read(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """Read many documents, one query a collection; what does not exist is left out."""
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for name, document_id in keys:
            ids[name].append(document_id)
        return {
            (name, document["_id"]): document
            for name, some in ids.items()
            for document in await self.durable[name].find({"_id": {"$in": some}}).to_list()
        }

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        """Write all, inserts and updates at the same time.

        Returns:
            Per write: True; False where the document was not as it had been read (or exists already); or why it failed.

        Raises:
            OUTAGE: nothing is known about any of them; the same writes may be tried again.
        """
        results: list[bool | Exception] = [True] * len(writes)
        groups: defaultdict[tuple[str, type[Any]], list[int]] = defaultdict(list)
        for index, write in enumerate(writes):
            groups[write.key[0], type(write.operation)].append(index)

        async def bulk(name: str, indexes: list[int]) -> None:
            try:
                await self.durable[name].bulk_write([writes[index].operation for index in indexes], ordered=False)
            except BulkWriteError as error:
                _sort_out(error, indexes, results)

        failures = await asyncio.gather(
            *(bulk(name, indexes) for (name, _), indexes in groups.items()), return_exceptions=True
        )
        for failure in failures:
            if failure is not None:
                raise failure
        return results


def _sort_out(error: BulkWriteError, indexes: list[int], results: list[bool | Exception]) -> None:
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise WTimeoutError("not on the majority") from error
    for item in details["writeErrors"]:
        if item["code"] in _NOT_WRITABLE:
            raise ConnectionFailure(f"not writable, code {item['code']}") from error
        # The server's text quotes the document, so only its code goes on.
        results[indexes[item["index"]]] = (
            False if item["code"] in _STALE else WriteError(f"code {item['code']}", item["code"])
        )
