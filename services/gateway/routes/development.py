"""Only in the development profile: move business time, find a colleague, and reach inbox and issuer from here.

In production these routes do not exist; `app` includes this router for the development profile and for no other.
"""

from typing import Annotated, Any, NamedTuple

import httpx2
from fastapi import APIRouter, Depends, Query, Request

from services.gateway.domain import Away, GatewayError, Invalid, NotFound
from services.gateway.ports import MovableClock
from services.gateway.routes.parts import The
from services.gateway.schemas import AdvanceIn, ClockOut, DevelopmentLinks, JsonDocument, PeopleOut, TokenIn
from shared.calendar import LONDON
from shared.events import Code

PATIENCE = 35.0
"""Seconds: the inbox holds a request until a mail has come, for at most 30."""

router = APIRouter(prefix="/dev", include_in_schema=False)


class Bench(NamedTuple):
    """What the development routes work with."""

    clock: MovableClock
    client: httpx2.AsyncClient
    inbox_url: str
    issuer_url: str
    """Its address for browsers."""
    issuer_keys: str
    """Its address for us: where its keys come from. In containers the two differ."""


def _bench(request: Request) -> Bench:
    bench: Bench = request.app.state.bench
    return bench


On = Annotated[Bench, Depends(_bench)]


@router.get("")
async def see_links(bench: On, request: Request) -> DevelopmentLinks:
    """List what there is to look at."""
    base = str(request.base_url).rstrip("/")
    return DevelopmentLinks(
        gateway=base,
        openapi=f"{base}/openapi.json",
        docs=f"{base}/docs",
        asyncapi=f"{base}/asyncapi.json",
        inbox=bench.inbox_url,
        issuer=bench.issuer_url,
        clock=f"{base}/dev/clock",
    )


@router.get("/clock")
async def see_clock(bench: On) -> ClockOut:
    """Say what time it is for the council."""
    now = await bench.clock.now()
    return ClockOut(now=now, today=now.astimezone(LONDON).date())


@router.post("/clock")
async def move_clock(bench: On, parts: The, body: AdvanceIn) -> ClockOut:
    """Move business time on, for all services."""
    try:
        now = await bench.clock.advance(body.advance, parts.directory.calendar)
    except ValueError:
        raise Invalid("advance: write a step forward such as 5wd, 2h or 1d.", field="advance") from None
    return ClockOut(now=now, today=now.astimezone(LONDON).date())


@router.get("/people")
async def see_people(parts: The, team: Annotated[Code, Query()]) -> PeopleOut:
    """List the officers of a team, so that a story can act as one of them."""
    if parts.directory.team(team) is None:
        raise NotFound(
            "The council has no such team: see teams in its departments.yaml.", code="no-such-team", field="team"
        )
    return PeopleOut(people=tuple(sorted(parts.directory.members_of_team(team, await parts.today()))))


@router.get("/inbox/api/messages", response_model=JsonDocument)
async def see_inbox(bench: On, request: Request) -> Any:
    """Pass on what the development inbox has received."""
    return await _pass_on(bench.client, "GET", f"{bench.inbox_url}/api/messages", params=dict(request.query_params))


@router.get("/inbox/api/calls", response_model=JsonDocument)
async def see_calls(bench: On, request: Request) -> Any:
    """Pass on whom the development inbox was told to call."""
    return await _pass_on(bench.client, "GET", f"{bench.inbox_url}/api/calls", params=dict(request.query_params))


@router.post("/issuer/token", response_model=JsonDocument)
async def get_token(bench: On, body: TokenIn) -> Any:
    """Pass on a token of the development issuer."""
    return await _pass_on(bench.client, "POST", f"{bench.issuer_keys}/dev/token", json={"sub": body.sub})


async def _pass_on(client: httpx2.AsyncClient, method: str, url: str, **what: Any) -> Any:
    try:
        answer = await client.request(method, url, timeout=PATIENCE, **what)
        found = answer.json()
    except (httpx2.HTTPError, ValueError):
        raise Away("The development inbox or issuer does not answer: is the development stack up?") from None
    if answer.is_error:
        raise GatewayError(
            "The development inbox or issuer refused; see its own message with the same request.",
            status=answer.status_code,
            code="development-refused",
            title="Refused",
        )
    return found
