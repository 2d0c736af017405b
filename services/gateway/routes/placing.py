"""Commands that say who has a case, beside those in `cases`: the team, further teams with a part of it, its owner."""

from typing import Annotated, Literal

from fastapi import APIRouter, Security
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from services.gateway.routes.answers import Answer
from services.gateway.routes.cases import BEARER, ORDERED, At
from services.gateway.routes.parts import SignedInRoute
from services.gateway.schemas import Sent, Text
from shared.events import Code

router = APIRouter(
    prefix="/v1/cases/{reference}", tags=["Commands"], route_class=SignedInRoute, dependencies=[Security(BEARER)]
)

Consent = Literal["constituent-agrees", "no-constituent", "not-yet-asked"]


class ReturnIn(Sent):
    """Why the case is not for this team, and for which it is, if that is known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "other-team", "suggestion": "street-cleansing", "text": "The land is the highway's verge."}
            ]
        }
    )

    reason: Code
    """One of the council's reasons for giving a case back."""
    suggestion: Code | None = None
    """The team that should have it."""
    text: Text


class AssignIn(Sent):
    """The team that gets the case."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"team": "street-cleansing", "text": "They look after this verge."}]}
    )

    team: Code
    restart_clock: StrictBool = False
    """True: the time to answer counts from now. For Democratic Services alone."""
    text: Text


class OpenTaskIn(Sent):
    """What another team is asked to do, and in which time."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"team": "highways-drainage", "days": 5, "text": "Please clear the gully."}]}
    )

    team: Code
    days: Annotated[StrictInt, Field(ge=1, le=260)] | None = None
    """Working days; without them the part has the time of the service."""
    text: Text


class AnswerTaskIn(Sent):
    """What came of a part."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 1, "text": "The gully has been cleared."}]})

    number: Annotated[StrictInt, Field(ge=1, le=99)]
    """Number of the part, as the case shows it in `tasks`."""
    text: Text


class TakeOverIn(Sent):
    """Whether the resident agrees that another councillor goes on; until then, who it is stays hidden from that one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"consent": "constituent-agrees"}]})

    consent: Consent = "not-yet-asked"


class TransferOwnerIn(Sent):
    """The councillor who gets the case, and whether the resident agrees."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"person": "cllr-example", "consent": "constituent-agrees", "text": "Agreed with the group office."}
            ]
        }
    )

    person: Code
    consent: Consent = "not-yet-asked"
    text: Text


@router.post("/return", summary="Give the case back", responses=ORDERED)
async def return_case(at: At, body: ReturnIn) -> Answer:
    """Give the case back as misrouted; a second time people decide where it goes."""
    return await at.give("return", body)


@router.post("/assign", summary="Give the case to a team", responses=ORDERED)
async def assign(at: At, body: AssignIn) -> Answer:
    """Give the case to a team by hand: from triage, or from another team."""
    return await at.give("assign", body)


@router.post("/open-task", summary="Ask another team for a part", responses=ORDERED)
async def open_task(at: At, body: OpenTaskIn) -> Answer:
    """Give another team a part of the case, with a time of its own."""
    return await at.give("open-task", body)


@router.post("/answer-task", summary="Say that a part is done", responses=ORDERED)
async def answer_task(at: At, body: AnswerTaskIn) -> Answer:
    """Say that a part is done; the case is answered when all its parts are."""
    return await at.give("answer-task", body)


@router.post("/take-over", summary="Take over a case that was offered", responses=ORDERED)
async def take_over(at: At, body: TakeOverIn | None = None) -> Answer:
    """Take over a case whose councillor can no longer act, and which was offered."""
    return await at.give("take-over", body)


@router.post("/transfer-owner", summary="Give the case to another councillor", responses=ORDERED)
async def transfer_owner(at: At, body: TransferOwnerIn) -> Answer:
    """Give the case to another serving councillor; for Democratic Services alone."""
    return await at.give("transfer-owner", body)
