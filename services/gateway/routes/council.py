"""What the council publishes and who the caller is: the catalogue of services, and `me`."""

from typing import Annotated

from fastapi import APIRouter, Query, Security

from services.gateway.domain import find_services
from services.gateway.routes.cases import BEARER
from services.gateway.routes.examples import ME, SERVICES
from services.gateway.routes.parts import By, SignedInRoute, The
from services.gateway.routes.problems import documented
from services.gateway.schemas import FlagOut, MeOut, ServiceOut, ServicesOut, TeamOut, WardOut
from shared.calendar import LONDON

router = APIRouter(prefix="/v1", tags=["Council"], route_class=SignedInRoute, dependencies=[Security(BEARER)])


@router.get("/services", summary="Find a service", responses=documented(422, example=SERVICES))
async def list_services(
    parts: The,
    q: Annotated[str, Query(max_length=100, description="Words of the name, a synonym or the code.")] = "",
) -> ServicesOut:
    """List the services a councillor can choose, as the council publishes them now."""
    council = parts.directory.council
    found = (
        ServiceOut(
            code=each.code,
            name=each.name,
            kind=each.kind,
            synonyms=each.synonyms,
            lgsl=each.lgsl,
            acknowledge=each.acknowledge,
            answer=each.answer,
            autoclose_days=each.autoclose_days,
            danger=each.danger,
            location_required=each.location_required,
            signpost=each.signpost,
            flags=tuple(FlagOut(code=flag.code, label=flag.label, danger=flag.danger) for flag in each.flags),
        )
        for each in find_services(parts.directory, q)
    )
    return ServicesOut(council=council.code, version=council.version, services=tuple(found))


@router.get("/me", summary="Who am I", responses=documented(example=ME))
async def see_me(parts: The, caller: By) -> MeOut:
    """Say who the bearer of the token is today, by the council's own records."""
    person, directory = caller.person, parts.directory
    wards = [ward for code in person.wards if (ward := directory.ward(code))]
    teams = [team for team_id in person.teams if (team := directory.team(team_id))]
    return MeOut(
        id=person.id,
        name=person.name,
        email=person.email,
        kind=person.kind,
        roles=person.roles,
        wards=tuple(WardOut(code=ward.code, name=ward.name) for ward in wards),
        teams=tuple(TeamOut(id=team.id, name=team.name) for team in teams),
        council=directory.council.code,
        today=caller.now.astimezone(LONDON).date(),
    )
