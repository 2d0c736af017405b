"""What the council publishes and who the caller is: the catalogue of services, and `me`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Security

from services.gateway.domain import NotFound, finder_of
from services.gateway.routes.cases import BEARER
from services.gateway.routes.catalogue import ServiceDetailOut, service_detail, service_out
from services.gateway.routes.examples import COUNCIL, ME, SERVICE, SERVICES
from services.gateway.routes.parts import By, SignedInRoute, The
from services.gateway.routes.problems import documented
from services.gateway.routes.signposts import CouncilOut, council_out
from services.gateway.schemas import MeOut, ServicesOut, TeamOut, WardOut
from shared.calendar import LONDON
from shared.events import Code

router = APIRouter(prefix="/v1", tags=["Council"], route_class=SignedInRoute, dependencies=[Security(BEARER)])


@router.get("/services", summary="Find a service", responses=documented(403, 422, example=SERVICES))
async def list_services(
    parts: The,
    caller: By,
    q: Annotated[str, Query(max_length=100, description="What it is about, in any words; half words find, too.")] = "",
) -> ServicesOut:
    """Find the services that are meant, the likeliest first, and last the one for those who are not sure."""
    council = parts.directory.council
    hits = finder_of(parts.directory, caller.now.astimezone(LONDON).date()).find(q)
    found = tuple(service_out(hit.service, hit) for hit in hits)
    return ServicesOut(council=council.code, version=council.version, services=found)


@router.get("/services/{code}", summary="Look at a service", responses=documented(403, 404, 422, example=SERVICE))
async def see_service(
    parts: The, caller: By, code: Annotated[Code, Path(description="Code of the service.", examples=["fly-tipping"])]
) -> ServiceDetailOut:
    """Say what will be asked, what happens next and by when; of a service of somebody else's, whom to contact."""
    today = caller.now.astimezone(LONDON).date()
    service = parts.directory.service(code)
    if service is None or not service.holds_on(today):
        raise NotFound("There is no such service: GET /v1/services lists them.", code="no-such-service", field="code")
    return service_detail(service, parts.directory, today)


@router.get("/council", summary="Look at the council", responses=documented(example=COUNCIL))
async def see_council(parts: The, caller: By) -> CouncilOut:
    """Say which version of the council's data is in force, what a case can weigh, and where else to look."""
    return council_out(parts.directory, caller.person.wards, caller.now.astimezone(LONDON).date())


@router.get("/me", summary="Who am I", responses=documented(example=ME))
async def see_me(parts: The, caller: By) -> MeOut:
    """Say who the bearer of the token is today, by the council's own records."""
    person, directory, today = caller.person, parts.directory, caller.now.astimezone(LONDON).date()
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
        portfolios=tuple(sorted(directory.portfolios_of(person.id, today))),
        features=tuple(sorted(directory.features_of(person.id, today))),
        council=directory.council.code,
        today=today,
    )
