"""For those who keep the council's data: bring people, wards and services in from the lists of other systems."""

import asyncio
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ops.commands.council import in_one_sentence, publish_after_asking
from ops.commands.terminal import NEEDS_A_PERSON, console, errors, fail, say
from ops.connections import NoSystem, find_databases
from ops.council import publishing
from ops.council.diff import Differences
from ops.council.publishing import Order
from ops.council.showing import render
from ops.importing.flow import Rehearsed, rehearse, write
from ops.importing.lgsf import fetch_lgsf, read_lgsf
from ops.importing.lgsl import merge_lgsl, read_lgsl
from ops.importing.merging import merge_members
from ops.importing.modern_gov import read_modern_gov
from ops.importing.ons_wards import merge_wards, read_ons
from ops.importing.proposal import Asked, Proposal
from ops.importing.records import Roll
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched, fetch, modern_gov_address
from ops.importing.source import Progress as SourceProgress
from ops.importing.words import person_key, ward_key
from shared.calendar import LONDON
from shared.council import Council, load_bundle
from shared.plumbing.history import technical_now

app = typer.Typer(no_args_is_help=True, help="Bring people, wards and services in from other systems' lists.")

Folder = Annotated[Path, typer.Option(exists=True, file_okay=False, help="The folder of the council's files.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: for scripts.")]
Publish = Annotated[bool, typer.Option("--publish/--no-publish", help="Publish what was written, if a system runs.")]
Author = Annotated[str | None, typer.Option(help="Who, for the record; the name you are logged in with.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the record; what was imported.")]
On = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day on which the list is true; today.")
]
MaxEnded = Annotated[
    int, typer.Option(min=0, max=100, help="Refuse to end the seats of more than so many in a hundred members.")
]
WardOption = Annotated[
    list[str] | None,
    typer.Option("--ward", metavar="TITLE=CODE", help="Which ward a title means; without a code it is left out."),
]
EmailOption = Annotated[
    list[str] | None, typer.Option("--email", metavar="ID=ADDRESS", help="The address of a member who has none.")
]


class _Said(NamedTuple):
    """What every import can be told."""

    folder: Path
    yes: bool
    publish: bool
    author: str | None
    reason: str


@app.command("modern-gov")
def modern_gov(  # noqa: PLR0913  each option of the command is a parameter
    source: Annotated[str, typer.Argument(help="A council's ModernGov site, or a saved GetCouncillorsByWard.")],
    *,
    folder: Folder = Path("council"),
    on: On = None,
    max_ended: MaxEnded = 20,
    ward: WardOption = None,
    email: EmailOption = None,
    author: Author = None,
    reason: Reason = None,
    yes: Yes = False,
    publish: Publish = True,
) -> None:
    """Bring the members in from ModernGov. Home addresses and telephone numbers are not read."""
    asked = _asked(on, max_ended, ward, email)
    said = _Said(folder, yes, publish, author, reason or f"Members from ModernGov, {asked.on}")

    def propose(council: Council) -> Proposal:
        return _members(council, folder, asked, read_modern_gov(_fetched(modern_gov_address(source))))

    _import(said, propose)


@app.command("lgsf")
def lgsf(  # noqa: PLR0913  each option of the command is a parameter
    source: Annotated[str, typer.Argument(help="JSON of LGSF: a file, a folder of files, or an address.")],
    *,
    folder: Folder = Path("council"),
    on: On = None,
    max_ended: MaxEnded = 20,
    ward: WardOption = None,
    email: EmailOption = None,
    author: Author = None,
    reason: Reason = None,
    yes: Yes = False,
    publish: Publish = True,
) -> None:
    """Bring the members in from the JSON of Democracy Club's LGSF, for councils that do not use ModernGov."""
    asked = _asked(on, max_ended, ward, email)
    said = _Said(folder, yes, publish, author, reason or f"Members from LGSF, {asked.on}")

    def propose(council: Council) -> Proposal:
        with _bytes() as progress:
            files = fetch_lgsf(source, progress)
        return _members(council, folder, asked, read_lgsf(files, council.mail_domain))

    _import(said, propose)


@app.command("lgsl")
def lgsl(  # noqa: PLR0913  each option of the command is a parameter
    source: Annotated[str, typer.Argument(help="The Local Government Service List as CSV: a file or an address.")],
    *,
    folder: Folder = Path("council"),
    author: Author = None,
    reason: Reason = None,
    whole: Annotated[bool, typer.Option("--whole", help="Every live service, not only those the files name.")] = False,
    yes: Yes = False,
    publish: Publish = True,
) -> None:
    """Bring labels and descriptions in from the Local Government Service List."""
    said = _Said(folder, yes, publish, author, reason or "Labels from the Local Government Service List")

    def propose(council: Council) -> Proposal:
        entries = read_lgsl(_fetched(source))
        with _counting("services", None) as step:
            return merge_lgsl(council, folder, entries, whole=whole, step=step)

    _import(said, propose)


@app.command("ons-wards")
def ons_wards(  # noqa: PLR0913  each option of the command is a parameter
    source: Annotated[str, typer.Argument(help="A list of the ONS with WDyyCD or CEDyyCD: a file or an address.")],
    *,
    folder: Folder = Path("council"),
    authority: Annotated[str | None, typer.Option(help="The council's name or code in the list.")] = None,
    on: On = None,
    author: Author = None,
    reason: Reason = None,
    yes: Yes = False,
    publish: Publish = True,
) -> None:
    """Bring the codes of wards or divisions in from the Office for National Statistics; boundaries stay decisions."""
    today = _day(on)
    said = _Said(folder, yes, publish, author, reason or "Ward codes from the Office for National Statistics")

    def propose(_council: Council) -> Proposal:
        found = read_ons(_fetched(source), authority)
        with _counting("wards", len(found.units)) as step:
            return merge_wards(folder, found, today, step)

    _import(said, propose)


def _day(on: datetime | None) -> date:
    return on.date() if on else technical_now().astimezone(LONDON).date()


def _asked(on: datetime | None, max_ended: int, ward: list[str] | None, email: list[str] | None) -> Asked:
    """Read the options about members."""
    emails = _pairs("--email", email, "ID=ADDRESS")
    return Asked(
        on=_day(on),
        max_ended=max_ended,
        wards={ward_key(title): code for title, code in _pairs("--ward", ward, "TITLE=CODE").items()},
        emails={**emails, **{person_key(name): address for name, address in emails.items()}},
    )


def _pairs(option: str, said: list[str] | None, form: str) -> dict[str, str]:
    pairs = {}
    for each in said or ():
        name, separator, value = each.rpartition("=")
        if not separator or not name.strip():
            fail(f"{option} {each!r}: write {form}")
        pairs[name.strip()] = value.strip()
    return pairs


def _members(council: Council, folder: Path, asked: Asked, roll: Roll) -> Proposal:
    say(f"the source lists {len(roll.members)} members in {len(roll.wards)} wards")
    with _counting("members", len(roll.members)) as step:
        return merge_members(council, folder, roll, asked, step)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def _fetched(source: str) -> Fetched:
    with _bytes() as progress:
        return fetch(source, progress)


@contextmanager
def _bytes() -> Iterator[SourceProgress]:
    with _bar() as bar:
        task = bar.add_task("bytes", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _counting(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    with _bar() as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _import(said: _Said, propose: Callable[[Council], Proposal]) -> None:
    """Propose, rehearse, show, ask, write, publish; end with 1 where somebody has to see to what was left out."""
    with in_one_sentence("mend them first: nothing was imported"):
        council = load_bundle(said.folder)
    with _or_nothing(), in_one_sentence("the import would break the council's files; nothing was changed"):
        proposal = propose(council)
        rehearsed = rehearse(said.folder, proposal)
    if rehearsed.differences:
        console.print(render(rehearsed.differences))
    _show("to know", proposal.told)
    _show("suggested, not written", proposal.suggested)
    _show("left out", proposal.left_out)
    if rehearsed.differences:
        _confirm(said, rehearsed)
        with _or_nothing():
            write(rehearsed)
        say(f"written: {', '.join(rehearsed.texts)} in {said.folder}")
        if said.publish:
            _publish(said, rehearsed)
    else:
        say("nothing to change")
    if proposal.left_out:
        fail(f"{len(proposal.left_out)} left out: see above what to do, and import again", NEEDS_A_PERSON)


@contextmanager
def _or_nothing() -> Iterator[None]:
    try:
        yield
    except ImportRefused as error:
        fail(f"{error}; nothing was changed", NEEDS_A_PERSON)


def _show(what: str, lines: list[str]) -> None:
    if lines:
        say(f"{what}:")
    for line in lines:
        say(f"  {line}")


def _confirm(said: _Said, rehearsed: Rehearsed) -> None:
    """Have somebody say yes; without a terminal nobody can, so a script says --yes."""
    then = " and publish" if said.publish else ""
    question = f"Write {', '.join(rehearsed.texts)} in {said.folder}{then}?"
    try:
        agreed = said.yes or typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        fail("nothing was written, nothing was published", NEEDS_A_PERSON)


def _publish(said: _Said, rehearsed: Rehearsed) -> None:
    """Publish what was written; where no system runs the files are all there is."""
    try:
        where = find_databases()
    except NoSystem:
        say(f"no system is running here: publish later with `casework council publish {said.folder}`")
        return
    order = Order(said.author or getpass.getuser(), said.reason)
    with in_one_sentence("the files are written, nothing was published"):
        proposal = asyncio.run(publishing.propose(where, rehearsed.council, order))
        if proposal.changes == rehearsed.differences:  # shown and agreed to a moment ago
            proposal = proposal._replace(changes=Differences())
        publish_after_asking(where, proposal, yes=said.yes)
