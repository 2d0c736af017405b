"""What every route works with, and the door in front of `/v1`: first who, then what.

A route under `/v1` is made with `SignedInRoute`; there is no other way in, so a new route cannot forget to ask who is
there. The session cookie of the pages is never accepted here.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from services.gateway.auth import Tokens
from services.gateway.domain import (
    KEY_HEADER,
    Away,
    BadRequest,
    GatewayError,
    NotFound,
    Person,
    Unauthenticated,
    person_today,
    read_key,
)
from services.gateway.ports import Clock, Intake, LiveCouncil, Outbasket, Sessions
from services.gateway.routes.examples import REFERENCE
from services.gateway.routes.lanes import Lanes
from shared.calendar import LONDON
from shared.commands import NotAReference, parse_reference
from shared.council import Directory


@dataclass(frozen=True)
class Parts:
    """The gateway's parts, as `app` has put them together."""

    council: LiveCouncil
    clock: Clock
    intake: Intake
    outbasket: Outbasket
    sessions: Sessions
    tokens: Tokens
    council_code: str
    """Short name of the council: references and command ids are derived from it."""
    health: Callable[[], Awaitable[Mapping[str, str | None]]]
    """Says of each part what is wrong with it, or None."""
    lanes: Lanes = field(default_factory=Lanes)
    """A command on a dangerous case goes by the urgent lane, once the case was shown here."""

    @property
    def directory(self) -> Directory:
        """The council as published now.

        Raises:
            Away: nothing has been published, or read, yet.
        """
        try:
            return self.council.directory
        except RuntimeError:
            raise Away("The gateway is starting: try again shortly.", code="starting") from None

    async def today(self) -> date:
        """Business date in the council's time zone."""
        return (await self.clock.now()).astimezone(LONDON).date()


class Caller(NamedTuple):
    """Who calls, when, and for a POST under which key and with which body (as parsed JSON)."""

    person: Person
    now: datetime
    key: str = ""
    body: Any = None


def parts_of(request: Request) -> Parts:
    """Give the parts of the running app."""
    parts: Parts = request.app.state.parts
    return parts


def caller_of(request: Request) -> Caller:
    """Give the caller that the door has let in."""
    caller: Caller = request.state.caller
    return caller


def reference_of(reference: Annotated[str, Path(description="Reference of the case.", examples=[REFERENCE])]) -> str:
    """Read the reference in the address; what is none is simply not found."""
    try:
        return parse_reference(reference)
    except NotAReference as error:
        raise NotFound(f"There is no such case: {error}.", code="no-such-case") from None


The = Annotated[Parts, Depends(parts_of)]
By = Annotated[Caller, Depends(caller_of)]
Reference = Annotated[str, Depends(reference_of)]


FOR_SYSTEMS = frozenset({"/v1/me", "/v1/cases/{reference}/events"})
"""What a listening system may ask: who it is, and what has become of a case."""


class SignedInRoute(APIRoute):
    """A route that only somebody the council knows today can use; a POST also needs a key and a JSON body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the door before the route."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            request.state.caller = await _let_in(request, for_systems=self.path in FOR_SYSTEMS)
            return await inner(request)

        return handle


async def _let_in(request: Request, *, for_systems: bool) -> Caller:
    parts = parts_of(request)
    authorization = request.headers.getlist("authorization")
    if len(authorization) > 1:
        raise Unauthenticated("Send one header Authorization, not several.")
    person_id = await parts.tokens.person_of(authorization[0] if authorization else None)
    now = await parts.clock.now()
    person = person_today(parts.directory, person_id, now.astimezone(LONDON).date())
    if person is None:
        raise Unauthenticated("The council has no such councillor or officer today: ask Democratic Services.")
    request.state.actor = person.id
    if person.kind == "system" and not for_systems:
        raise GatewayError(
            "A listening system follows cases and no more: ask GET /v1/cases/{reference}/events.",
            status=403,
            code="for-people",
            title="Not for systems",
        )
    if request.method != "POST":
        return Caller(person, now)
    keys = request.headers.getlist(KEY_HEADER)
    if len(keys) > 1:
        raise BadRequest(f"Send one header {KEY_HEADER}, not several.", code="key-malformed", field=KEY_HEADER)
    key = read_key(keys[0] if keys else None)
    return Caller(person, now, key, await _body(request))


_MAX_DEPTH = 20
_MAX_ITEMS = 1_000


async def _body(request: Request) -> Any:
    """Read the body as JSON; an empty one counts as `{}`.

    Raises:
        BadRequest: it is no JSON; the place is named, the text is not.
        GatewayError: it is of another media type (415).
    """
    try:
        raw = await request.body()
    except ClientDisconnect:
        raise BadRequest("The request ended before its body did.", code="incomplete") from None
    if not raw:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/json":
        raise GatewayError(
            "Send the body as JSON, with the header Content-Type: application/json.",
            status=415,
            code="not-json",
            title="Another media type is needed",
            field="Content-Type",
        )
    return read_json(raw)


def read_json(raw: bytes) -> Any:
    """Parse a JSON text.

    Raises:
        BadRequest: it is no JSON, nests deeper than 20 or has a list of more than 1,000; the place is named.
    """

    def refuse_constant(_: str) -> None:
        raise ValueError("NaN and Infinity are no JSON")

    try:
        text = raw.decode("utf-8")
        parsed = json.loads(text, parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8: byte {error.start} is wrong. Save or send it as UTF-8.", code="malformed-json"
        ) from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno} (character {error.pos}).",
            code="malformed-json",
        ) from None
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON that can be read: a number or its depth is out of bounds.") from None
    _bounded(parsed, 0)
    return parsed


def _bounded(value: Any, depth: int) -> None:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth > _MAX_DEPTH or len(children) > _MAX_ITEMS:
        raise BadRequest(
            f"The body nests deeper than {_MAX_DEPTH} levels or has more than {_MAX_ITEMS} items in one place.",
            code="too-complex",
        )
    for child in children:
        _bounded(child, depth + 1)
