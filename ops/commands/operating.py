"""For operators: look at a system, bring dead letters back, let other systems listen."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter
from rich.progress import MofNCompleteColumn, Progress

from ops import dead_letters, status, subscribers
from ops.commands.terminal import NEEDS_A_PERSON, console, errors, fail, say, system
from ops.dead_letters import DeadLetter, DeadLetterRefused
from ops.subscribers import SubscriberRefused

app = typer.Typer()
dead = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be handled, and why.")
subscriber = typer.Typer(no_args_is_help=True, help="Other systems that hear case events.")
app.add_typer(dead, name="dead")
app.add_typer(subscriber, name="subscriber")

Found = TypeVar("Found")
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Service = Annotated[str | None, typer.Option(help="Only this service's: intake, routing, scheduler or notifier.")]


def _run(work: Coroutine[Any, Any, Found]) -> Found:
    """Wait for work on the broker, or say why it cannot be done."""
    try:
        return asyncio.run(work)
    except DeadLetterRefused as error:
        fail(error, NEEDS_A_PERSON)


@app.command("status")
def show_status(*, as_json: Json = False) -> None:
    """Show services, queues, dead letters, unsaid facts, timers and notices; 1 if something needs a person."""
    found = _run(status.collect(system()))
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        console.print(status.render(found))
    raise typer.Exit(0 if found.healthy else NEEDS_A_PERSON)


@dead.command("list")
def dead_list(service: Service = None, *, as_json: Json = False) -> None:
    """List dead letters, oldest first: what it was, whose it is, why it died."""
    found = _run(dead_letters.list_dead(system(), service))
    if as_json:
        sys.stdout.buffer.write(TypeAdapter(list[DeadLetter]).dump_json(found, indent=2) + b"\n")
    elif found:
        console.print(dead_letters.render(found))
    else:
        say("no dead letters")


@dead.command("show")
def dead_show(
    message_id: Annotated[str, typer.Argument(help="As `casework dead list` shows it.")], service: Service = None
) -> None:
    """Show all of one dead letter that may be read; what is sealed stays sealed."""
    found = _run(dead_letters.show(system(), message_id, service))
    sys.stdout.write(found.model_dump_json(indent=2) + "\n")


@dead.command("replay")
def dead_replay(
    message_ids: Annotated[list[str] | None, typer.Argument(help="Ids, as `casework dead list` shows them.")] = None,
    service: Service = None,
    reason: Annotated[str | None, typer.Option(help="Only those with this reason.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of the service's, or all there are.")] = False,
) -> None:
    """Send dead letters to their queues once more. Each leaves only once its copy is confirmed."""
    if bool(message_ids) == everything:
        fail("name the ids to replay, or say --all")
    found = system()
    try:
        with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=errors, transient=True) as bar:
            task = bar.add_task("replaying", total=None)
            number = asyncio.run(
                dead_letters.replay(
                    found,
                    ids=message_ids or (),
                    service=service,
                    reason=reason,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            )
    except DeadLetterRefused as error:
        fail(error, NEEDS_A_PERSON)
    say(f"{number} sent back to work; they are handled within seconds, or come back here with a new reason")


@subscriber.command("add")
def subscriber_add(
    name: Annotated[str, typer.Argument(help="What the other system is called: a-z, 0-9 and dashes.")],
    patterns: Annotated[
        list[str], typer.Argument(help="What it may hear, e.g. 'case.#' or 'case.closed.v1.*.noise.#'.")
    ],
) -> None:
    """Give another system a broker user, a queue and the right to hear; prints its address once."""
    try:
        granted = subscribers.add(system(), name, patterns)
    except SubscriberRefused as error:
        fail(error, NEEDS_A_PERSON)
    say(f"queue    {granted.queue}")
    say(f"address  {granted.url}")
    say("The address holds a password that is not kept here: hand it over safely. How to listen: docs/subscribe.md")


@subscriber.command("remove")
def subscriber_remove(name: Annotated[str, typer.Argument(help="As it was added.")]) -> None:
    """Take user, right and queue away, with all that waits in it."""
    try:
        subscribers.remove(system(), name)
    except SubscriberRefused as error:
        fail(error, NEEDS_A_PERSON)
    say(f"{name} hears nothing any more")


@subscriber.command("list")
def subscriber_list() -> None:
    """List who else hears case events."""
    try:
        found = subscribers.known(system())
    except SubscriberRefused as error:
        fail(error)
    for known in found:
        say(f"{known.name}  {known.queue}  {' '.join(known.patterns)}")
