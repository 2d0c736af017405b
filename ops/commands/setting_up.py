"""For those who set up a production system: the users of broker and databases, with passwords nobody has to type."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from ops import broker_definitions, database_users
from ops.commands.terminal import databases, fail, say
from ops.secrets_kept import SecretRefused, write_private

app = typer.Typer()
database = typer.Typer(no_args_is_help=True, help="The databases of a production system.")
broker = typer.Typer(no_args_is_help=True, help="The broker of a production system.")
app.add_typer(database, name="database")
app.add_typer(broker, name="broker")

_FOLDER_HELP = "Holds one password a user, in a file of the user's name; missing ones are made, for their owner only."
Passwords = Annotated[Path, typer.Option("--passwords", file_okay=False, metavar="FOLDER", help=_FOLDER_HELP)]
DATABASE_PASSWORDS, BROKER_PASSWORDS = Path("database-passwords"), Path("broker-passwords")


@database.command("users")
def users(
    passwords: Passwords = DATABASE_PASSWORDS,
    prefix: Annotated[
        str, typer.Option(envvar="CASEWORK_MONGO_PREFIX", help="What the names of the databases begin with.")
    ] = "casework",
    *,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Create or update them, with the administrator's login of CASEWORK_MONGO_URL."),
    ] = False,
) -> None:
    """Print a mongosh script that creates a user for each service and one for the operator; it holds no password."""
    try:
        if apply:
            names = database_users.apply(databases()._replace(prefix=prefix), passwords)
            say(f"may log in: {', '.join(names)}; passwords in {passwords}")
        else:
            sys.stdout.write(database_users.script(prefix, passwords))
    except SecretRefused as error:
        fail(error)
    except PyMongoError as error:  # its text may quote what was sent
        fail(f"the database does not answer, or not this login ({type(error).__name__}): is CASEWORK_MONGO_URL right?")


@broker.command("definitions")
def definitions(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write them; replaced if it is there.")],
    passwords: Passwords = BROKER_PASSWORDS,
) -> None:
    """Write the broker's definitions: topology, a user for each service, operator, monitor; passwords as hashes."""
    try:
        write_private(file, broker_definitions.as_text(broker_definitions.broker_definitions(passwords)))
    except SecretRefused as error:
        fail(error)
    say(f"{file}: load it with `rabbitmqctl import_definitions`; passwords in {passwords}")
