"""Writes a backup into databases that are empty or are to be replaced, and compares what is there afterwards.

Restored is a system of one instant; the broker is of another, and what a queue held at the instant is in no database.
So facts recorded shortly before the instant are made unsaid: the sweeper says them again, with the same ids, and
whoever has heard them before takes no notice (docs/backup.md).
"""

import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import WriteConcern
from pymongo.errors import OperationFailure, PyMongoError

from ops.backup.archive import DATABASES, BackupRefused, Form, Kept, Tell, check, opened
from ops.backup.taking import Client, client_of
from ops.connections import Databases

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_DURABLE = WriteConcern("majority", j=True)
_MOST_DOCUMENTS = 2_000
_MOST_BYTES = 8 << 20


class Compared(NamedTuple):
    """A collection as it is after a restore, beside what the manifest says."""

    database: str
    """With the prefix of the system it was restored to."""
    collection: str
    expected: int
    found: int


class Restored(NamedTuple):
    """What a restore has done."""

    instant: datetime
    collections: tuple[Compared, ...]
    say_again: int
    """Documents with facts that are said again."""

    @property
    def whole(self) -> bool:
        """Whether every collection holds as many documents as the manifest says."""
        return all(each.found == each.expected for each in self.collections)


def occupied(databases: Databases) -> list[str]:
    """Name the databases of a system that hold a collection."""
    with client_of(databases, "restore") as client:
        return _occupied(client, databases)


def _occupied(client: Client, databases: Databases) -> list[str]:
    return [name for each in DATABASES if client[name := databases.name(each)].list_collection_names()]


def restore(  # noqa: PLR0913  what, whereto, how, and who hears of it
    databases: Databases,
    file: Path,
    *,
    replace: bool = False,
    say_again: timedelta = timedelta(0),
    checked: Tell = lambda _: None,
    tell: Tell = lambda _: None,
) -> Restored:
    """Check a backup, then write it.

    Args:
        databases: whereto; the prefix may be another than the backup's.
        file: the backup.
        replace: drop what is there, once the backup has been checked.
        say_again: facts recorded within this span before the instant are said again.
        checked: hears of unpacked bytes while the file is checked.
        tell: hears of documents while they are written.

    Raises:
        BackupRefused: the backup is damaged or the databases are not empty (nothing was written), or the server did not
            take a document (what was written is incomplete, and the sentence says so).
        PyMongoError: the database is away.
    """
    with opened(file) as archive, client_of(databases, "restore") as client:
        if not replace and (names := _occupied(client, databases)):
            raise BackupRefused(f"not empty: {', '.join(names)}; nothing was written, --replace drops them first")
        manifest = check(archive, checked)
        if replace:
            for name in _occupied(client, databases):
                client.drop_database(name)
        compared = tuple(_restore(client, databases, archive, kept, tell) for kept in manifest.collections)
        since = manifest.instant - say_again
        unsaid = sum(_say_again(client, databases, kept, since) for kept in manifest.collections) if say_again else 0
        return Restored(manifest.instant, compared, unsaid)


def _restore(client: Client, databases: Databases, archive: zipfile.ZipFile, kept: Kept, tell: Tell) -> Compared:
    """Write documents before indexes: that is quicker, and what has expired is counted before an index takes it."""
    database = client.get_database(databases.name(kept.database), write_concern=_DURABLE)
    form = Form.of_json(archive.read(kept.form.name))
    try:
        database.command({"create": kept.name, **form.options, "writeConcern": _DURABLE.document})
        collection = database.get_collection(kept.name, _RAW)
        for batch in _batches(archive, kept):
            # Validators are for writers: what was in the database may go back into it.
            collection.insert_many(batch, ordered=False, bypass_document_validation=True)
            tell(len(batch))
        found = collection.count_documents({})
        if form.indexes:
            database.command({"createIndexes": kept.name, "indexes": form.indexes, "writeConcern": _DURABLE.document})
    except PyMongoError as error:  # its text may quote a document
        why = f"code {error.code}" if isinstance(error, OperationFailure) else type(error).__name__
        raise BackupRefused(
            f"the server did not take {database.name}.{kept.name} ({why}): what was written is incomplete; "
            "mend the cause and restore again with --replace"
        ) from error
    return Compared(database.name, kept.name, kept.documents, found)


def _batches(archive: zipfile.ZipFile, kept: Kept) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    with archive.open(kept.data.name) as stream:
        for document in decode_file_iter(stream, _RAW):
            batch.append(document)
            size += len(document.raw)
            if len(batch) >= _MOST_DOCUMENTS or size >= _MOST_BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _say_again(client: Client, databases: Databases, kept: Kept, since: datetime) -> int:
    """Set documents back to before their first fact since then, as shared.plumbing.history reads `relayed`."""
    database = client.get_database(databases.name(kept.database), write_concern=_DURABLE)
    recent = {"$map": {"input": "$history", "in": {"$gte": ["$$this.recorded", since]}}}
    return (
        database[kept.name]
        .update_many(
            {"history": {"$elemMatch": {"recorded": {"$gte": since}, "key": {"$type": "string"}}}},
            [
                {"$set": {"relayed": {"$min": ["$relayed", {"$indexOfArray": [recent, True]}]}}},
                {"$set": {"unsaid_since": {"$ifNull": ["$unsaid_since", "$$NOW"]}}},
            ],
        )
        .modified_count
    )
