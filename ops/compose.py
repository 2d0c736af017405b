"""What the containers of docker-compose.yml need before they start: secrets, definitions, a replica set, a council.

The one rule: what is there already stays as it is. A second start must find the keys that the first one's data was
encrypted with.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from ops.development import ROOT, people_of
from shared.council import load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.council import VERSIONS, publish
from shared.plumbing.topology import SAYS, definitions

BROKER = "rabbitmq"
"""Name of the broker's container, and so its address."""
_PRIMARY_WITHIN = 60_000
"""Milliseconds until the replica set must have its primary."""
_NOT_YET_INITIALISED = 94  # MongoDB error code NotYetInitialized


def prepare(folder: Path, council: Path = ROOT / "council") -> list[str]:
    """Make whatever is missing; gives the names of the files that were made.

    Args:
        folder: with one folder for each reader: the broker, the operator, the issuer and each service.
        council: the files of the sample council, whose people may sign in.

    Raises:
        BundleRefused: the council's files are broken.
        OSError: a folder cannot be written.
    """
    wanted = {f"{service}/{name}": text for service, files in _secrets().items() for name, text in files.items()} | {
        "issuer/people.json": json.dumps(people_of(load_bundle(council)))
    }
    made = [name for name in wanted if not (folder / name).exists()]
    # All or none: a password in one file is the same as in another.
    if made and len(made) < len(wanted):
        missing = ", ".join(made)
        raise FileExistsError(
            f"{folder}: {missing} is missing and the rest is there: remove the rest, or bring it back"
        )
    for name in made:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(wanted[name], encoding="utf-8")
        # The broker runs under another user; its folder is mounted nowhere else.
        path.chmod(0o444 if name.startswith("broker/") else 0o400)
    return made


def _secrets() -> Mapping[str, Mapping[str, str]]:
    """Make new secrets, by who may read them."""
    passwords = {service: secrets.token_urlsafe(24) for service in SAYS}
    operator = ("operator", secrets.token_urlsafe(24))
    seal = Fernet.generate_key().decode()
    own: dict[str, dict[str, str]] = {
        service: {"rabbit_url": f"amqp://{service}:{password}@{BROKER}:5672/"}
        for service, password in passwords.items()
    }
    own["intake"] |= {"seal_keys": seal, "vault_keys": Fernet.generate_key().decode()}
    own["gateway"] |= {"seal_keys": seal, "session_secret": secrets.token_urlsafe(32)}
    login = ":".join(operator)
    return own | {
        "broker": {"definitions.json": json.dumps(definitions(passwords, operator=operator))},
        "operator": {
            "rabbit_url": f"amqp://{login}@{BROKER}:5672/",
            "management_url": f"http://{login}@{BROKER}:15672",
        },
    }


async def initiate(member: str, prefix: str = "casework", council: Path = ROOT / "council") -> int:
    """Make a MongoDB the only member of a replica set, and publish the sample council unless one has been published.

    Args:
        member: its address, `host:port`, as every program will reach it.
        prefix: what the names of the databases begin with.
        council: the files of the sample council.

    Returns:
        The number of the council's version in force.

    Raises:
        BundleRefused: the council's files are broken.
        PyMongoError: the database does not answer, or does not become primary within a minute.
    """
    bundle = load_bundle(council)
    direct: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(f"mongodb://{member}/?directConnection=true")
    async with direct:
        try:
            await direct.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALISED:
                raise
            await direct.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": member}]})
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        f"mongodb://{member}/?replicaSet=rs0", tz_aware=True, serverSelectionTimeoutMS=_PRIMARY_WITHIN
    )
    async with client:
        database = open_database(client, f"{prefix}_council")
        newest = await database[VERSIONS].find_one({}, {"_id": 1}, sort=[("_id", -1)])
        if newest is not None:
            return int(newest["_id"])
        return await publish(
            database, bundle, author="docker compose", reason="sample council of the development system"
        )
