"""The `casework` command: start a development system, play the story, watch a running one, mend what needs a person."""

import contextlib

import typer

from ops.commands import backup, containers, council, data, importing, operating, routing, running, setting_up

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Casework for elected members: start a system, watch it, mend what needs a person.",
)
council.council.add_typer(importing.app, name="import")
_GROUPS = (running, operating, council, data, routing, setting_up, backup, containers)
for group in _GROUPS:
    app.add_typer(group.app)


def main() -> None:
    """Run the command."""
    with contextlib.suppress(BrokenPipeError):
        app()
