"""`/v1/cases`: raise, list, look, follow, and one address for each command.

The addresses are the commands' names; a command that is not written down here cannot be given.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response, Security
from fastapi.security import HTTPBearer

from services.gateway.domain import KEY_HEADER, NotFound
from services.gateway.routes.answers import Answer, Desk
from services.gateway.routes.examples import CASE, CASES, EVENTS, PENDING
from services.gateway.routes.look import look, look_through
from services.gateway.routes.parts import By, Reference, SignedInRoute, The
from services.gateway.routes.problems import documented, shown
from services.gateway.schemas import (
    AcceptIn,
    AcknowledgeIn,
    CaseOut,
    CommitIn,
    CompleteIn,
    ExtendAutoCloseIn,
    PendingCase,
    PersonIn,
    RaiseCaseIn,
    RefusedOut,
    TextIn,
)
from shared.commands import CasesReply, EventsReply, GetEvents, ListCases, reference_for
from shared.events import Code, State

BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of the council's issuer.")

router = APIRouter(prefix="/v1/cases", tags=["Cases"], route_class=SignedInRoute, dependencies=[Security(BEARER)])
commands = APIRouter(
    prefix="/v1/cases/{reference}", tags=["Commands"], route_class=SignedInRoute, dependencies=[Security(BEARER)]
)

# Named for the OpenAPI document; the door has read and judged it already.
Key = Annotated[
    str,
    Header(
        alias=KEY_HEADER,
        min_length=1,
        max_length=128,
        description="A new random value for each new order, the same when one is repeated.",
        examples=["5f2c0f0e-6f2b-4a52-9c1b-0d4c6f5a7e11"],
    ),
]


def _desk(parts: The, caller: By, reference: Reference, key: Key, response: Response) -> Desk:  # noqa: ARG001  documents the header
    return Desk(parts, caller, reference, response)


At = Annotated[Desk, Depends(_desk)]

_LOCATION = {"headers": {"Location": {"description": "Address of the case.", "schema": {"type": "string"}}}}
_PENDING = {"model": PendingCase, "description": "Safe, not decided yet: ask the address in Location."}
_RAISED = {"model": CaseOut, "description": "Raised."}
ORDERED = documented(400, 403, 404, 409, 413, 415, 422, example=CASE) | {202: _PENDING | _LOCATION | shown(PENDING)}


@router.post(
    "",
    summary="Raise a case or report a problem",
    status_code=200,
    responses=ORDERED | {201: _RAISED | _LOCATION | shown(CASE)},
    response_description="Raised before, by the same request: the case as it stands now.",
)
async def raise_case(parts: The, caller: By, key: Key, body: RaiseCaseIn, response: Response) -> Answer:  # noqa: ARG001  documents the header
    """Raise a case for a resident (`kind: case`), or report a problem (`kind: report`)."""
    reference = reference_for(parts.council_code, caller.person.id, caller.key)
    return await Desk(parts, caller, reference, response).raise_case(body)


@router.get("", summary="List my cases", responses=documented(403, 422, example=CASES))
async def list_cases(
    parts: The,
    caller: By,
    state: Annotated[list[State], Query(description="Only cases in these states.", max_length=20)] = [],  # noqa: B006  FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=100, description="Cases on a page.")] = 50,
    cursor: Annotated[Code | None, Query(description="`next` of the page before.")] = None,
) -> CasesReply:
    """List the cases this person owns, follows or works on, newest first."""
    asked = ListCases(at=caller.now, actor=caller.person.id, states=tuple(state), limit=limit, after=cursor)
    return await look_through(parts, asked)


@router.get(
    "/{reference}",
    summary="Look at a case",
    response_model=CaseOut | PendingCase | RefusedOut,
    responses=documented(403, 404, example=CASE),
)
async def see_case(parts: The, caller: By, reference: Reference) -> CaseOut | PendingCase | RefusedOut:
    """Show a case, its history and what this person may do now; or that it is pending, or was refused."""
    return await look(parts, caller, reference)


@router.get(
    "/{reference}/events",
    summary="Follow a case",
    responses=documented(404, 422, example=EVENTS),
)
async def list_events(
    parts: The,
    caller: By,
    reference: Reference,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="The last `caseseq` that is known already.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="Facts at once.")] = 100,
) -> EventsReply:
    """List the facts of a case after a `caseseq`, oldest first and without a gap."""
    asked = GetEvents(at=caller.now, actor=caller.person.id, reference=reference, after=after, limit=limit)
    reply = await parts.intake.ask(asked, EventsReply)
    if not reply.found:
        raise NotFound("There is no such case, or it is not yours to see.", code="no-such-case")
    return reply


@commands.post("/acknowledge", summary="Take the case on", responses=ORDERED)
async def acknowledge(at: At, body: AcknowledgeIn | None = None) -> Answer:
    """Say that the team takes the case on."""
    return await at.give("acknowledge", body)


@commands.post("/add-progress", summary="Say how it stands", responses=ORDERED)
async def add_progress(at: At, body: TextIn) -> Answer:
    """Tell the councillor how it stands."""
    return await at.give("add-progress", body)


@commands.post("/commit", summary="Promise a date", responses=ORDERED)
async def commit(at: At, body: CommitIn) -> Answer:
    """Promise a day, or a range of days."""
    return await at.give("commit", body)


@commands.post("/answer", summary="Answer the case", responses=ORDERED)
async def answer(at: At, body: TextIn) -> Answer:
    """Give the final response to a case."""
    return await at.give("answer", body)


@commands.post("/complete", summary="Say the job is done", responses=ORDERED)
async def complete(at: At, body: CompleteIn | None = None) -> Answer:
    """Say that the reported job is done, or why there is nothing to do."""
    return await at.give("complete", body)


@commands.post("/accept", summary="Accept and close", responses=ORDERED)
async def accept(at: At, body: AcceptIn | None = None) -> Answer:
    """Accept the response or the completion; the case closes."""
    return await at.give("accept", body)


@commands.post("/extend-auto-close", summary="Keep the case open longer", responses=ORDERED)
async def extend_auto_close(at: At, body: ExtendAutoCloseIn) -> Answer:
    """Keep the case open until a day, or until five working days after the promised one."""
    return await at.give("extend-auto-close", body)


@commands.post("/add-cc", summary="Let a colleague follow", responses=ORDERED)
async def add_cc(at: At, body: PersonIn) -> Answer:
    """Let a fellow ward councillor follow the case."""
    return await at.give("add-cc", body)


@commands.post("/remove-cc", summary="End a colleague's following", responses=ORDERED)
async def remove_cc(at: At, body: PersonIn) -> Answer:
    """End a colleague's following, or one's own."""
    return await at.give("remove-cc", body)
