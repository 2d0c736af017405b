"""Who is let in, what every answer carries, and what is written down about it."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from services.gateway.routes.parts import SignedInRoute
from shared.commands import GetEvents, reference_for
from shared.council import Directory, Grant, ListeningSystem
from tests.gateway.fakes import BODY, CANARY, NOW, House, assert_problem, council, keyed
from tests.gateway.issuer import token

REFERENCE = reference_for("exampleton", "cllr-moss", "key-0001")


async def test_a_fault_of_ours_is_500_without_internals() -> None:
    house = House()

    def break_down(_: object) -> Any:
        raise KeyError(CANARY)

    house.intake.decide = break_down

    async with house.visit_as() as client:
        answer = await client.post("/v1/cases", json=BODY, headers=keyed())

    problem = assert_problem(answer, 500)
    assert "KeyError" not in answer.text
    assert problem["code"] == "internal"
    assert any("KeyError" in line and "test_door.py" in line for line in house.logged)
    assert CANARY not in "".join(house.logged)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_address_under_v1_asks_who_is_there_first(method: str) -> None:
    house = House()
    routes = [route for route in all_routes(house) if route.path.startswith("/v1") and method in (route.methods or ())]
    assert routes

    async with house.visit() as client:
        for route in routes:
            answer = await client.request(method, route.path.replace("{reference}", REFERENCE), content=b"{")
            problem = assert_problem(answer, 401)
            assert problem["code"] == "missing-token"
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="casework"'


def all_routes(house: House) -> list[APIRoute]:
    included = [getattr(each, "original_router", None) for each in house.app().routes]
    return [route for router in included if router for route in router.routes if isinstance(route, APIRoute)]


def test_every_address_under_v1_has_the_door_and_a_closed_answer() -> None:
    routes = [route for route in all_routes(House()) if route.path.startswith("/v1")]

    assert len(routes) == 23
    for route in routes:
        assert isinstance(route, SignedInRoute), route.path
        assert route.response_model is not None, route.path


def test_every_answer_of_the_development_and_operations_addresses_is_a_model_or_a_page() -> None:
    plain = {route.path for route in all_routes(House()) if route.response_model is None}

    assert plain == {
        "/casework",
        "/casework/{reference}",
        "/sign-in",
        "/sign-in/callback",
        "/sign-out",
        "/signed-out",
        "/static/casework.css",
        "/metrics",
        "/docs",
    }


@pytest.mark.parametrize("person", ["cllr-gone", "cllr-nobody", "off-nobody", "system"])
async def test_a_good_token_of_somebody_the_council_does_not_know_today_is_401(person: str) -> None:
    async with House().visit_as(person) as client:
        answer = await client.get("/v1/me")

    assert_problem(answer, 401)
    assert "WWW-Authenticate" in answer.headers


LISTENER = "sys-portal"


def listened_to(*, until: date | None = None) -> House:
    """Make a gateway of a council to which a system listens."""
    house, known = House(), council()
    system = ListeningSystem(id=LISTENER, name="Resident portal")
    grant = Grant(id="portal", person=LISTENER, role="subscriber", valid_to=until)
    house.council.published = Directory(
        known.model_copy(update={"systems": (system,), "grants": (*known.grants, grant)})
    )
    return house


async def test_a_listening_system_follows_cases_and_asks_who_it_is() -> None:
    house = listened_to()

    async with house.visit_as(LISTENER) as client:
        facts = await client.get(f"/v1/cases/{REFERENCE}/events")
        me = await client.get("/v1/me")

    assert (facts.status_code, me.status_code) == (200, 200)
    assert [(type(each), each.actor) for each in house.intake.queries] == [(GetEvents, LISTENER)]
    assert (me.json()["kind"], me.json()["roles"]) == ("system", ["subscriber"])


async def test_every_other_address_is_for_people() -> None:
    house = listened_to()
    own = {"/v1/me", "/v1/cases/{reference}/events"}
    others = [route for route in all_routes(house) if route.path.startswith("/v1") and route.path not in own]
    assert others

    async with house.visit_as(LISTENER) as client:
        for route in others:
            for method in route.methods or ():
                path = route.path.replace("{reference}", REFERENCE)
                answer = await client.request(method, path, json=BODY, headers=keyed())
                assert assert_problem(answer, 403)["code"] == "for-people", route.path

    assert (house.intake.queries, house.intake.commands) == ([], [])


async def test_a_system_that_is_to_listen_no_more_is_not_let_in() -> None:
    house = listened_to(until=NOW.date() - timedelta(days=1))

    async with house.visit_as(LISTENER) as client:
        answer = await client.get(f"/v1/cases/{REFERENCE}/events")

    assert_problem(answer, 401)


async def test_roles_in_a_token_mean_nothing() -> None:
    house = House()

    async with house.visit() as client:
        headers = {"Authorization": f"Bearer {token('cllr-moss', roles=['admin'], scope='admin', wards=['oak'])}"}
        answer = await client.get("/v1/me", headers=headers)

    assert (answer.json()["roles"], [ward["code"] for ward in answer.json()["wards"]]) == (["councillor"], ["elm"])


async def test_the_session_of_the_pages_opens_nothing_under_v1() -> None:
    house = House()
    session_id = await house.sessions.open("cllr-moss")

    async with house.visit() as client:
        answer = await client.get("/v1/me", headers={"Cookie": f"casework={session_id}"})

    assert_problem(answer, 401)


async def test_before_the_council_is_read_nothing_is_promised() -> None:
    house = House()
    house.council.published = None

    async with house.visit_as() as client:
        answer = await client.post("/v1/cases", json=BODY, headers=keyed())

    assert assert_problem(answer, 503)["code"] == "starting"


@pytest.mark.parametrize("address", ["/v1/me", "/v1/services", "/dev/clock"])
async def test_a_clock_that_is_away_is_no_fault_of_the_request(address: str) -> None:
    house = House()
    house.clock.away = True

    async with house.visit_as() as client:
        answer = await client.get(address)

    assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


async def test_every_answer_has_safe_headers() -> None:
    async with House(secure=True).visit() as client:
        answers = [await client.get(path) for path in ("/v1/me", "/nowhere", "/livez", "/docs")]

    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_a_request_is_one_line_in_the_log_without_anything_that_was_sent() -> None:
    house = House()

    async with house.visit_as() as client:
        await client.get(f"/v1/services?q={CANARY}")

    [line] = house.logged
    assert json.loads(line) | {"ms": 0} == {
        "event": "request",
        "method": "GET",
        "route": "/v1/services",
        "status": 200,
        "ms": 0,
        "actor": "cllr-moss",
    }
