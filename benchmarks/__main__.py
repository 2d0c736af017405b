"""`python -m benchmarks`: measure, report, and judge nothing."""

import asyncio
import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.report import Measured, Stopped, table
from ops.stack.ladder import NoServerError
from ops.stack.processes import ServerFailedError
from ops.stack.supervisor import StartFailedError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
errors = Console(stderr=True, highlight=False)

COULD_NOT, INTERRUPTED = 2, 130


class Which(StrEnum):
    """What to measure."""

    TRAVEL = "travel"
    LANE = "lane"
    ALL = "all"


@app.command()
def main(
    which: Annotated[
        Which,
        typer.Argument(
            help="travel: the whole system over HTTP; lane: batches against one message at a time; all: both."
        ),
    ] = Which.ALL,
    number: Annotated[
        int | None,
        typer.Option(min=50, max=20_000, help="Reports or messages.", show_default="500 reports, 2,000 messages"),
    ] = None,
    in_flight: Annotated[int, typer.Option(min=1, max=200, help="travel: requests at the same time.")] = 12,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="lane: rounds, each with one turn of either.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file, too.", dir_okay=False)] = None,
) -> None:
    """Measure Casework on a real RabbitMQ and a real MongoDB, started for it as `make run` starts them.

    Nothing is asserted. Machines are noisy: compare only what was measured in one run.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    results: list[Measured] = []
    try:
        if which in {Which.TRAVEL, Which.ALL}:
            with Progress(*columns, console=errors, transient=True) as progress:
                results.append(_travel(number or 500, in_flight, progress))
            Console().print(table(results[-1]))
        if which in {Which.LANE, Which.ALL}:
            with Progress(*columns, console=errors, transient=True) as progress:
                results.append(_lane(number or 2_000, rounds, progress))
            Console().print(table(results[-1]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(INTERRUPTED) from None
    except (Stopped, NoServerError, ServerFailedError, StartFailedError) as error:
        errors.print(f"benchmarks: {error}", markup=False)
        raise typer.Exit(COULD_NOT) from None
    if json:
        json.write_bytes(TypeAdapter(list[Measured]).dump_json(results, indent=2))


def _travel(number: int, in_flight: int, progress: Progress) -> Measured:
    with tempfile.TemporaryDirectory(prefix="casework-bench-") as folder:
        os.environ["CASEWORK_STACK_FOLDER"] = folder  # beside a running system; read when `ops` is imported
        from benchmarks.travel import travel  # noqa: PLC0415  see the line above

        return asyncio.run(travel(number, in_flight, progress))


def _lane(number: int, rounds: int, progress: Progress) -> Measured:
    from benchmarks.lane import compare  # noqa: PLC0415  `ops.connections` reads its folder at import

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the services run
        return runner.run(compare(number, rounds, progress))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
