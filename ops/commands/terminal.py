"""What every command shares: where it writes, how it ends, and which system it talks about.

The one rule: nobody sees a traceback for something he can mend; he sees one sentence and what to do.
"""

import time
from collections.abc import Callable
from typing import NoReturn

import typer
from rich.console import Console

from ops.connections import Databases, NoSystem, System, find_databases, find_system

NEEDS_A_PERSON = 1
"""Exit code: it worked, and what it found or was told is not good."""
COULD_NOT = 2
"""Exit code: it could not do its work."""

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Write one line for a person, its square brackets untouched."""
    console.print(line, markup=False)


def timed() -> Callable[[str], None]:
    """Write lines with the seconds since now before each."""
    began = time.monotonic()

    def line(text: str) -> None:
        say(f"{time.monotonic() - began:7.2f} s  {text}")

    return line


def fail(why: object, code: int = COULD_NOT) -> NoReturn:
    """End the command with a sentence on the error stream."""
    errors.print(f"casework: {why}", markup=False)
    raise typer.Exit(code)


def system() -> System:
    """Find the system to talk about, or end the command."""
    try:
        return find_system()
    except NoSystem as error:
        fail(error)


def databases() -> Databases:
    """Find the databases to work on, or end the command."""
    try:
        return find_databases()
    except NoSystem as error:
        fail(error)
