"""For those who keep the council's data: check, publish, look back, go back."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter
from pymongo.errors import PyMongoError

from ops.commands.terminal import NEEDS_A_PERSON, console, databases, errors, fail, say
from ops.connections import Databases
from ops.council.moments import moment_of
from ops.council.publishing import Order, Outcome, publish_folder, roll_back
from ops.council.record import Version, council_database, history, render
from shared.council import BundleRefused, load_bundle
from shared.plumbing.versions import PublishRefused, RecordBroken, local

app = typer.Typer()
council = typer.Typer(no_args_is_help=True, help="Council data: people, wards, teams, services, rules.")
app.add_typer(council, name="council")

Found = TypeVar("Found")


def _moment(text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of the files.")]
Author = Annotated[str, typer.Option(help="Who, for the record.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Activate = Annotated[
    datetime | None,
    typer.Option(
        "--activate",
        parser=_moment,
        metavar="TIME",
        help="When it comes into force, e.g. 2026-12-01T00:00 (council time); at once without.",
    ),
]
Overtake = Annotated[
    bool, typer.Option("--overtake", help="Even if a version scheduled for later then never comes into force.")
]


@contextmanager
def _in_one_sentence(outcome: str = "nothing was published") -> Iterator[None]:
    try:
        yield
    except BundleRefused as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False)
        fail(f"{len(error.problems)} to mend; {outcome}", NEEDS_A_PERSON)
    except PublishRefused as error:
        fail(f"{error}; {outcome}", NEEDS_A_PERSON)
    except RecordBroken as error:
        fail(f"{error}: somebody has changed the record by hand; {outcome}")
    except PyMongoError as error:  # its text may quote a document
        fail(f"the database does not answer, or not this login ({type(error).__name__}): is CASEWORK_MONGO_URL right?")


def _run(work: Coroutine[Any, Any, Found]) -> Found:
    return asyncio.run(work)


@council.command("check")
def council_check(folder: Folder = Path("council")) -> None:
    """Check council files; every error with file, line, rule and fix."""
    with _in_one_sentence("a running system would refuse them whole"):
        found = load_bundle(folder)
    say(f"{found.name}: {len(found.councillors)} councillors, {len(found.services)} services, {len(found.rules)} rules")
    say("no error")


@council.command("publish")
def council_publish(
    reason: Reason,
    author: Author,
    folder: Folder = Path("council"),
    activate: Activate = None,
    *,
    overtake: Overtake = False,
) -> None:
    """Publish council files as the next version; running services follow within seconds. Refused whole if broken."""
    with _in_one_sentence():
        outcome = _run(publish_folder(databases(), folder, Order(author, reason, activate, overtake)))
    _tell(outcome)


@council.command("rollback")
def council_rollback(
    number: Annotated[int, typer.Argument(min=1, help="The version to go back to, as `history` lists it.")],
    reason: Reason,
    author: Author,
    activate: Activate = None,
    *,
    overtake: Overtake = False,
) -> None:
    """Publish the content of an old version as the next one; nothing that was published is changed."""
    with _in_one_sentence():
        outcome = _run(roll_back(databases(), number, Order(author, reason, activate, overtake)))
    _tell(outcome)


def _tell(outcome: Outcome) -> None:
    version = outcome.version
    if version.state == "scheduled":
        said = f"scheduled: version {version.number}, in force from {local(version.activates)} (council time)"
    else:
        said = f"in force: version {version.number}"
    say(said if outcome.made else f"{said}; it has the same content, so there is nothing to publish")


@council.command("history")
def council_history(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List all versions: who published each, why, and whether it was, is or will be in force."""
    with _in_one_sentence("no history"):
        found = _run(_history(databases()))
    if as_json:
        sys.stdout.buffer.write(TypeAdapter(list[Version]).dump_json(found, indent=2) + b"\n")
    elif found:
        console.print(render(found))
    else:
        say("nothing has been published yet")


async def _history(where: Databases) -> list[Version]:
    async with council_database(where) as database:
        return await history(database)
