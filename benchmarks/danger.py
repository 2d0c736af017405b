"""One danger behind a queue: how long from the request, and from its acceptance, until whoever is on duty is told.

Intake is held still while the ordinary commands are put on its queue, so that all of them are there when the dangerous
report is made; then it goes on, and the clock runs. The duty notice is a mail and a call; both count as sent when the
inbox has them. The mails of the ordinary cases pile up from turn to turn: they are as many behind at least.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

import aio_pika
import httpx2
from rich.progress import Progress

from benchmarks.report import Figures, Spread, Stopped
from benchmarks.stage import Loader, loader
from ops.connections import System
from ops.development import Stack
from ops.story import DANGEROUS, WARD
from shared.council import Directory
from shared.plumbing.history import technical_now
from shared.plumbing.subscriber import IS_ABOUT
from shared.plumbing.topology import WORK_QUEUES

BEHIND = 1_000
"""Ordinary commands on the queue when the danger comes."""
TURNS = 5
PATIENCE = 60.0
"""Seconds until the duty must have been told."""
_QUIET_WITHIN = 120.0
"""Seconds until every queue must be empty again."""


class Danger(Figures):
    """How long until whoever is on duty was told, in seconds, over some turns."""

    turns: int
    behind: int
    answers: list[int]
    """Status of each answer."""
    answered: Spread
    """From the request to its acceptance: the answer."""
    mail: Spread
    """From the acceptance until the duty inbox had the mail."""
    call: Spread
    """From the acceptance until the call was made."""
    mail_of_request: Spread
    call_of_request: Spread

    def rows(self) -> Iterator[tuple[str, str]]:
        """Write them for people."""
        yield f"1 danger behind {self.behind:,} queued ordinary cases: answers", ", ".join(map(str, self.answers))
        yield f"· request to acceptance, p50 of {self.turns}", f"{self.answered:.2f} s"
        yield f"· acceptance to duty mail sent, p50 of {self.turns} (aim: at most 2 s)", f"{self.mail:.2f} s"
        yield f"· acceptance to duty officer called, p50 of {self.turns} (aim: at most 2 s)", f"{self.call:.2f} s"
        yield f"· request to duty mail sent, p50 of {self.turns}", f"{self.mail_of_request:.2f} s"
        yield f"· request to duty officer called, p50 of {self.turns}", f"{self.call_of_request:.2f} s"


class Turn(NamedTuple):
    """When it happened, once."""

    status: int
    asked: datetime
    accepted: datetime
    mailed: datetime
    called: datetime


async def danger(stack: Stack, token: str, client: httpx2.AsyncClient, progress: Progress) -> Danger:
    """Let a danger come behind a queue, some times.

    Raises:
        Stopped: the duty was not told, or the queue did not go.
    """
    task = progress.add_task(f"a danger behind {BEHIND} cases", total=TURNS + 1)
    turns: list[Turn] = []
    # In the gateway's place: its user may give commands, and its keys seal them.
    async with loader(stack.supervisor.program("gateway").env, "casework") as giving:
        for behind in (0, *[BEHIND] * TURNS):  # the first opens connections and does not count
            turns.append(await _turn(stack, giving, behind, token, client))
            await _quiet(stack.system)
            await asyncio.sleep(IS_ABOUT)  # until no service reckons with danger any more
            progress.advance(task)
    return found(turns[1:], BEHIND)


def found(turns: list[Turn], behind: int) -> Danger:
    """Sum up what happened."""

    def spread(until: str, since: str) -> Spread:
        return Spread.of([(getattr(turn, until) - getattr(turn, since)).total_seconds() for turn in turns])

    return Danger(
        turns=len(turns),
        behind=behind,
        answers=[turn.status for turn in turns],
        answered=spread("accepted", "asked"),
        mail=spread("mailed", "accepted"),
        call=spread("called", "accepted"),
        mail_of_request=spread("mailed", "asked"),
        call_of_request=spread("called", "asked"),
    )


async def _turn(stack: Stack, giving: Loader, behind: int, token: str, client: httpx2.AsyncClient) -> Turn:
    if behind:
        await giving.seal(behind)
        async with _held(stack, "intake"):
            await giving.go()
            await giving.given()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
    body = {
        "kind": "report",
        "service": DANGEROUS,
        "ward": WARD,
        "summary": "Drums that smell of solvent",
        "description": "Seen on the way to the surgery this morning.",
        "location": "Layby at the end of Canary Terrace",
    }
    asked = technical_now()
    answer = await client.post(f"{stack.system.gateway_url}/v1/cases", json=body, headers=headers)
    accepted = technical_now()
    reference = answer.raise_for_status().json()["reference"]
    inbox = stack.system.inbox_url
    call = await _first(client, f"{inbox}/api/calls", {"reference": reference}, "no call")
    team = Directory(stack.council).team(call["told"]["team"]["id"])
    address = (team.duty_inbox if team else None) or ""
    mail = await _first(client, f"{inbox}/api/messages", {"to": address, "subject": reference}, "no mail to the duty")
    return Turn(answer.status_code, asked, accepted, _received(mail), _received(call))


@asynccontextmanager
async def _held(stack: Stack, service: str) -> AsyncIterator[None]:
    """Hold a process still; a moment only, or the broker takes it for dead."""
    pid = stack.supervisor.pid(service)
    if pid is None:
        raise Stopped(f"{service} does not run")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _first(client: httpx2.AsyncClient, url: str, which: dict[str, str], missing: str) -> dict[str, Any]:
    """Wait for the first that fits."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = await client.get(url, params=which | {"wait": "20"})
        for one in answer.raise_for_status().json():
            first: dict[str, Any] = one
            return first
    raise Stopped(f"{missing} about {which} within {PATIENCE:g} s")


def _received(arrival: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(arrival["received_at"])


async def _quiet(system: System) -> None:
    """Wait until nothing lies in a work queue: looked at twice, for what was just between two."""
    deadline = time.monotonic() + _QUIET_WITHIN
    async with await aio_pika.connect(system.rabbit_url) as connection:
        channel = await connection.channel()
        empty = 0
        while empty < len(("once", "twice")):
            if time.monotonic() > deadline:
                raise Stopped(f"work was left in queues for {_QUIET_WITHIN:g} s")
            await asyncio.sleep(1)
            counts = [(await channel.declare_queue(queue.name, passive=True)) for queue in WORK_QUEUES]
            empty = 0 if any(queue.declaration_result.message_count for queue in counts) else empty + 1
