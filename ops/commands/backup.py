"""For those who answer for the data: take a backup, look at one, restore it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pymongo.errors import PyMongoError
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from ops import backup
from ops.backup import BackupRefused
from ops.commands.terminal import NEEDS_A_PERSON, console, databases, errors, fail, say
from ops.connections import Databases

app = typer.Typer()
backups = typer.Typer(no_args_is_help=True, help="Backups: the six databases, of one instant, in one file.")
app.add_typer(backups, name="backup")

File = Annotated[Path, typer.Argument(dir_okay=False, help="The backup, e.g. casework-2026-03-02.zip.")]


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    try:
        yield
    except BackupRefused as error:
        fail(error, NEEDS_A_PERSON)
    except PyMongoError as error:  # its text may quote a document
        fail(f"the database does not answer, or not this login ({type(error).__name__}): is CASEWORK_MONGO_URL right?")


def _bar() -> Progress:
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


@backups.command("create")
def create(file: File) -> None:
    """Write the six databases as they are at one instant; services may go on. The file holds no key."""
    source = databases()
    with _in_one_sentence(), _bar() as bar:
        task = bar.add_task("documents", total=backup.estimate(source))
        manifest = backup.create(source, file, lambda more: bar.advance(task, more))
    say(f"{file}: {manifest.documents} documents of {manifest.instant.isoformat()}, {file.stat().st_size} bytes")
    say("Without CASEWORK_VAULT_KEYS and CASEWORK_SEAL_KEYS its texts cannot be read: keep them apart from it.")


@backups.command("check")
def check(file: File) -> None:
    """Read a backup to its end, compare it with its manifest and show what is in it; needs no database."""
    with _in_one_sentence(), backup.opened(file) as archive, _bar() as bar:
        task = bar.add_task("bytes", total=backup.manifest_of(archive).size)
        manifest = backup.check(archive, lambda more: bar.advance(task, more))
    table = Table("database", "collection", "documents", "bytes", box=None)
    for kept in manifest.collections:
        table.add_row(f"{manifest.prefix}_{kept.database}", kept.name, str(kept.documents), str(kept.data.size))
    console.print(table)
    say(f"whole: {manifest.documents} documents of {manifest.instant.isoformat()}, Casework {manifest.casework}")


@backups.command("restore")
def restore(
    file: File,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Drop the databases that are there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before dropping them.")] = False,
    say_again: Annotated[
        int, typer.Option(min=0, help="Say the facts of so many minutes before the backup again; 0: none.")
    ] = 30,
) -> None:
    """Check a backup, then write it to databases that are empty. Stop the services first, and see docs/backup.md."""
    target = databases()
    with _in_one_sentence():
        if replace and not yes:
            _confirm(target)
        with _bar() as bar, backup.opened(file) as archive:
            manifest = backup.manifest_of(archive)
            checking = bar.add_task("checking", total=manifest.size)
            writing = bar.add_task("writing", total=manifest.documents)
            restored = backup.restore(
                target,
                file,
                replace=replace,
                say_again=timedelta(minutes=say_again),
                checked=lambda more: bar.advance(checking, more),
                tell=lambda more: bar.advance(writing, more),
            )
    table = Table("database", "collection", "in the backup", "restored", box=None)
    for each in restored.collections:
        table.add_row(each.database, each.collection, str(each.expected), str(each.found))
    console.print(table)
    if not restored.whole:
        fail("not all is there: is a service running? Stop them all, restore again with --replace", NEEDS_A_PERSON)
    say(
        f"restored as of {restored.instant.isoformat()}; {restored.say_again} documents will say their last facts again"
    )


def _confirm(target: Databases) -> None:
    """Have somebody say that what is there may go; without a terminal nobody can."""
    names = backup.occupied(target)
    if names and not typer.confirm(f"Drop {', '.join(names)}? Is every service stopped?", err=True):
        fail("nothing was dropped, nothing was written", NEEDS_A_PERSON)
