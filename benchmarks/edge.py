"""The edge: a durable command over HTTP against an empty POST on the same server.

The gateway as it is, with one route more that does nothing behind the same middleware; the command is the raising of a
report, which is on a majority before it is answered.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from rich.progress import Progress

from benchmarks.processes import spent
from benchmarks.report import Findings, Measured, Spread, Stopped, look_around, percentile, ratios
from benchmarks.stage import Variant, casework, place, running_servers
from ops.signing import ALGORITHM
from ops.stack.ports import free_port
from ops.stack.supervisor import Program
from ops.story import COUNCILLOR, REPORTED, WARD
from services.gateway.app import create_app as create_gateway
from shared.plumbing.clients import open_database

NAME = "edge: a durable command against an empty POST"
EMPTY = "/empty"
WARM_UP = 50
_AUDIENCE = "casework-api"
_REPORT = {
    "kind": "report",
    "service": REPORTED,
    "ward": WARD,
    "summary": "Bags on the verge",
    "description": "Seen on the way to the surgery this morning.",
    "location": "Layby at the end of Canary Terrace",
}


def create_app() -> FastAPI:
    """Make the gateway, and beside its routes one that does nothing; for this benchmark only."""
    app = create_gateway()

    @app.post(EMPTY)
    async def empty() -> dict[str, str]:
        return {}

    return app


class Kind(NamedTuple):
    """One of the two requests, over one round."""

    per_second: float
    p50_ms: float
    server_us: float


class Edge(Findings):
    """Both requests, over the same rounds, by the same clients."""

    requests: int
    in_flight: int
    rounds: int
    command_per_second: Spread
    empty_per_second: Spread
    command_of_empty: Spread
    command_p50_ms: Spread
    empty_p50_ms: Spread
    command_server_us: Spread
    empty_server_us: Spread

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Write them for people."""
        yield f"{self.requests} requests of each a round, {self.in_flight} in flight", f"rounds: {self.rounds}"
        yield "durable command (201)", f"{self.command_per_second:.0f} a second, p50 {self.command_p50_ms:.0f} ms"
        yield "empty POST", f"{self.empty_per_second:.0f} a second, p50 {self.empty_p50_ms:.0f} ms"
        yield "durable command / empty POST", f"{self.command_of_empty:.2f}"
        yield "processor time of the gateway for a command", f"{self.command_server_us:,.0f} us"
        yield "processor time of the gateway for an empty POST", f"{self.empty_server_us:,.0f} us"


async def edge(number: int, in_flight: int, rounds: int, progress: Progress) -> Measured:
    """Start a system with such a gateway, send both requests in turn, and measure.

    Raises:
        Stopped: a request was not answered as it should be.
    """
    with running_servers(progress.console.print) as running, tempfile.TemporaryDirectory() as folder:
        started, machine = look_around(running.management_url, running.mongo_url)
        gateway, issuer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        variant = Variant("the edge", "", lambda known: _programs(known, gateway, issuer, Path(folder)), relays=True)
        limits = httpx2.Limits(max_connections=in_flight)
        async with (
            place(running, variant) as there,
            httpx2.AsyncClient(timeout=30, limits=limits, trust_env=False) as client,
        ):
            answer = await client.post(f"{issuer}/dev/token", json={"sub": COUNCILLOR})
            headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
            pid = there.supervisor.pid("gateway") or 0
            ways = {201: f"{gateway}/v1/cases", 200: f"{gateway}{EMPTY}"}
            rounds_: dict[int, list[Kind]] = {status: [] for status in ways}
            task = progress.add_task("commands and empty POSTs", total=rounds * len(ways) * number)
            for status, url in ways.items():
                await _send(client, url, status, headers, WARM_UP, in_flight, pid)
            for _ in range(rounds):
                for status, url in ways.items():
                    rounds_[status].append(await _send(client, url, status, headers, number, in_flight, pid))
                    progress.advance(task, number)
            client_ = there.client
            await client_.drop_database(
                open_database(client_, f"{there.environment['CASEWORK_MONGO_PREFIX']}_gateway").name
            )
    commands, empties = rounds_.values()
    return Measured(
        benchmark=NAME,
        started=started,
        machine=machine,
        figures=Edge(
            requests=number,
            in_flight=in_flight,
            rounds=rounds,
            command_per_second=Spread.of([each.per_second for each in commands]),
            empty_per_second=Spread.of([each.per_second for each in empties]),
            command_of_empty=ratios([each.per_second for each in commands], [each.per_second for each in empties]),
            command_p50_ms=Spread.of([each.p50_ms for each in commands]),
            empty_p50_ms=Spread.of([each.p50_ms for each in empties]),
            command_server_us=Spread.of([each.server_us for each in commands]),
            empty_server_us=Spread.of([each.server_us for each in empties]),
        ),
    )


async def _send(  # noqa: PLR0913, PLR0917  who sends what, where to, and whose time it takes
    client: httpx2.AsyncClient, url: str, status: int, headers: Mapping[str, str], number: int, in_flight: int, pid: int
) -> Kind:
    left, seconds, answers = iter(range(number)), [], Counter[int]()

    async def person() -> None:
        for _ in left:
            began = time.perf_counter()
            answer = await client.post(url, json=_REPORT, headers={**headers, "Idempotency-Key": uuid4().hex})
            seconds.append(time.perf_counter() - began)
            answers[answer.status_code] += 1

    before, began = spent({"gateway": pid})["gateway"], time.perf_counter()
    await asyncio.gather(*(person() for _ in range(in_flight)))
    took, used = time.perf_counter() - began, spent({"gateway": pid})["gateway"] - before
    if answers != {status: number}:
        raise Stopped(f"{url}: {number} answers {status} were expected, these came: {dict(answers)}")
    return Kind(number / took, percentile(seconds, 0.5) * 1000, used * 1e6 / number)


def _programs(environment: Mapping[str, str], gateway: str, issuer: str, folder: Path) -> list[Program]:
    """Start the four services, an issuer of tokens, and the gateway with its empty route."""
    environment = {**environment, "CASEWORK_PROFILE": "development"}  # an issuer without https
    people = folder / "people.json"
    people.write_text(json.dumps([{"id": COUNCILLOR, "name": "A councillor", "about": ""}]), encoding="utf-8")
    python = (sys.executable, "-m")
    own = {
        "CASEWORK_PUBLIC_URL": gateway,
        "CASEWORK_GATEWAY_ISSUER": issuer,
        "CASEWORK_GATEWAY_AUDIENCE": _AUDIENCE,
        "CASEWORK_GATEWAY_TOKEN_ALGORITHM": ALGORITHM,
    }
    issuing = ("ops.issuer", f"--port={_port(issuer)}", f"--people={people}", f"--state={folder / 'issuer'}")
    client = (f"--audience={_AUDIENCE}", f"--redirect-uri={gateway}/sign-in/callback")
    serving = ("uvicorn", "benchmarks.edge:create_app", "--factory", "--host=127.0.0.1", f"--port={_port(gateway)}")
    flags = ("--loop=uvloop", "--log-level=warning", "--no-access-log")
    return [
        *casework(environment),
        Program("issuer", (*python, *issuing, *client), environment, f"{issuer}/readyz"),
        Program("gateway", (*python, *serving, *flags), {**environment, **own}, f"{gateway}/readyz"),
    ]


def _port(url: str) -> str:
    return url.rpartition(":")[2]
