"""For those who keep keys and generated documents."""

import sys
from typing import Annotated

import typer
from cryptography.fernet import Fernet

from ops import documents
from ops.commands.terminal import NEEDS_A_PERSON, fail
from ops.development import ROOT

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Keys for the sealed field and for cases' data keys.")
app.add_typer(keys, name="keys")


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
