"""Who runs which version of the council, and who should run another by now.

The one rule: a service that cannot be asked is not a straggler; that it does not answer is said elsewhere.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from rich.text import Text

from ops.council.record import Version, record_of
from shared.plumbing.clock import MovableClock
from shared.plumbing.history import technical_now
from shared.plumbing.store import Database
from shared.plumbing.versions import RecordBroken, local, published_versions

WITHIN = timedelta(seconds=10)
"""How soon after its moment a version is in use everywhere; so say the alerts, with some patience."""

RUNS, UNREADABLE = "casework_council_version", "casework_council_unreadable"  # shared.plumbing.metrics


class Running(BaseModel):
    """What a service says of the council it runs."""

    model_config = ConfigDict(frozen=True)

    number: int
    """Of the version in use; 0 before the first."""
    unreadable: int = 0
    """Later versions that it cannot read."""

    @classmethod
    def of(cls, metrics: Mapping[str, float]) -> "Running | None":
        """Read a service's metrics; None where they do not say."""
        if RUNS not in metrics:
            return None
        return cls(number=int(metrics[RUNS]), unreadable=int(metrics.get(UNREADABLE, 0)))


class Standing(BaseModel):
    """Which version is in force, since when, and which are to come."""

    model_config = ConfigDict(frozen=True)

    active: Version | None = None
    in_force_for: float = 0
    """Seconds that services had to take it into use."""
    scheduled: tuple[Version, ...] = ()
    broken: str | None = None
    """What is wrong with the record, if something is."""


async def standing(database: Database) -> Standing:
    """Look at the versions; without an offset, as in production, business time is real time."""
    now = await MovableClock(database).now()
    try:
        found = record_of(await published_versions(database), now)
    except RecordBroken as error:
        return Standing(broken=str(error))
    active = next((each for each in found if each.state == "active"), None)
    coming = sorted((each for each in found if each.state == "scheduled"), key=lambda each: each.activates)
    return Standing(active=active, in_force_for=_had(active, now) if active else 0, scheduled=tuple(coming))


def _had(active: Version, now: datetime) -> float:
    """Give the seconds since a version could be in use: since its moment, but not before it was published."""
    return min(now - active.activates, technical_now() - active.published).total_seconds()


def troubles(standing: Standing, running: Mapping[str, Running | None]) -> Iterator[str]:
    """Say what needs a person, a sentence each."""
    active = standing.active
    if standing.broken:
        yield f"council: {standing.broken}; somebody has changed the record by hand"
    for service, runs in running.items():
        if runs is None:
            continue
        if active and runs.number != active.number and standing.in_force_for > WITHIN.total_seconds():
            has = f"runs council version {runs.number}" if runs.number else "runs no council version"
            yield f"{service} {has}, in force is {active.number}"
        if runs.unreadable:
            noun = "version" if runs.unreadable == 1 else "versions"
            yield f"{service} cannot read {runs.unreadable} later council {noun}: see its log"


def lines(standing: Standing) -> Iterator[Text]:
    """Write it for a person."""
    active = standing.active
    if active is None:
        yield Text("council         no version is in force")
    else:
        yield Text(f"council         version {active.number} ({active.version}) since {local(active.activates)}")
    for each in standing.scheduled:
        yield Text(f"                version {each.number} ({each.version}) from {local(each.activates)}")
