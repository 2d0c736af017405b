"""Publishes a council, or an old version of it once more: first what would change, then, if it is wanted, the version.

The one rule: what was shown is what is published. If somebody else publishes between the two, nothing is.
"""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from ops.connections import Databases
from ops.council.diff import Differences, differences
from ops.council.record import Version, council_database, history, record_of
from shared.council import Council, Directory
from shared.plumbing.clock import MovableClock
from shared.plumbing.store import Database
from shared.plumbing.versions import (
    Published,
    PublishRefused,
    council_of,
    in_force,
    publish,
    published_versions,
    settled,
)


class Order(NamedTuple):
    """How something is to be published: who, why, and when it comes into force; at once without a moment."""

    author: str
    reason: str
    activates: datetime | None = None
    overtake: bool = False
    """Versions that are to come into force later may be lost to it."""


class Proposal(NamedTuple):
    """What would be published, and what would change."""

    council: Council
    order: Order
    replaces: Published | None
    """The version that would be in force at that moment without it; None: it is the first."""
    changes: Differences | None
    """Against that version; None where there is none, or another Casework published it and it cannot be compared."""
    newest: int
    """Number of the newest version now; 0 before the first."""
    rolled_back_to: int | None = None


class Outcome(NamedTuple):
    """What came of it."""

    version: Version
    made: bool
    """Whether there is a new version; else this one has the same content and is in force then anyway."""


async def propose(databases: Databases, council: Council, order: Order) -> Proposal:
    """Say what would change if a council that has been checked were published; nothing is.

    Raises:
        PublishRefused: it would be refused as things are.
    """
    async with council_database(databases) as database:
        return await _proposal(database, council, order)


async def propose_rollback(databases: Databases, number: int, order: Order) -> Proposal:
    """Say what would change if the content of an old version were published as a new one.

    Raises:
        PublishRefused: there is no such version, or this Casework does not know all of it, or it would be refused.
    """
    async with council_database(databases) as database:
        council = await readable(database, number)
        return (await _proposal(database, council, order))._replace(rolled_back_to=number)


async def carry_out(databases: Databases, proposal: Proposal) -> Outcome:
    """Publish what was proposed.

    Raises:
        PublishRefused: somebody has published meanwhile, its moment has passed, or a version would be lost to it.
    """
    order = proposal.order
    async with council_database(databases) as database:
        number = await publish(
            database,
            proposal.council,
            author=order.author,
            reason=order.reason,
            activates=order.activates,
            rolled_back_to=proposal.rolled_back_to,
            overtake=order.overtake,
            expects=proposal.newest,
        )
        version = next(each for each in await history(database) if each.number == number)
    return Outcome(version, made=number > proposal.newest)


async def named(database: Database, name: str) -> tuple[Version, Council]:
    """Find a version by its number, or the one in force by the word `active`.

    Raises:
        PublishRefused: there is no such version, or this Casework does not know all of it.
    """
    found = record_of(await published_versions(database), await MovableClock(database).now())
    wanted = next((each for each in found if name in {str(each.number), each.state}), None)
    if wanted is None:
        what = "no version is in force" if name == "active" else f"there is no version {name}"
        raise PublishRefused(f"{what}: `casework council history` lists them")
    return wanted, await readable(database, wanted.number)


async def readable(database: Database, number: int) -> Council:
    """Read the council of a version.

    Raises:
        PublishRefused: there is no such version, or this Casework does not know all of it.
    """
    try:
        return await council_of(database, number)
    except LookupError as error:
        raise PublishRefused(f"{error}: `casework council history` lists them") from None
    except ValidationError:
        raise PublishRefused(
            f"version {number} was published by another Casework and cannot be read whole by this one: take the files "
            "it was made of"
        ) from None


def _refuse_nobody_to_place_cases(council: Council, moment: datetime) -> None:
    """Refuse a council whose Democratic Services begin only later: the files say so alone, but not of which day."""
    directory = Directory(council)
    on = directory.calendar.local_date(moment)
    if not any("democratic-services" in directory.roles_of(officer.id, on) for officer in council.officers):
        raise PublishRefused(
            f"on {on} nobody would have the role democratic-services, so nobody could place cases or change rights: "
            "grant it in grants.csv to somebody from that day on, or choose a later time"
        )


async def _proposal(database: Database, council: Council, order: Order) -> Proposal:
    known, now = await published_versions(database), await MovableClock(database).now()
    moment = order.activates or now
    _refuse_nobody_to_place_cases(council, moment)
    settled(known, council.digest(), moment, now, overtake=order.overtake)
    replaces, changes = in_force(known, moment), None
    if replaces is not None:
        try:
            changes = differences(await council_of(database, replaces.number), council)
        except ValidationError:
            changes = None
    return Proposal(council, order, replaces, changes, known[-1].number if known else 0)
