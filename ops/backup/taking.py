"""Takes a backup: every collection of the six databases as it was at one instant, while the services go on.

A snapshot session (MongoDB 5 or newer, a replica set) gives all reads the same cluster time. The server keeps the past
for five minutes (`minSnapshotHistoryWindowInSeconds`); whoever has more data than can be read in that time raises it.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from bson import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from ops.backup.archive import DATABASES, BackupRefused, Form, Kept, Manifest, Tell, Writer
from ops.connections import Databases
from shared.plumbing.history import Document, technical_now
from shared.plumbing.service import VERSION

Client: TypeAlias = MongoClient[Document]
Session: TypeAlias = ClientSession

_TOO_OLD = 239  # SnapshotTooOld
_UNAVAILABLE = 246  # SnapshotUnavailable: a collection or an index was made a moment ago
_PATIENCE = 15.0
_BATCH = 2_000
_LENGTH = 4  # bytes at the head of a BSON document that say how long it is
_INTERNAL = "system."


class Source(NamedTuple):
    """A collection to be read."""

    database: str
    """Without the prefix."""
    name: str
    form: Form

    def stem(self) -> str:
        """Name its members, but for the ending."""
        return f"{self.database}/{self.name}"


def client_of(databases: Databases, purpose: str) -> Client:
    """Make a client that fails within seconds when nobody answers, unless the address says how long it may take."""
    patience: dict[str, Any] = (
        {} if "serverSelectionTimeoutMS" in databases.url else {"serverSelectionTimeoutMS": 3_000}
    )
    return MongoClient(
        databases.url,
        tz_aware=True,
        appname=f"casework-{purpose}",
        **patience,
        serverMonitoringMode="poll",  # as in ops.status: no second connection to monitor by
    )


def create(databases: Databases, file: Path, tell: Tell = lambda _: None) -> Manifest:
    """Write a backup; `file` is there only once it is whole, and readable by its owner only.

    Args:
        databases: which.
        file: must not be there.
        tell: hears of documents.

    Raises:
        BackupRefused: the file is there, there is nothing to keep, or the instant has become too old to be read.
        PyMongoError: the database is away.
    """
    unfinished = file.with_name(f"{file.name}.partial")
    if file.exists():
        raise BackupRefused(f"{file} is there already: name another file, backups are not overwritten")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupRefused(
            f"{unfinished} is there: another backup is being written, or one was broken off; delete it then"
        ) from None
    except OSError as error:
        raise BackupRefused(f"{unfinished} cannot be written ({error.strerror})") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with Writer(stream) as writer:
                manifest = _write(databases, writer, tell)
            stream.flush()
            os.fsync(stream.fileno())
        _settle(unfinished, file)
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written ({error.strerror}): nothing was kept") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _settle(unfinished: Path, file: Path) -> None:
    """Give the file its name, and see to it that the name survives a power cut."""
    if file.exists():  # somebody was quicker
        raise BackupRefused(f"{file} is there already: name another file, backups are not overwritten")
    unfinished.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(databases: Databases, writer: Writer, tell: Tell) -> Manifest:
    created = technical_now()
    with client_of(databases, "backup") as client:
        try:
            sources, session, instant = _one_instant(client, databases)
            with session:
                kept = [_keep(client, databases, source, session, writer, tell) for source in sources]
            there = {source.stem() for source in _sources(client, databases)}
            if gone := [source.stem() for source in sources if source.stem() not in there]:
                raise BackupRefused(f"{', '.join(gone)} was dropped meanwhile: take the backup again")
        except OperationFailure as error:
            raise _explained(error) from error
        manifest = Manifest(
            instant=instant.as_datetime(),
            created=created,
            casework=VERSION,
            mongodb=str(client.server_info()["version"]),
            prefix=databases.prefix,
            collections=tuple(kept),
        )
    writer.finish(manifest)
    return manifest


def _explained(error: OperationFailure) -> BaseException:
    """Say what somebody can do about it; the server's own text may quote a document."""
    if error.code == _TOO_OLD:
        return BackupRefused(
            "the backup took longer than the server keeps the past: raise its parameter "
            "minSnapshotHistoryWindowInSeconds (docs/backup.md) and try again"
        )
    if error.code == _UNAVAILABLE:
        return BackupRefused("a collection or an index was made meanwhile: try again once no service is being deployed")
    return error


def _one_instant(client: Client, databases: Databases) -> tuple[Sequence[Source], Session, Timestamp]:
    """Fix the instant; what exists must be the same before and after, because only documents are read in the past.

    Raises:
        BackupRefused: there is nothing to keep.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        sources = _sources(client, databases)
        if not sources:
            raise BackupRefused(f"there is no database {databases.prefix}_…: see CASEWORK_MONGO_PREFIX")
        session = client.start_session(snapshot=True)
        try:
            for source in sources:
                client[databases.name(source.database)][source.name].find_one({}, {"_id": 1}, session=session)
            if _sources(client, databases) == sources:
                return sources, session, _instant(session)
        except OperationFailure as error:
            session.end_session()
            if error.code != _UNAVAILABLE or time.monotonic() > end:
                raise
        else:
            session.end_session()
            if time.monotonic() > end:
                raise BackupRefused("collections are being made all the time: try again when no service starts")
        time.sleep(0.2)


def _instant(session: Session) -> Timestamp:
    """Give the cluster time that the session's reads share; PyMongo 4 keeps it, and has no public name for it."""
    found: Any = getattr(session, "snapshot_time", None) or session._snapshot_time  # noqa: SLF001  as said
    if not isinstance(found, Timestamp):
        raise BackupRefused("the server gives no snapshot: it has to be MongoDB 5 or newer and a replica set")
    return found


def _sources(client: Client, databases: Databases) -> list[Source]:
    found: list[Source] = []
    for each in DATABASES:
        database = client[databases.name(each)]
        for info in sorted(
            database.list_collections(filter={"type": "collection"}), key=lambda info: str(info["name"])
        ):
            if not info["name"].startswith(_INTERNAL):
                indexes = [dict(index) for index in database[info["name"]].list_indexes() if index["name"] != "_id_"]
                found.append(Source(each, info["name"], Form(options=dict(info["options"]), indexes=indexes)))
    return found


def _keep(  # noqa: PLR0913, PLR0917  from where, what, in which past, whereto, and who hears of it
    client: Client, databases: Databases, source: Source, session: Session, writer: Writer, tell: Tell
) -> Kept:
    counted = 0

    def batches() -> Iterator[bytes]:
        nonlocal counted
        collection = client[databases.name(source.database)][source.name]
        found = collection.find_raw_batches({}, session=session, batch_size=_BATCH)
        for batch in cast("Iterator[bytes]", found):  # so says PyMongo's documentation, if not its types
            number = _documents_in(batch)
            counted += number
            tell(number)
            yield batch

    form = writer.member(f"{source.stem()}.json", iter([source.form.as_json()]))
    data = writer.member(f"{source.stem()}.bson", batches())
    return Kept(database=source.database, name=source.name, documents=counted, data=data, form=form)


def _documents_in(batch: bytes) -> int:
    count = position = 0
    while position < len(batch):
        position += int.from_bytes(batch[position : position + _LENGTH], "little")
        count += 1
    return count


def estimate(databases: Databases) -> int:
    """Say about how many documents there are, for a progress bar."""
    with client_of(databases, "backup") as client:
        return sum(
            client[databases.name(source.database)][source.name].estimated_document_count()
            for source in _sources(client, databases)
        )
