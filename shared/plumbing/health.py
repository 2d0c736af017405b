"""/livez and /readyz that tell the truth, and /metrics.

Live: the event loop turns. Ready: every consumer is there, the broker confirms a publish, the database has a primary,
the claim loops run. `broker.ping()` is not asked: it says yes during a memory alarm and with a missing consumer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import orjson
from faststream.asgi import AsgiResponse, get
from faststream.asgi.types import ASGIApp, Scope
from prometheus_client import CONTENT_TYPE_LATEST

from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Database
from shared.plumbing.wire import Parcel, Wire

WITHIN = 2.0
"""Seconds a part has to prove itself."""

Check: TypeAlias = Callable[[], Awaitable[str | None]]
"""Says what is wrong, or None."""


class Health:
    """Asks every part of a process."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._asking: asyncio.Task[Mapping[str, str | None]] | None = None

    def add(self, name: str, check: Check) -> None:
        """Ask this part, too."""
        self._checks[name] = check

    async def report(self) -> Mapping[str, str | None]:
        """Ask all parts at once; per part what is wrong, or None. Whoever asks meanwhile gets the same answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="health")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Mapping[str, str | None]:
        answers = await asyncio.gather(*(_within(check) for check in self._checks.values()))
        return dict(zip(self._checks, answers, strict=True))


async def _within(check: Check) -> str | None:
    try:
        async with asyncio.timeout(WITHIN):
            return await check()
    except TimeoutError:
        return f"no answer in {WITHIN:g} s"
    except Exception as error:  # noqa: BLE001  whatever it is, the part is not ready
        return type(error).__name__


def primary_of(database: Database) -> Check:
    """Check that the database answers and can be written."""

    async def check() -> str | None:
        hello = await database.command("hello")
        return None if hello.get("isWritablePrimary") else "no writable primary"

    return check


def confirms(wire: Wire, exchange: str) -> Check:
    """Check that the broker confirms a publish: a blocked connection does not.

    Args:
        wire: the connection to check.
        exchange: one this program may write to. No queue is bound to it by the probe's key or lack of headers.
    """
    probe = Parcel(exchange=exchange, routing_key="probe", body=b"", type="casework.probe", persistent=False)

    async def check() -> str | None:
        await wire.publish([probe])
        return None

    return check


def holds(condition: Callable[[], bool], otherwise: str) -> Check:
    """Check a condition of this process."""

    async def check() -> str | None:
        return None if condition() else otherwise

    return check


def routes(health: Health, metrics: Metrics) -> list[tuple[str, ASGIApp]]:
    """Serve /livez, /readyz and /metrics."""

    @get(include_in_schema=False)
    async def livez(_: Scope) -> AsgiResponse:
        return AsgiResponse(b'{"status": "alive"}', 200, {"content-type": "application/json"})

    @get(include_in_schema=False)
    async def readyz(_: Scope) -> AsgiResponse:
        status, body = await readiness(health)
        return AsgiResponse(body, status, {"content-type": "application/json"})

    @get(include_in_schema=False)
    async def exposition(_: Scope) -> AsgiResponse:
        return AsgiResponse(metrics.expose(), 200, {"content-type": CONTENT_TYPE_LATEST})

    served: list[tuple[str, Any]] = [("/livez", livez), ("/readyz", readyz), ("/metrics", exposition)]
    return served


async def readiness(health: Health) -> tuple[int, bytes]:
    """Write the readiness report: HTTP status and JSON body."""
    report = await health.report()
    ready = not any(report.values())
    body = {
        "status": "ready" if ready else "not ready",
        "parts": {name: wrong or "ok" for name, wrong in report.items()},
    }
    return (200 if ready else 503), orjson.dumps(body)
