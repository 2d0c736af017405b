"""`python -m benchmarks`: measure, report, and judge nothing."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.report import Measured, Stopped, markdown, table, where
from ops.stack.ladder import NoServerError
from ops.stack.processes import ServerFailedError
from ops.stack.supervisor import StartFailedError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
errors = Console(stderr=True, highlight=False)

COULD_NOT, INTERRUPTED = 2, 130
FOLDER = Path(__file__).parent
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
"""What `--record` writes stands between these lines of README.md."""


class Which(StrEnum):
    """What to measure."""

    PIPELINE = "pipeline"
    EDGE = "edge"
    TRAVEL = "travel"
    ALL = "all"


@app.command()
def main(  # noqa: PLR0913, PLR0917  the options of the command line
    which: Annotated[
        Which,
        typer.Argument(
            help="pipeline: from a command on the queue to notices and timers, against plain FastStream and Celery; "
            "edge: a durable command against an empty POST; travel: the whole system over HTTP; all: these three."
        ),
    ] = Which.ALL,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="pipeline and edge: rounds.")] = 5,
    cases: Annotated[int, typer.Option(min=100, max=100_000, help="pipeline: cases a turn for Casework.")] = 4_000,
    plain_cases: Annotated[
        int, typer.Option(min=50, max=100_000, help="pipeline: cases a turn for each plain variant.")
    ] = 400,
    single: Annotated[int, typer.Option(min=20, max=10_000, help="pipeline: cases a turn at low load.")] = 150,
    requests: Annotated[int, typer.Option(min=50, max=20_000, help="travel: reports; edge: of each, a round.")] = 400,
    in_flight: Annotated[int, typer.Option(min=1, max=200, help="travel and edge: requests at the same time.")] = 12,
    json: Annotated[Path | None, typer.Option(help="Write the results to this file, too.", dir_okay=False)] = None,
    record: Annotated[  # noqa: FBT002  a flag of the command line
        bool, typer.Option("--record", help="Write them into benchmarks/: README.md, results.json and results.svg.")
    ] = False,
) -> None:
    """Measure Casework on a real RabbitMQ and a real MongoDB, started for it as `make run` starts them.

    Nothing is asserted; a run that did not do all of its work is no result and stops. Machines are noisy: compare only
    what was measured in one run.
    """
    from benchmarks import edge, pipeline  # noqa: PLC0415  `ops.connections` reads its folder at import

    ways: dict[Which, Callable[[Progress], Coroutine[Any, Any, Measured]]] = {
        Which.PIPELINE: lambda progress: pipeline.pipeline(cases, plain_cases, single, rounds, progress),
        Which.EDGE: lambda progress: edge.edge(requests, in_flight, rounds, progress),
        Which.TRAVEL: lambda progress: _travel(requests, in_flight, progress),
    }
    results: list[Measured] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        for name, way in ways.items():
            if which in {name, Which.ALL}:
                with (
                    Progress(*columns, console=errors, transient=True) as progress,
                    asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
                ):
                    results.append(runner.run(way(progress)))
                Console().print(table(results[-1]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(INTERRUPTED) from None
    except (Stopped, NoServerError, ServerFailedError, StartFailedError) as error:
        errors.print(f"benchmarks: {error}", markup=False)
        raise typer.Exit(COULD_NOT) from None
    written = TypeAdapter(list[Measured]).dump_json(results, indent=2)
    if json:
        json.write_bytes(written)
    if record:
        (FOLDER / "results.json").write_bytes(written + b"\n")
        _record(results)


async def _travel(number: int, in_flight: int, progress: Progress) -> Measured:
    from benchmarks.travel import travel  # noqa: PLC0415  as above

    return await travel(number, in_flight, progress)


def _record(results: list[Measured]) -> None:
    """Write tables and chart into the folder of the benchmarks."""
    from benchmarks.chart import chart  # noqa: PLC0415  as above
    from benchmarks.comparison import Pipeline  # noqa: PLC0415  as above

    page = FOLDER / "README.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607  the git of whoever records
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    parts = [f"{markdown(each)}\n\n{each.benchmark}. {where(each)}; commit {commit}." for each in results]
    page.write_text("\n\n".join([f"{before}{BEGIN}", *parts, f"{END}{after}"]), encoding="utf-8")
    for each in results:
        if isinstance(each.figures, Pipeline):
            (FOLDER / "results.svg").write_text(chart(each.figures), encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="casework-bench-") as folder:
        os.environ["CASEWORK_STACK_FOLDER"] = folder  # beside a running system; read when `ops` is imported
        app(prog_name="python -m benchmarks")
