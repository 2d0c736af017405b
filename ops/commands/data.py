"""For those who keep data and documents: council files, keys, generated documents."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from cryptography.fernet import Fernet

from ops import documents
from ops.commands.terminal import NEEDS_A_PERSON, errors, fail, say, system
from ops.development import ROOT, publish_folder
from shared.council import BundleRefused, load_bundle

app = typer.Typer()
council = typer.Typer(no_args_is_help=True, help="Council data: people, wards, teams, services, rules.")
keys = typer.Typer(no_args_is_help=True, help="Keys for the sealed field and for cases' data keys.")
app.add_typer(council, name="council")
app.add_typer(keys, name="keys")

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of the files.")]


@council.command("check")
def council_check(folder: Folder = Path("council")) -> None:
    """Check council files; every error with file, line, rule and fix."""
    try:
        found = load_bundle(folder)
    except BundleRefused as error:
        _refused(error, "a running system would refuse them whole")
    say(f"{found.name}: {len(found.councillors)} councillors, {len(found.services)} services, {len(found.rules)} rules")
    say("no error")


@council.command("publish")
def council_publish(
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    author: Annotated[str, typer.Option(help="Who, for the record.")],
    folder: Folder = Path("council"),
) -> None:
    """Publish council files as the next version; running services follow within seconds. Refused whole if broken."""
    try:
        number = asyncio.run(publish_folder(system(), folder, author=author, reason=reason))
    except BundleRefused as error:
        _refused(error, "nothing was published")
    say(f"in force: version {number}")


def _refused(error: BundleRefused, outcome: str) -> NoReturn:
    for problem in error.problems:
        errors.print(str(problem), markup=False)
    fail(f"{len(error.problems)} to mend; {outcome}", NEEDS_A_PERSON)


@keys.command("new")
def keys_new() -> None:
    """Print a new key for CASEWORK_SEAL_KEYS or CASEWORK_VAULT_KEYS; behind the old ones first (docs/operate.md)."""
    sys.stdout.write(Fernet.generate_key().decode() + "\n")


@app.command("documents")
def write_documents(
    *, check: Annotated[bool, typer.Option("--check", help="Write nothing; 1 if one is stale.")] = False
) -> None:
    """Write asyncapi.json, openapi.json, schemas and configuration.md from the code."""
    if not check:
        documents.write_all(ROOT)
        return
    if stale := documents.stale(ROOT):
        fail(f"stale: {', '.join(map(str, stale))}; run `make documents`", NEEDS_A_PERSON)
