"""What operators and programs ask, what the development profile adds, and what production has not."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.app import openapi_document
from services.gateway.config import Config
from services.gateway.routes import examples
from services.gateway.routes.catalogue import ServiceDetailOut
from services.gateway.routes.signposts import CouncilOut
from services.gateway.schemas import CaseOut, MeOut, PendingCase, Problem, ServicesOut
from shared.commands import COMMANDS, CasesReply, EventsReply
from tests.gateway.fakes import NOW, House


async def test_who_am_i_is_answered_by_the_councils_records() -> None:
    async with House().visit_as("off-reed") as client:
        answer = await client.get("/v1/me")

    assert answer.json() == {
        "id": "off-reed",
        "name": "Pat Reed",
        "email": "reed@exampleton.example",
        "kind": "officer",
        "roles": ["officer"],
        "wards": [],
        "teams": [{"id": "housing", "name": "Housing Repairs"}],
        "portfolios": [],
        "features": [],
        "council": "exampleton",
        "today": "2026-11-23",
    }


async def test_today_is_the_date_in_london() -> None:
    house = House()
    house.clock.at = NOW.replace(month=6, hour=23, minute=30)

    async with house.visit_as() as client:
        answer = await client.get("/v1/me")

    assert answer.json()["today"] == "2026-06-24"


async def test_the_catalogue_is_searched() -> None:
    async with House().visit_as() as client:
        answer = await client.get("/v1/services?q=dumped")

    found = answer.json()
    assert (found["council"], found["version"]) == ("exampleton", "2026.1")
    assert [service["code"] for service in found["services"]] == ["waste"]
    assert found["services"][0]["flags"] == [{"code": "asbestos", "label": "May hold asbestos", "danger": True}]


async def test_alive_is_alive_whatever_is_away() -> None:
    house = House()
    house.report = {"database": "no answer in 2 s"}

    async with house.visit() as client:
        answer = await client.get("/livez")

    assert (answer.status_code, answer.json()["status"]) == (200, "alive")


@pytest.mark.parametrize(
    ("report", "status", "word"),
    [
        ({"database": None, "broker": None, "replies": None}, 200, "ready"),
        ({"database": None, "broker": None, "replies": "no consumer"}, 503, "not ready"),
        ({"database": None, "broker": "no answer in 2 s", "replies": None}, 503, "not ready"),
        ({"database": "no writable primary", "broker": None}, 503, "not ready"),
        ({"database": None, "relay": "not running"}, 503, "not ready"),
    ],
)
async def test_ready_means_that_every_part_is_there(report: dict[str, str | None], status: int, word: str) -> None:
    house = House()
    house.report = report

    async with house.visit() as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert answer.json()["parts"] == {name: wrong or "ok" for name, wrong in report.items()}


async def test_metrics_count_by_route_and_never_by_path() -> None:
    house = House()

    async with house.visit() as client:
        await client.get("/v1/cases/CW-7K2M9-Q4T1X")
        await client.get("/nowhere/CW-7K2M9-Q4T1X")
        answer = await client.get("/metrics")

    assert 'casework_http_requests_total{method="GET",route="/v1/cases/{reference}",status="401"} 1.0' in answer.text
    assert "CW-7K2M9" not in answer.text


async def test_the_asyncapi_document_is_the_committed_file(tmp_path: Path) -> None:
    committed = tmp_path / "asyncapi.json"
    committed.write_text('{"asyncapi": "3.0.0"}')

    async with House(asyncapi=committed).visit() as client:
        answer = await client.get("/asyncapi.json")
    async with House(asyncapi=tmp_path / "none.json").visit() as client:
        missing = await client.get("/asyncapi.json")

    assert (answer.json(), missing.status_code) == ({"asyncapi": "3.0.0"}, 404)


async def test_the_openapi_document_is_valid_and_the_same_everywhere() -> None:
    async with House().visit() as client:
        served = (await client.get("/openapi.json")).json()
        again = (await client.get("/openapi.json")).json()

    assert again == served
    OpenAPIV31SpecValidator(served).validate()
    assert served == json.loads(json.dumps(openapi_document()))


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = openapi_document()["paths"]
    return [(path, method, about) for path, methods in paths.items() for method, about in methods.items()]


PROBLEM = {"$ref": "#/components/schemas/Problem"}


def test_every_operation_is_named_described_secured_and_has_its_problems() -> None:
    found = operations()

    assert {f"/v1/cases/{{reference}}/{name}" for name in COMMANDS if name != "raise"} <= {path for path, _, _ in found}
    assert len({about["operationId"] for _, _, about in found}) == len(found) == 23
    for path, method, about in found:
        assert about["summary"]
        assert about["description"]
        assert about["tags"]
        assert about["security"] == [{"HTTPBearer": []}]
        for status, answer in about["responses"].items():
            [(media_type, content)] = answer["content"].items()
            assert content["example"], (path, status)
            if int(status) >= 400:
                assert (media_type, content["schema"]) == ("application/problem+json", PROBLEM), (path, status)
        if method == "post":
            [key] = [each for each in about["parameters"] if each["name"] == "Idempotency-Key"]
            assert key["required"] is True
            assert {"200", "202", "400", "401", "403", "404", "409", "413", "415", "422", "503"} <= set(
                about["responses"]
            )


@pytest.mark.parametrize(
    ("example", "model"),
    [
        (examples.CASE, CaseOut),
        (examples.CASES, CasesReply),
        (examples.EVENTS, EventsReply),
        (examples.PENDING, PendingCase),
        (examples.SERVICES, ServicesOut),
        (examples.SERVICE, ServiceDetailOut),
        (examples.ME, MeOut),
        (examples.COUNCIL, CouncilOut),
        *((problem, Problem) for problem in examples.PROBLEMS.values()),
    ],
)
def test_an_example_is_what_the_model_says(example: dict[str, Any], model: type[BaseModel]) -> None:
    assert model.model_validate(example, extra="forbid").model_dump(mode="json", exclude_unset=True) == example


def test_every_body_is_closed_and_has_an_example() -> None:
    schemas = openapi_document()["components"]["schemas"]
    bodies = [
        schemas[name] for name in schemas if name.endswith("In") and name not in {"ConstituentIn", "AcknowledgeIn"}
    ]

    assert len(bodies) == 13
    assert all(body["additionalProperties"] is False and body["examples"] for body in bodies)


async def test_the_page_of_addresses_lists_every_operation() -> None:
    async with House().visit() as client:
        page = await client.get("/docs")

    assert page.status_code == 200
    for path, method, _ in operations():
        assert f"<code>{method.upper()} {path}</code>" in page.text


DEVELOPMENT = [
    ("GET", "/dev"),
    ("GET", "/dev/clock"),
    ("POST", "/dev/clock"),
    ("GET", "/dev/people?team=housing"),
    ("GET", "/dev/inbox/api/messages"),
    ("GET", "/dev/inbox/api/calls"),
    ("POST", "/dev/issuer/token"),
]


@pytest.mark.parametrize(("method", "path"), DEVELOPMENT)
async def test_production_has_no_development_addresses(method: str, path: str) -> None:
    house = House(development=False, secure=True)

    async with house.visit_as("off-hale") as client:
        answer = await client.request(method, path, json={"advance": "5d", "sub": "cllr-moss"})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert house.clock.at == NOW


async def test_the_development_page_lists_where_to_look() -> None:
    async with House().visit() as client:
        answer = await client.get("/dev")

    assert answer.json()["inbox"] == "http://inbox.example"
    assert answer.json()["openapi"] == "http://gateway.example/openapi.json"


async def test_business_time_can_be_moved_on() -> None:
    async with House().visit() as client:
        moved = await client.post("/dev/clock", json={"advance": "5d"})
        read = await client.get("/dev/clock")

    assert moved.status_code == 200
    assert read.json() == {"now": (NOW + timedelta(days=5)).isoformat().replace("+00:00", "Z"), "today": "2026-11-28"}


@pytest.mark.parametrize("body", [{"advance": "-5d"}, {"advance": "0d"}, {"advance": 5}, {}, {"advance": "2wd"}])
async def test_business_time_moves_only_by_a_step_forward(body: dict[str, Any]) -> None:
    house = House()

    async with house.visit() as client:
        answer = await client.post("/dev/clock", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert house.clock.at == NOW


async def test_the_officers_of_a_team_are_listed() -> None:
    async with House().visit() as client:
        housing = await client.get("/dev/people?team=housing")

    assert housing.json() == {"people": ["off-reed"]}


@pytest.mark.parametrize(("query", "status"), [("?team=no-such-team", 404), ("", 422), ("?team=" + "x" * 300, 422)])
async def test_an_unknown_team_is_a_problem_that_names_the_field(query: str, status: int) -> None:
    async with House().visit() as client:
        answer = await client.get(f"/dev/people{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["field"] == "team"


def behind(seen: list[tuple[str, bytes]], status: int = 200) -> httpx2.AsyncBaseTransport:
    async def answer(request: Request) -> Response:
        seen.append((f"{request.method} {request.url}", await request.body()))
        return JSONResponse([{"id": 1}] if request.method == "GET" else {"access_token": "t"}, status_code=status)

    routes = [
        Route("/api/messages", answer),
        Route("/api/calls", answer),
        Route("/dev/token", answer, methods=["POST"]),
    ]
    return httpx2.ASGITransport(app=Starlette(routes=routes))


async def test_inbox_and_issuer_are_reached_through_the_gateway() -> None:
    seen: list[tuple[str, bytes]] = []

    async with House(behind=behind(seen)).visit() as client:
        mails = await client.get("/dev/inbox/api/messages?to=moss%40exampleton.example&wait=5")
        calls = await client.get("/dev/inbox/api/calls?after=1")
        token = await client.post("/dev/issuer/token", json={"sub": "cllr-moss"})

    assert (mails.json(), calls.json(), token.json()) == ([{"id": 1}], [{"id": 1}], {"access_token": "t"})
    assert seen == [
        ("GET http://inbox.example/api/messages?to=moss%40exampleton.example&wait=5", b""),
        ("GET http://inbox.example/api/calls?after=1", b""),
        ("POST http://issuer.example/dev/token", b'{"sub":"cllr-moss"}'),
    ]


async def test_an_issuer_that_refuses_is_passed_on_as_a_problem() -> None:
    async with House(behind=behind([], 422)).visit() as client:
        answer = await client.post("/dev/issuer/token", json={"sub": "cllr-moss"})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_an_inbox_that_is_away_is_503() -> None:
    class Nobody(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("refused", request=request)

    async with House(behind=Nobody()).visit() as client:
        answer = await client.get("/dev/inbox/api/messages")

    assert answer.status_code == 503


def config(**values: Any) -> Config:
    return Config(
        rabbit_url=SecretStr("amqp://gateway:x@broker/"), mongo_url=SecretStr("mongodb://database/"), **values
    )


PRODUCTION: dict[str, Any] = {
    "public_url": "https://casework.example",
    "gateway_issuer": "https://issuer.example",
    "gateway_session_secret": SecretStr("s" * 32),
}


def test_production_needs_https_and_a_secret() -> None:
    assert config(**PRODUCTION).secure

    with pytest.raises(ValidationError, match="https://"):
        config(**PRODUCTION | {"public_url": "http://casework.example"})
    with pytest.raises(ValidationError, match="CASEWORK_GATEWAY_SESSION_SECRET"):
        config(**PRODUCTION | {"gateway_session_secret": SecretStr("short")})


@pytest.mark.parametrize("part", ["issuer", "jwks_url", "discovery_url"])
def test_production_believes_no_key_that_came_over_a_plain_connection(part: str) -> None:
    with pytest.raises(ValidationError, match=f"CASEWORK_GATEWAY_{part.upper()} must begin with https://"):
        config(**PRODUCTION | {f"gateway_{part}": "http://issuer.example"})


def test_production_has_no_issuer_unless_it_is_named() -> None:
    with pytest.raises(ValidationError, match="CASEWORK_GATEWAY_ISSUER"):
        config(**{name: value for name, value in PRODUCTION.items() if name != "gateway_issuer"})


def test_an_error_in_the_settings_shows_no_secret() -> None:
    with pytest.raises(ValidationError) as refused:
        config(**PRODUCTION | {"gateway_session_secret": SecretStr("canary")})

    assert "canary" not in str(refused.value)
    assert "amqp://" not in str(refused.value)


def test_an_id_token_cannot_be_configured_to_pass_as_an_access_token() -> None:
    with pytest.raises(ValidationError, match="CASEWORK_GATEWAY_AUDIENCE"):
        config(**PRODUCTION, gateway_audience="same", gateway_client_id="same")


def test_the_issuers_addresses_follow_from_its_name_or_are_given() -> None:
    derived = config(**PRODUCTION | {"gateway_issuer": "https://issuer.example/"})
    given = config(**PRODUCTION, gateway_jwks_url="https://a.example/k", gateway_discovery_url="https://b.example/d")

    assert derived.jwks_url == "https://issuer.example/jwks"
    assert derived.discovery_url == "https://issuer.example/.well-known/openid-configuration"
    assert (given.jwks_url, given.discovery_url) == ("https://a.example/k", "https://b.example/d")
