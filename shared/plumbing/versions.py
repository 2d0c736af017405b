"""The council's versions as they are kept: numbered without a gap, immutable, each with the moment it comes into force.

The one rule: in force is the version with the highest number among those whose moment has come. A later number wins,
so a version that is to come into force later than one with a higher number never does.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pymongo.errors import DuplicateKeyError

from shared.calendar import LONDON
from shared.council import Council
from shared.plumbing.clock import MovableClock
from shared.plumbing.history import Document, technical_now
from shared.plumbing.store import Database

VERSIONS = "versions"
GRACE = timedelta(minutes=1)
"""How long ago the moment of a new version may lie: somebody typed it, and looked at what would change."""

MOST_BYTES = 15_000_000
"""A version is one document, and a document of MongoDB has at most 16 MiB."""


class PublishRefused(ValueError):
    """Nothing was published; the message says why and what to do."""


class RecordBroken(ValueError):
    """A document among the versions is none."""


class Published(NamedTuple):
    """What is known of a version beside the council itself."""

    number: int
    version: str
    """The council's own name for it, as the files say."""
    digest: str
    author: str
    reason: str
    published: datetime
    """Real time."""
    activates: datetime
    """Business time: from here on it is in force, unless one with a higher number is."""
    rolled_back_to: int | None = None
    """The version whose content this is once more."""

    @classmethod
    def of(cls, document: Document) -> "Published":
        """Read a document; one of before versions had a moment of their own came into force when it was published.

        Raises:
            RecordBroken: the document is no version.
        """
        try:
            found = cls(
                number=document["_id"],
                version=document["version"],
                digest=document["digest"],
                author=document["author"],
                reason=document["reason"],
                published=document["published"],
                activates=document["activates"] if "activates" in document else document["published"],
                rolled_back_to=document.get("rolled_back_to"),
            )
        except KeyError as error:
            raise RecordBroken(f"version {document['_id']} has no {error}") from None
        if not isinstance(found.activates, datetime):
            raise RecordBroken(f"version {found.number} has no moment")
        return found


def in_force(versions: Iterable[Published], now: datetime) -> Published | None:
    """Give the version in force at a moment; None before the first."""
    return max((each for each in versions if each.activates <= now), default=None, key=lambda each: each.number)


def to_come(versions: Sequence[Published], now: datetime) -> list[Published]:
    """List the versions that will come into force after a moment, in the order in which they will."""
    coming = (each for each in versions if each.activates > now and not is_overtaken(each, versions))
    return sorted(coming, key=lambda each: each.activates)


def is_overtaken(version: Published, versions: Iterable[Published]) -> bool:
    """Say whether a later number has its moment before, or at the same time: then this one is never in force."""
    return any(each.number > version.number and each.activates <= version.activates for each in versions)


async def published_versions(database: Database) -> list[Published]:
    """List all versions by number.

    Raises:
        RecordBroken: a document is no version.
    """
    return [Published.of(each) async for each in database[VERSIONS].find({}, {"bundle": 0}, sort=[("_id", 1)])]


async def council_of(database: Database, number: int) -> Council:
    """Read the council of a version, which this program must know whole.

    Raises:
        LookupError: there is no such version.
        ValueError: it was written by another Casework, with parts that this one does not know or without some it needs.
    """
    found = await database[VERSIONS].find_one({"_id": number}, {"bundle": 1})
    if found is None:
        raise LookupError(f"there is no version {number}")
    return Council.model_validate_json(found["bundle"])


async def publish(  # noqa: PLR0913  what stands in the record
    database: Database,
    council: Council,
    *,
    author: str,
    reason: str,
    activates: datetime | None = None,
    rolled_back_to: int | None = None,
    overtake: bool = False,
    expects: int | None = None,
) -> int:
    """Publish a checked council as the next version, unless the same content will be in force then; give its number.

    Args:
        database: the council's.
        council: what to publish.
        author: who does it, for the record.
        reason: why, for the record.
        activates: when it comes into force, by the business clock; at once without.
        rolled_back_to: the version whose content this is once more.
        overtake: whether versions that are to come into force later may be lost to this one.
        expects: the newest number whoever publishes has seen, if he has looked; 0: none.

    Raises:
        PublishRefused: the moment has passed, a version would be lost to this one, there is a newer one than expected,
            or the council is too big.
        RecordBroken: a document among the versions is none.
        ValueError: the moment has no time zone.
    """
    if activates is not None and activates.tzinfo is None:
        raise ValueError(f"{activates.isoformat()} has no time zone")
    digest, bundle = council.digest(), council.model_dump_json()
    if (size := len(bundle.encode())) > MOST_BYTES:
        raise PublishRefused(f"the council has {size:,} bytes, and a version has room for {MOST_BYTES:,}")
    while True:
        now = _kept(await MovableClock(database).now())
        moment = now if activates is None else _kept(activates)
        known = await published_versions(database)
        if (there := settled(known, digest, moment, now, overtake=overtake)) is not None:
            return there.number
        newest = known[-1].number if known else 0
        if expects is not None and newest != expects:
            raise PublishRefused(f"version {newest} was published meanwhile, by {known[-1].author}: look again")
        document: dict[str, Any] = {
            "_id": newest + 1,
            "digest": digest,
            "version": council.version,
            "author": author,
            "reason": reason,
            "published": technical_now(),
            "activates": moment,
            "bundle": bundle,
        }
        if rolled_back_to is not None:
            document["rolled_back_to"] = rolled_back_to
        try:
            await database[VERSIONS].insert_one(document)
        except DuplicateKeyError:  # somebody published at the same moment: ours comes after, and is looked at anew
            continue
        return newest + 1


def settled(
    known: Sequence[Published], digest: str, moment: datetime, now: datetime, *, overtake: bool
) -> Published | None:
    """Find the version that makes it needless to publish this content for a moment, if there is one.

    Raises:
        PublishRefused: it may not be published: the moment has passed, or a version would be lost to it.
    """
    if (there := _as_it_will_be(known, digest, moment, overtake=overtake)) is not None:
        return there
    if moment < now - GRACE:
        raise PublishRefused(
            f"{local(moment)} has passed (it is {local(now)}): name a later time, or none to publish at once"
        )
    if not overtake:
        _refuse_to_lose(known, digest, moment, now)
    return None


def _kept(moment: datetime) -> datetime:
    """Give a moment as the database keeps it, in whole milliseconds."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _as_it_will_be(known: Sequence[Published], digest: str, moment: datetime, *, overtake: bool) -> Published | None:
    """Find the version of this very content that is in force at the moment anyway: to publish it again changes nothing.

    Where later versions are to be overtaken, it does: they are taken back.
    """
    there = in_force(known, moment)
    same = there is not None and there.digest == digest and not (overtake and to_come(known, moment))
    return there if same else None


def _refuse_to_lose(known: Sequence[Published], digest: str, moment: datetime, now: datetime) -> None:
    """A version that waits for its day must not be lost unnoticed; one of the same content is no loss."""
    lost = [each for each in to_come(known, now) if each.activates >= moment and each.digest != digest]
    if lost:
        listed = ", ".join(f"version {each.number} of {local(each.activates)}" for each in lost)
        raise PublishRefused(
            f"{listed} would never come into force, because a later number wins: choose a later time, or overtake it "
            "with --overtake and publish it again afterwards if it is still wanted"
        )


def local(moment: datetime) -> str:
    """Write a moment in council time, to the second where that matters."""
    there = moment.astimezone(LONDON)
    return f"{there.day} {there:%B %Y %H:%M}" + (f":{there:%S}" if there.second else "")
