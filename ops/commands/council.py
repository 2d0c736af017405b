"""For those who keep the council's data: check, compare, publish, look back, go back, take out."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from pymongo.errors import PyMongoError

from ops.commands.terminal import NEEDS_A_PERSON, console, databases, errors, fail, say
from ops.connections import Databases
from ops.council import exporting, publishing, record, showing
from ops.council.adoption import Adoption, NothingInForce, adoption
from ops.council.adoption import render as render_adoption
from ops.council.diff import differences
from ops.council.exporting import ExportRefused
from ops.council.moments import moment_of
from ops.council.publishing import Order, Outcome, Proposal
from ops.council.record import Version
from shared.council import BundleRefused, Council, load_bundle
from shared.plumbing.versions import PublishRefused, RecordBroken, local

app = typer.Typer()
council = typer.Typer(no_args_is_help=True, help="Council data: people, wards, teams, services, rules.")
app.add_typer(council, name="council")


def _moment(text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


COUNCIL = Path("council")
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
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, at a terminal either.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@contextmanager
def in_one_sentence(outcome: str = "nothing was published") -> Iterator[None]:
    """Tell what went wrong in a sentence, and every problem of broken files in a line, and end the command."""
    try:
        yield
    except BundleRefused as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False)
        fail(f"{len(error.problems)} to mend; {outcome}", NEEDS_A_PERSON)
    except (PublishRefused, ExportRefused) as error:
        fail(f"{error}; {outcome}", NEEDS_A_PERSON)
    except RecordBroken as error:
        fail(f"{error}: somebody has changed the record by hand; {outcome}")
    except PyMongoError as error:  # its text may quote a document
        fail(f"the database does not answer, or not this login ({type(error).__name__}): is CASEWORK_MONGO_URL right?")


@council.command("check")
def council_check(folder: Folder = COUNCIL) -> None:
    """Check council files; every error with file, line, rule and fix."""
    with in_one_sentence("a running system would refuse them whole"):
        found = load_bundle(folder)
    say(_counted(found))
    say("no error")


def _counted(found: Council) -> str:
    councillors, services, rules = len(found.councillors), len(found.services), len(found.rules)
    return f"{found.name}: {councillors} councillors, {services} services, {rules} rules"


@council.command("diff")
def council_diff(
    folder: Folder = COUNCIL,
    against: Annotated[
        str, typer.Option(metavar="NUMBER|active|FOLDER", help="A published version, or other files.")
    ] = "active",
    *,
    as_json: Json = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 if there is a difference.")] = False,
) -> None:
    """Show what is different in the files: parts that are new, gone or changed, and each field that changed."""
    published = against == "active" or against.isdecimal()
    if not published and not Path(against).is_dir():
        raise typer.BadParameter(f"there is no folder {against}: name a version, `active` or a folder of files")
    with in_one_sentence("nothing was compared"):
        new = load_bundle(folder)
        if published:
            _, old = asyncio.run(_named(databases(), against))
        else:
            old = load_bundle(Path(against))
    found = differences(old, new)
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        console.print(showing.render(found))
    raise typer.Exit(NEEDS_A_PERSON if exit_code and found else 0)


async def _named(where: Databases, name: str) -> tuple[Version, Council]:
    async with record.council_database(where) as database:
        return await publishing.named(database, name)


@council.command("publish")
def council_publish(  # noqa: PLR0913  what may be said of it
    reason: Reason,
    author: Author,
    folder: Folder = COUNCIL,
    activate: Activate = None,
    *,
    overtake: Overtake = False,
    yes: Yes = False,
) -> None:
    """Publish council files as the next version; running services follow within seconds. Refused whole if broken."""
    with in_one_sentence():
        where, found = databases(), load_bundle(folder)
        proposal = asyncio.run(publishing.propose(where, found, Order(author, reason, activate, overtake)))
        publish_after_asking(where, proposal, yes=yes)


@council.command("rollback")
def council_rollback(  # noqa: PLR0913  what may be said of it
    number: Annotated[int, typer.Argument(min=1, help="The version to go back to, as `history` lists it.")],
    reason: Reason,
    author: Author,
    activate: Activate = None,
    *,
    overtake: Overtake = False,
    yes: Yes = False,
) -> None:
    """Publish the content of an old version as the next one; nothing that was published is changed."""
    with in_one_sentence():
        where = databases()
        proposal = asyncio.run(publishing.propose_rollback(where, number, Order(author, reason, activate, overtake)))
        publish_after_asking(where, proposal, yes=yes)


def publish_after_asking(where: Databases, proposal: Proposal, *, yes: bool) -> None:
    """Show what changes, have somebody at a terminal agree, publish it, and say what came of it.

    Raises:
        PublishRefused: nothing was published; the message says why.
    """
    _show(proposal)
    when = "at once" if proposal.order.activates is None else f"from {local(proposal.order.activates)} (council time)"
    something = proposal.changes is None or bool(proposal.changes)
    if something and not yes and sys.stdin.isatty() and not typer.confirm(f"Publish it, in force {when}?", err=True):
        fail("nothing was published", NEEDS_A_PERSON)
    _tell(asyncio.run(publishing.carry_out(where, proposal)))


def _show(proposal: Proposal) -> None:
    if proposal.replaces is None:
        say(f"the first version: {_counted(proposal.council)}")
    elif proposal.changes is None:
        say(f"version {proposal.replaces.number} was published by another Casework: what changes cannot be shown")
    elif proposal.changes:
        say(f"compared with version {proposal.replaces.number}:")
        console.print(showing.render(proposal.changes))


def _tell(outcome: Outcome) -> None:
    version = outcome.version
    if version.state == "scheduled":
        said = f"scheduled: version {version.number}, in force from {local(version.activates)} (council time)"
    else:
        said = f"in force: version {version.number}"
    say(said if outcome.made else f"{said}; it has the same content, so there is nothing to publish")


@council.command("history")
def council_history(*, as_json: Json = False) -> None:
    """List all versions: who published each, why, and whether it was, is or will be in force."""
    with in_one_sentence("no history"):
        found = asyncio.run(_history(databases()))
    if as_json:
        sys.stdout.buffer.write(TypeAdapter(list[Version]).dump_json(found, indent=2) + b"\n")
    elif found:
        console.print(record.render(found))
    else:
        say("nothing has been published yet")


async def _history(where: Databases) -> list[Version]:
    async with record.council_database(where) as database:
        return await record.history(database)


@council.command("export")
def council_export(
    version: Annotated[str, typer.Argument(metavar="NUMBER|active", help="The version, as `history` lists it.")],
    folder: Annotated[Path, typer.Argument(help="Where to; empty, or not there yet.")],
) -> None:
    """Write a published version back as the files it can be published from; comments are in no version."""
    with in_one_sentence("the files are not that version"):
        found, content = asyncio.run(_named(databases(), version))
        exported = exporting.export(content, folder, f"{content.name}, exported from version {found.number}.")
    say(f"{folder}: {len(exported.files)} files of version {found.number} ({found.version})")
    if exported.differing:
        console.print(showing.render(exported.differing))
        fail("read again, the files differ from the version as shown: another Casework published it", NEEDS_A_PERSON)


@council.command("adoption")
def council_adoption(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say of each feature who has it today, who of them uses it, and how often its commands were given."""
    with in_one_sentence("nothing was counted"):
        try:
            found = asyncio.run(adoption(databases()))
        except NothingInForce as error:
            fail(error, NEEDS_A_PERSON)
    if as_json:
        sys.stdout.buffer.write(TypeAdapter(list[Adoption]).dump_json(found, indent=2) + b"\n")
    elif found:
        console.print(render_adoption(found))
    else:
        say("the council switches nothing by feature, and no case was raised under one")
