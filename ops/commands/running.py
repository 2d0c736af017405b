"""For developers: start a system on this machine, play the story, be somebody, move the clock."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import httpx2
import typer

from ops import development, story
from ops.commands.terminal import NEEDS_A_PERSON, fail, say, system, timed
from ops.connections import System
from ops.development import AlreadyRunning, PortTaken, Stack, development_stack
from ops.stack.ladder import NoServerError
from ops.stack.processes import ServerFailedError
from ops.stack.supervisor import StartFailedError
from shared.council import BundleRefused

app = typer.Typer()
clock = typer.Typer(no_args_is_help=True, help="The business clock of a development system.")
app.add_typer(clock, name="clock")

INTERRUPTED = 130


@app.command()
def up(
    port: Annotated[int, typer.Option(envvar="PORT", help="Port of the gateway on 127.0.0.1; 0: any free one.")] = 8080,
    *,
    play: Annotated[bool, typer.Option(help="Play the story first.")] = True,
    once: Annotated[bool, typer.Option("--once", help="End after the story: 0 if every step happened.")] = False,
) -> None:
    """Start everything on this machine, play the story, stay up until Ctrl-C."""
    try:
        outcome = asyncio.run(_up(port, play=play or once, once=once))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("stopped before the end")
        raise typer.Exit(INTERRUPTED) from None
    except (AlreadyRunning, PortTaken, StartFailedError, NoServerError, ServerFailedError, BundleRefused) as error:
        fail(error)
    raise typer.Exit(outcome)


async def _up(port: int, *, play: bool, once: bool) -> int:
    outcome, tell = 0, timed()
    async with development_stack(port, tell) as stack:
        if play:
            outcome = await _play(stack, tell)
        if not once:
            await _what_to_open(stack)
            await _until_interrupted()
    return outcome


async def _play(stack: Stack, tell: Callable[[str], None]) -> int:
    """Play the story, and beside it what another system hears of the same cases."""
    told: list[story.Story] = []

    def heard(line: str) -> None:
        if told and line.split(" ", 1)[0] in told[0].references:
            reference, _, fact = line.partition(" ")
            tell(f"{reference}    another system hears {fact}")

    hearing = asyncio.create_task(development.follow(stack.listener_log, heard))
    try:
        await story.play(stack.system.gateway_url, tell, begun=told.append)
    except story.StoryStopped as error:
        say(f"the story stopped at: {error}")
        return NEEDS_A_PERSON
    finally:
        hearing.cancel()
    return 0


async def _until_interrupted() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    say("stopping")


async def _what_to_open(stack: Stack) -> None:
    found = stack.system
    management = httpx2.URL(found.management_url)
    say("")
    say("Open")
    say(f"  gateway               {found.gateway_url}/docs")
    say(f"  OpenAPI, AsyncAPI     {found.gateway_url}/openapi.json   {found.gateway_url}/asyncapi.json")
    say(f"  inbox                 {found.inbox_url}")
    say(
        f"  RabbitMQ management   http://{management.host}:{management.port}"
        f"   user {stack.operator.user}, password {stack.operator.password}"
    )
    say("Ask")
    say(f"  curl -H 'Authorization: Bearer {await _token(found, story.COUNCILLOR)}' {found.gateway_url}/v1/cases")
    say("In another terminal")
    say("  .venv/bin/casework status | dead list | clock advance 1wd | token off-005 | --help")
    say("Ctrl-C stops everything that was started here, and nothing else.")


@app.command()
def demo(
    url: Annotated[str, typer.Option(envvar="URL", help="Address of a gateway in the development profile.")],
    backlog: Annotated[int, typer.Option(min=60, max=2_000, help="Ordinary reports.")] = story.BACKLOG,
) -> None:
    """Play the story against a running development system; needs nothing but its address."""
    try:
        asyncio.run(story.play(url, timed(), backlog=backlog))
    except story.StoryStopped as error:
        fail(f"the story stopped at: {error}", NEEDS_A_PERSON)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def token(person: Annotated[str, typer.Argument(help="A person's id, e.g. cllr-001 or off-005.")]) -> None:
    """Print an access token of the development issuer for a person of the council."""
    found = system()
    if not found.issuer_url:
        fail("this system has no development issuer: get a token from the council's own")
    try:
        sys.stdout.write(asyncio.run(_token(found, person)) + "\n")
    except httpx2.HTTPStatusError as error:
        fail(f"the issuer knows no {person!r}: {error.response.text}", NEEDS_A_PERSON)
    except httpx2.HTTPError as error:
        fail(f"the issuer does not answer ({type(error).__name__}): is the system up?")


async def _token(found: System, person: str) -> str:
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.post(f"{found.issuer_url}/dev/token", json={"sub": person})
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@clock.command("advance")
def clock_advance(span: Annotated[str, typer.Argument(help="5wd (working days), 1d, 2h, 30m or 10s.")]) -> None:
    """Move business time on, for all services of a development system."""
    _clock("POST", json={"advance": span})


@clock.command("show")
def clock_show() -> None:
    """Say what time it is for the council."""
    _clock("GET")


def _clock(method: str, **request: Any) -> None:
    url = f"{system().gateway_url}/dev/clock"
    try:
        answer = httpx2.request(method, url, timeout=10, trust_env=False, **request)
    except httpx2.HTTPError as error:
        fail(f"the gateway does not answer ({type(error).__name__}): is the system up?")
    if answer.status_code == httpx2.codes.NOT_FOUND:
        fail("business time is real time and does not move: this is no development system", NEEDS_A_PERSON)
    if answer.is_error:
        detail = str(answer.status_code)
        with suppress(ValueError, KeyError):
            detail = answer.json()["detail"]
        fail(detail, NEEDS_A_PERSON)
    say(f"business time {answer.json()['now']}")
