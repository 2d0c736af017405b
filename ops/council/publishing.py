"""Publishes a council, or an old version of it once more, and says what came of it."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from ops.connections import Databases
from ops.council.record import Version, council_database, history
from shared.council import Council, load_bundle
from shared.plumbing.versions import PublishRefused, council_of, publish


class Order(NamedTuple):
    """How something is to be published: who, why, and when it comes into force; at once without a moment."""

    author: str
    reason: str
    activates: datetime | None = None
    overtake: bool = False
    """Versions that are to come into force later may be lost to it."""


class Outcome(NamedTuple):
    """What came of it."""

    version: Version
    made: bool
    """Whether there is a new version; else this one has the same content and is in force then anyway."""


async def publish_folder(databases: Databases, folder: Path, order: Order) -> Outcome:
    """Publish council files.

    Raises:
        BundleRefused: the files are broken; nothing was published.
        PublishRefused: its moment has passed, or a version would be lost to it.
    """
    return await publish_council(databases, load_bundle(folder), order)


async def publish_council(
    databases: Databases, council: Council, order: Order, rolled_back_to: int | None = None
) -> Outcome:
    """Publish a council that has been checked.

    Raises:
        PublishRefused: its moment has passed, or a version would be lost to it.
    """
    async with council_database(databases) as database:
        before = {each.number for each in await history(database)}
        number = await publish(
            database,
            council,
            author=order.author,
            reason=order.reason,
            activates=order.activates,
            rolled_back_to=rolled_back_to,
            overtake=order.overtake,
        )
        version = next(each for each in await history(database) if each.number == number)
    return Outcome(version, made=number not in before)


async def roll_back(databases: Databases, number: int, order: Order) -> Outcome:
    """Publish the content of an old version as a new one; the numbers between stay as they are.

    Raises:
        PublishRefused: there is no such version, or this Casework does not know all of it; or as for any other.
    """
    async with council_database(databases) as database:
        try:
            council = await council_of(database, number)
        except LookupError as error:
            raise PublishRefused(f"{error}: `casework council history` lists them") from None
        except ValidationError:
            raise PublishRefused(
                f"version {number} was published by another Casework and cannot be read whole by this one: publish the "
                "files it came from"
            ) from None
    return await publish_council(databases, council, order, rolled_back_to=number)
