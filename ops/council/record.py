"""The record of a council's versions: who published what and why, and which was, is or will be in force.

The one rule: nothing here is kept anywhere; what a version is follows from its number, its moment and the others'.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pymongo import AsyncMongoClient
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ops.connections import Databases
from shared.calendar import LONDON
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.store import Database
from shared.plumbing.versions import Published, in_force, is_overtaken, published_versions, to_come

State = Literal["active", "scheduled", "past", "rolled back", "overtaken"]
"""`rolled back`: was in force until somebody went back to one before; `overtaken`: never is, a later one came first."""


class Version(BaseModel):
    """A published version as its record shows it."""

    model_config = ConfigDict(frozen=True)

    number: int
    state: State
    version: str
    author: str
    reason: str
    published: datetime
    activates: datetime
    rolled_back_to: int | None
    digest: str


@asynccontextmanager
async def council_database(databases: Databases) -> AsyncIterator[Database]:
    """Open the council's database for one look or one change."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        databases.url,
        tz_aware=True,
        appname="casework-council",
        serverSelectionTimeoutMS=3_000,
        serverMonitoringMode="poll",  # a client of one look needs no second connection to monitor by
    )
    async with client:
        yield open_database(client, databases.name("council"))


async def history(database: Database) -> list[Version]:
    """List every version by number, as it stands now by the business clock."""
    return record_of(await published_versions(database), await MovableClock(database).now())


def record_of(versions: Sequence[Published], now: datetime) -> list[Version]:
    """Say of every version what it is at a moment."""
    return [Version(state=_state(each, versions, now), **each._asdict()) for each in versions]


def _state(version: Published, versions: Sequence[Published], now: datetime) -> State:
    if version == in_force(versions, now):
        return "active"
    if version in to_come(versions, now):
        return "scheduled"
    if is_overtaken(version, versions):
        return "overtaken"
    return "rolled back" if any(_leaves(each, version, now) for each in versions) else "past"


def _leaves(rollback: Published, version: Published, now: datetime) -> bool:
    """Say whether a rollback has gone back behind a version."""
    return (
        rollback.activates <= now
        and rollback.rolled_back_to is not None
        and rollback.rolled_back_to < version.number < rollback.number
    )


def render(versions: Sequence[Version]) -> RenderableType:
    """Show the record to a person, the newest first."""
    table = Table("number", box=None)
    for column in ("state", "version", "in force from", "published"):
        table.add_column(column, no_wrap=True)
    table.add_column("author")
    table.add_column("reason")
    for each in reversed(versions):
        reason = each.reason if each.rolled_back_to is None else f"{each.reason} (back to {each.rolled_back_to})"
        names = (Text(text) for text in (each.author, reason))
        state = f"[bold]{each.state}[/]" if each.state in {"active", "scheduled"} else each.state
        table.add_row(
            str(each.number), state, Text(each.version), _short(each.activates), _short(each.published), *names
        )
    return table


def _short(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M}"
