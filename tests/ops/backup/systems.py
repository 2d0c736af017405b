"""Systems to be kept: what is in one, and a look at all of it."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from bson import decode_all
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient, IndexModel, MongoClient

from ops.backup.archive import DATABASES
from ops.connections import Databases
from shared.council import load_bundle
from shared.events import CaseAcknowledged, CaseProgressed, Fact
from shared.plumbing.clients import open_database
from shared.plumbing.council import publish
from shared.plumbing.history import Cause, Document, change
from shared.plumbing.store import Collection, Store
from tests.shared.plumbing import toys

ROOT = Path(__file__).parents[3]
SECRET = "Mrs Canary of 12 Canary Street rang again."
Client = MongoClient[Document]
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
OWNERS = ("intake", "gateway")
"""Of the six databases these and the council's are there; each more costs seconds."""
NOTHING: Mapping[str, bytes] = {}
COLLECTIONS = (
    Collection(
        "things",
        (
            IndexModel([("state.last", 1), ("version", -1)], name="by_last"),
            IndexModel("state.expires", expireAfterSeconds=0, partialFilterExpression={"relayed": {"$gte": 1}}),
        ),
    ),
)


async def fill(databases: Databases) -> None:
    """Write histories, encrypted texts, indexes, validators and a council."""
    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        for owner in OWNERS:
            store = Store(open_database(client, databases.name(owner)), COLLECTIONS)
            await store.prepare()
            writes = []
            for number in range(3):
                facts = [
                    Fact(CaseAcknowledged(at=toys.AT, case=toys.STATE, team="toys")),
                    Fact(CaseProgressed(at=toys.AT, case=toys.STATE), {"text": SECRET}),
                ]
                cause = Cause(f"{owner}-{number}", "corr")
                writes.append(change(toys.THINGS, f"thing-{number}", toys.CASE, None, facts, cause, toys.VAULT))
            assert await store.write(writes) == [True] * 3
        council = load_bundle(ROOT / "council")
        await publish(open_database(client, databases.name("council")), council, author="Invented", reason="a test")


def contents(client: Client, databases: Databases) -> dict[str, Any]:
    """Everything a system's databases hold: documents byte for byte, options, indexes."""
    found: dict[str, Any] = {}
    for each in DATABASES:
        database = client[databases.name(each)]
        for info in database.list_collections():
            raw = database.get_collection(info["name"], RAW)
            documents = {document["_id"]: document.raw for document in cast("Iterator[RawBSONDocument]", raw.find({}))}
            indexes = sorted((dict(index) for index in database[info["name"]].list_indexes()), key=repr)
            found[f"{each}.{info['name']}"] = (documents, info["options"], indexes)
    return found


def documents(file: Path, member: str) -> list[Document]:
    with zipfile.ZipFile(file) as archive:
        return decode_all(archive.read(member))


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None], more: Mapping[str, bytes] = NOTHING) -> None:
    """Write a backup anew, sound as a zip, with other members."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (members | dict(more)).items():
            if (changed := change(name, data)) is not None:
                archive.writestr(name, changed)
