"""For docker-compose.yml: what its containers need before they start."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from ops.commands.terminal import fail, say
from ops.compose import initiate, prepare
from shared.council import BundleRefused

app = typer.Typer()
compose = typer.Typer(no_args_is_help=True, help="What the containers of docker-compose.yml need before they start.")
app.add_typer(compose, name="compose")


@compose.command("prepare")
def compose_prepare(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Gets a folder for each who may read.")],
) -> None:
    """Make secrets and the broker's definitions, unless they are there."""
    try:
        made = prepare(folder)
    except (OSError, BundleRefused) as error:
        fail(error)
    say(f"made {len(made)} files in {folder}" if made else f"all there in {folder}")


@compose.command("initiate")
def compose_initiate(
    member: Annotated[str, typer.Argument(help="Address of the database, host:port, as every program reaches it.")],
) -> None:
    """Make a database a replica set of one and publish the sample council, unless that has been done."""
    try:
        number = asyncio.run(initiate(member))
    except (PyMongoError, BundleRefused) as error:
        fail(f"{member}: {type(error).__name__}: is the database up?" if isinstance(error, PyMongoError) else error)
    say(f"in force: version {number} of the council")
