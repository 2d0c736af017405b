"""For those who keep the rules: why a case goes where it goes, what other rules would do, how often they were right."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from pydantic import TypeAdapter
from pymongo.errors import PyMongoError
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from ops.commands.terminal import NEEDS_A_PERSON, console, databases, errors, fail, say
from ops.connections import NoSystem, find_databases
from ops.routing import showing
from ops.routing.accuracy import Accuracy, accuracy
from ops.routing.councils import Asked, NoSuchCouncil, business_time, client_of, council_of, in_folder, published
from ops.routing.explaining import Stored, UnknownWords, explain, stored
from ops.routing.periods import since_of
from ops.routing.rehearsal import LISTED, Rehearsal, count, rehearse
from shared.calendar import LONDON
from shared.commands import NotAReference, case_id_for, parse_reference
from shared.council import BundleRefused
from shared.council.catalogue import Capacity, Impact
from shared.council.table import Question
from shared.plumbing.clients import open_database
from shared.plumbing.clock import real_now

app = typer.Typer()
routing = typer.Typer(no_args_is_help=True, help="Routing: why a case goes where it goes, and what would change.")
app.add_typer(routing, name="routing")

_FILES = Path("council")
_NOON = time(12)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: write it as 2026-12-01") from None


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  a time of day has no zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time of day: write it as 22:15") from None


On = Annotated[date | None, typer.Option("--on", parser=_date, metavar="DATE", help="The day it is raised on.")]
Since = Annotated[str, typer.Option("--since", metavar="DAYS", help="How far to look back, e.g. 90d.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@routing.command("explain")
def routing_explain(  # noqa: PLR0913, PLR0917  what a rule can ask for
    what: Annotated[str, typer.Argument(metavar="SERVICE|REFERENCE", help="A service; or a case, as CW-DP0MP-TF3CM.")],
    ward: Annotated[str | None, typer.Argument(help="The ward, where a service is named.")] = None,
    flag: Annotated[list[str] | None, typer.Option("--flag", help="A flag that is ticked; again for more.")] = None,
    impact: Annotated[Impact, typer.Option(help="How much it weighs.")] = "routine",
    capacity: Annotated[Capacity, typer.Option(help="In which capacity it is raised.")] = "ward",
    on: On = None,
    at: Annotated[
        time | None, typer.Option("--at", parser=_time, metavar="TIME", help="When, e.g. 22:15 (council time).")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Ask the rules of these files.")
    ] = None,
    number: Annotated[int | None, typer.Option(min=1, help="Ask this published version.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say where a case of a service and a ward would go and why, or where one went that was raised."""
    if ward is None:
        _explain_case(what, as_json=as_json)
        return
    given = _Given(what, ward, frozenset(flag or ()), impact, capacity, on, at)
    with _in_one_sentence():
        asked, now = asyncio.run(_council(folder, number))
        found = explain(given.question(now), asked)
    _show(found.model_dump_json(indent=2) if as_json else showing.explanation(found))


@routing.command("rehearse")
def routing_rehearse(
    bundle: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The files with the new rules.")],
    since: Since = "90d",
    on: Annotated[
        date | None,
        typer.Option("--on", parser=_date, metavar="DATE", help="Take all cases to be raised on this day."),
    ] = None,
    references: Annotated[int, typer.Option(min=0, help="How many moved cases to list.")] = LISTED,
    *,
    as_json: Json = False,
) -> None:
    """Replay what was decided under the rules of other files, and say what would move. Changes nothing."""
    with _in_one_sentence():
        asked = in_folder(bundle)
        found = asyncio.run(_rehearse(asked, since, on, references))
    _show(
        found.model_dump_json(indent=2) if as_json else showing.rehearsal(found, asked.directory, asked.source),
    )


@routing.command("accuracy")
def routing_accuracy(since: Since = "90d", *, as_json: Json = False) -> None:
    """Say how often the teams that rules named kept the cases: 1 - given back / routed, by service and rules."""
    with _in_one_sentence():
        found = asyncio.run(_accuracy(since))
    if as_json:
        _show(TypeAdapter(list[Accuracy]).dump_json(found, indent=2).decode())
    else:
        _show([showing.accuracies(found)] if found else ["no case was routed by a rule in that time"])


class _Given(NamedTuple):
    """What somebody typed."""

    service: str
    ward: str
    flags: frozenset[str]
    impact: Impact
    capacity: Capacity
    on: date | None
    at: time | None

    def question(self, now: datetime) -> Question:
        """Take the present day and time for what was not given; on another day, noon."""
        local = now.astimezone(LONDON)
        day = self.on or local.date()
        moment = self.at or (_NOON if self.on else local.time())
        return Question(
            service=self.service,
            ward=self.ward,
            on=day,
            flags=self.flags,
            impact=self.impact,
            capacity=self.capacity,
            at=datetime.combine(day, moment, LONDON),
        )


async def _council(folder: Path | None, number: int | None) -> tuple[Asked, datetime]:
    """Find the council to ask, and the present moment as it knows it."""
    if folder is not None:
        return in_folder(folder), real_now()
    try:
        where = find_databases()
    except NoSystem as error:
        if number is not None:
            fail(error)
        return _files_here(error), real_now()
    async with client_of(where) as client:
        database = council_of(client, where)
        return await published(database, number), await business_time(database)


def _files_here(error: NoSystem) -> Asked:
    """Fall back on the files where no system runs; the answer says that it did."""
    if not _FILES.is_dir():
        fail(f"{error}; or name files with --folder")
    return in_folder(_FILES)


def _explain_case(text: str, *, as_json: bool) -> None:
    try:
        reference = parse_reference(text)
    except NotAReference as error:
        fail(f"name a ward after the service {text!r}; or a reference: {error}", NEEDS_A_PERSON)
    with _in_one_sentence():
        found = asyncio.run(_stored(reference))
    if not found:
        fail(f"routing has decided nothing about {reference}: is it a reference of this system?", NEEDS_A_PERSON)
    as_text = TypeAdapter(list[Stored]).dump_json(found, indent=2).decode()
    _show(as_text if as_json else showing.decisions(reference, found))


async def _stored(reference: str) -> list[Stored]:
    where = databases()
    async with client_of(where) as client:
        return await stored(open_database(client, where.name("routing")), case_id_for(reference))


async def _rehearse(asked: Asked, since: str, on: date | None, references: int) -> Rehearsal:
    where = databases()
    async with client_of(where) as client:
        now = await business_time(council_of(client, where))
        begin, database = _since(since, now), open_database(client, where.name("routing"))
        with _bar() as bar:
            task = bar.add_task("decisions", total=await count(database, begin, now))
            return await rehearse(
                database,
                asked.directory,
                begin,
                now,
                on=on,
                listed=references,
                tell=lambda more: bar.advance(task, more),
            )


async def _accuracy(since: str) -> list[Accuracy]:
    where = databases()
    async with client_of(where) as client:
        now = await business_time(council_of(client, where))
        return await accuracy(open_database(client, where.name("routing")), _since(since, now))


def _since(text: str, now: datetime) -> datetime:
    try:
        return since_of(text, now)
    except ValueError as error:
        fail(f"--since: {error}", NEEDS_A_PERSON)


def _show(shown: str | Iterable[showing.Shown]) -> None:
    if isinstance(shown, str):
        sys.stdout.write(shown + "\n")
        return
    for each in shown:
        if isinstance(each, str):
            say(each)
        else:
            console.print(each)


def _bar() -> Progress:
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    try:
        yield
    except BundleRefused as error:
        for problem in error.problems:
            errors.print(str(problem), markup=False)
        fail(f"{len(error.problems)} to mend; nothing was asked", NEEDS_A_PERSON)
    except UnknownWords as error:
        for sentence in error.problems[:-1]:
            errors.print(f"casework: {sentence}", markup=False)
        fail(error.problems[-1], NEEDS_A_PERSON)
    except NoSuchCouncil as error:
        fail(error, NEEDS_A_PERSON)
    except PyMongoError as error:  # its text may quote a document
        fail(f"the database does not answer, or not this login ({type(error).__name__}): is CASEWORK_MONGO_URL right?")
