"""The duty desk of the development inbox: it takes the calls to whoever is on duty, keeps them, and calls nobody.

The one rule: everything a call brings is text from a stranger; it reaches a page escaped.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import html
import itertools
import json
import re
from collections import deque
from typing import Annotated, Any

import fastapi

LONGEST_WAIT = 30.0  # seconds a request may wait for a call
_CAPACITY = 5_000
_LARGEST_CALL = 64 * 1024  # bytes
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


@dataclasses.dataclass(frozen=True)
class Call:
    """One call as it arrived: whatever JSON object was told."""

    id: int
    received_at: dt.datetime
    told: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the call as the API shows it."""
        return {"id": self.id, "received_at": self.received_at.isoformat(), "told": self.told}

    def says(self, field: str) -> str:
        """Return what the call says in a field, escaped; of a thing with a name, its name."""
        found = self.told.get(field)
        text = found.get("name") if isinstance(found, dict) else found
        return html.escape("" if text is None else str(text))


class Calls:
    """The last calls, oldest first; their ids rise by one and are never used again, even after `clear`."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._calls: deque[Call] = deque(maxlen=capacity)
        self._ids = itertools.count(1)
        self._arrived = asyncio.Condition()

    async def take(self, told: dict[str, Any]) -> Call:
        """Keep one call; beyond the capacity the oldest goes."""
        call = Call(next(self._ids), dt.datetime.now(dt.UTC), told)  # noqa: TID251  a call's date is technical time
        async with self._arrived:
            self._calls.append(call)
            self._arrived.notify_all()
        return call

    def find(self, reference: str | None = None, after: int = 0) -> list[Call]:
        """Return the calls about a case, or all, oldest first.

        Args:
            reference: of the case.
            after: an id; only later calls.
        """
        return [
            call
            for call in self._calls
            if call.id > after and (reference is None or call.told.get("reference") == reference)
        ]

    async def wait(self, within: float, reference: str | None, after: int) -> list[Call]:
        """Return the calls that fit, waiting up to `within` seconds for the first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within), self._arrived:
                await self._arrived.wait_for(lambda: self.find(reference, after))
        return self.find(reference, after)

    def clear(self) -> None:
        """Forget every call."""
        self._calls.clear()


def router_of(calls: Calls) -> fastapi.APIRouter:
    """Return the address calls are made to, and the API that shows them."""
    router = fastapi.APIRouter()

    @router.post("/duty", status_code=202)
    async def take(request: fastapi.Request) -> dict[str, int]:
        try:
            told = json.loads(await _body_of(request))
        except (ValueError, RecursionError):
            raise fastapi.HTTPException(400, "send a call as JSON") from None
        if not isinstance(told, dict):
            raise fastapi.HTTPException(422, "send a call as a JSON object")
        return {"id": (await calls.take(told)).id}

    @router.get("/api/calls")
    async def show(
        reference: str | None = None,
        after: int = 0,
        wait: Annotated[float, fastapi.Query(ge=0, le=LONGEST_WAIT)] = 0,
    ) -> list[dict[str, Any]]:
        return [call.as_json() for call in await calls.wait(wait, reference, after)]

    return router


async def _body_of(request: fastapi.Request) -> bytes:
    """Read the body of a request, as long as it can be a call."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_CALL:
            raise fastapi.HTTPException(413, f"send at most {_LARGEST_CALL} bytes")
    return bytes(body)


def table_of(calls: list[Call]) -> str:
    """Draw calls, newest first; where no officer is named the team is called."""
    rows = "".join(
        f"<tr><td>{call.id}<td>{call.received_at:%H:%M:%S}<td>{call.says('officer') or call.says('team')}"
        f"<td>{call.says('why')}<td>{_linked(call.says('link'))} {call.says('service')}, {call.says('ward')}"
        for call in reversed(calls)
    )
    return (
        f"<h2>Calls to whoever is on duty</h2><p>{len(calls)} calls, newest first. Nobody was called.</p>"
        f"<table><thead><tr><th>No.<th>At (UTC)<th>Who<th>Why<th>About</thead><tbody>{rows}</tbody></table>"
    )


def _linked(address: str) -> str:
    """Return an escaped web address as a link; anything else stays text."""
    return f'<a href="{address}" rel="noopener noreferrer">{address}</a>' if _ADDRESS.fullmatch(address) else address
