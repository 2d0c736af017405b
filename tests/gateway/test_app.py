"""The program itself: real broker, real database, the development issuer, and intake at the far end of its queues."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from pymongo import AsyncMongoClient

from ops.issuer import create_app as create_issuer
from ops.sign_in import Client, Issuer, Person
from ops.signing import ALGORITHM, Signer
from ops.stack.mongo import Mongo
from ops.stack.ports import free_port
from services.gateway.app import create_app
from services.gateway.config import Config
from shared.commands import Accept, RaiseCase, parse_reference
from shared.plumbing.council import publish
from tests.gateway.fakes import BODY, council, keyed
from tests.gateway.lines import KEY, Cable, IntakeOnTheWire, intake_on_the_wire, until

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

AUDIENCE = "casework-api"


class Town(NamedTuple):
    """Everything around the gateway, and how to start it."""

    config: Config
    there: IntakeOnTheWire
    cable: Cable


@asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[None]:
    """Serve an app on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield
    server.should_exit = True
    await running


@asynccontextmanager
async def issuer_for(port: int, gateway: str, folder: Path) -> AsyncIterator[str]:
    """Run the development issuer for the people of the invented council."""
    url = f"http://127.0.0.1:{port}"
    client = Client("casework-gateway", (f"{gateway}/sign-in/callback",), AUDIENCE)
    people = [Person(id=each.id, name=each.full_name) for each in council().councillors]
    async with serving(create_issuer(Issuer(client, people, Signer.from_folder(folder, url))), port):
        yield url


@pytest.fixture
async def town(vhost_url: str, mongo_server: Mongo, tmp_path: Path) -> AsyncIterator[Town]:
    """A published council, an issuer, an intake and a cable to the broker; the gateway is not running yet."""
    port, prefix = free_port(), f"t{uuid.uuid4().hex[:12]}"
    gateway = f"http://127.0.0.1:{port}"
    async with (
        AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client,
        intake_on_the_wire(vhost_url) as there,
        Cable(vhost_url) as cable,
        issuer_for(free_port(), gateway, tmp_path / "issuer") as issuer,
    ):
        config = Config.model_validate(
            {
                "profile": "development",
                "rabbit_url": cable.url,
                "mongo_url": mongo_server.url,
                "mongo_prefix": prefix,
                "seal_keys": KEY,
                "public_url": gateway,
                "gateway_issuer": issuer,
                "gateway_audience": AUDIENCE,
                "gateway_token_algorithm": ALGORITHM,
            }
        )
        await publish(client[config.database_of("council")], council(), author="test", reason="test")
        yield Town(config, there, cable)
        for owner in ("council", "gateway"):
            await client.drop_database(config.database_of(owner))


@asynccontextmanager
async def gateway_in(town: Town) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the gateway, and come as a stranger once it is ready."""
    async with (
        serving(create_app(town.config), int(town.config.public_url.rpartition(":")[2])),
        httpx2.AsyncClient(base_url=town.config.public_url, timeout=30, trust_env=False) as client,
    ):
        await readiness(client, lambda answer: answer.status_code == httpx2.codes.OK)
        yield client


async def readiness(client: httpx2.AsyncClient, wanted: Callable[[httpx2.Response], bool]) -> dict[str, Any]:
    """Ask /readyz until it says what is wanted."""
    async with asyncio.timeout(30):
        while not wanted(answer := await client.get("/readyz")):  # noqa: ASYNC110  another process would ask, too
            await asyncio.sleep(0.1)
    found: dict[str, Any] = answer.json()
    return found


async def sign_in(client: httpx2.AsyncClient, person: str = "cllr-moss") -> None:
    """Get a token as the command line does."""
    answer = await client.post("/dev/issuer/token", json={"sub": person})
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def test_a_councillor_signs_in_raises_a_case_and_sees_it(town: Town) -> None:
    async with gateway_in(town) as client:
        ready = (await client.get("/readyz")).json()
        stranger = await client.get("/v1/me")
        await sign_in(client)
        me = await client.get("/v1/me")
        services = await client.get("/v1/services")
        raised = await client.post("/v1/cases", json=BODY, headers=keyed())
        seen = await client.get(raised.headers["Location"])

    assert ready["status"] == "ready"
    assert {"database", "broker", "relay", "loops", "replies"} <= ready["parts"].keys()
    assert stranger.status_code == 401
    assert (me.status_code, me.json()["email"]) == (200, "moss@exampleton.example")
    assert [each["code"] for each in services.json()["services"]] == ["damp", "waste", "gas"]
    assert raised.status_code == 201
    assert seen.json()["reference"] == raised.json()["reference"] == parse_reference(raised.json()["reference"])
    _, command = await town.there.next()
    assert isinstance(command, RaiseCase)
    assert (command.actor, command.summary) == ("cllr-moss", BODY["summary"])


async def test_a_link_in_a_mail_leads_through_the_issuers_page_to_the_case(town: Town) -> None:
    async with gateway_in(town) as client:
        await sign_in(client)
        reference = (await client.post("/v1/cases", json=BODY, headers=keyed())).json()["reference"]
        del client.headers["Authorization"]
        choice = await client.get(f"/casework/{reference}", follow_redirects=True)
        chosen = dict(parse_qsl(urlsplit(str(choice.url)).query)) | {"sub": "cllr-fern"}
        page = await client.post(str(choice.url.copy_with(query=None)), data=chosen, follow_redirects=True)
        session = [cookie for cookie in client.cookies.jar if cookie.name == "casework"]

    assert str(choice.url).startswith(f"{town.config.gateway_issuer}/authorize")
    assert "Who are you today?" in choice.text
    assert (page.status_code, page.url.path) == (200, f"/casework/{reference}")
    assert "Signed in as Alex Fern" in re.sub(r"<[^>]+>", "", page.text).replace("Councillor ", "")
    assert len(session) == 1


async def test_a_token_of_another_house_is_refused(town: Town, tmp_path: Path) -> None:
    forger = Signer.from_folder(tmp_path / "forger", town.config.gateway_issuer)
    async with gateway_in(town) as client:
        forged = {"Authorization": f"Bearer {forger.access_token('cllr-moss', AUDIENCE, 'x')}"}
        answer = await client.get("/v1/me", headers=forged)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-token")


async def test_a_command_taken_while_the_broker_is_away_outlives_the_gateway(town: Town) -> None:
    async with gateway_in(town) as client:
        await sign_in(client)
        reference = (await client.post("/v1/cases", json=BODY, headers=keyed())).json()["reference"]
        await town.there.next()
        await town.cable.cut()
        kept = await client.post(f"/v1/cases/{reference}/accept", headers=keyed("key-0002"))
        new = await client.post("/v1/cases", json=BODY | {"summary": "Another"}, headers=keyed("key-0003"))
        pending = await client.get(new.headers["Location"])
        unsure = await client.get("/v1/cases")
        report = await readiness(client, lambda answer: answer.json()["parts"]["replies"] != "ok")

    assert (kept.status_code, new.status_code) == (202, 202)
    assert kept.headers["Location"] == f"/v1/cases/{reference}"
    assert (pending.status_code, pending.json()["status"]) == (200, "pending")
    assert (unsure.status_code, unsure.headers["Retry-After"]) == (503, "5")
    assert (report["status"], report["parts"]["replies"]) == ("not ready", "no consumer")

    await town.cable.mend()
    async with gateway_in(town) as client:
        sent = {type(command): command for _, command in [await town.there.next(), await town.there.next()]}
        await sign_in(client)
        decided = await client.get(f"/v1/cases/{reference}")

    assert sent.keys() == {Accept, RaiseCase}
    assert (sent[Accept].reference, sent[RaiseCase].summary) == (reference, "Another")
    assert decided.json()["pending"] == []


async def test_a_gateway_whose_broker_comes_back_sends_what_it_kept(town: Town) -> None:
    async with gateway_in(town) as client:
        await sign_in(client)
        await town.cable.cut()
        kept = await client.post("/v1/cases", json=BODY, headers=keyed())
        await town.cable.mend()
        message, command = await town.there.next()
        await readiness(client, lambda answer: answer.status_code == httpx2.codes.OK)
        repeated = await client.post("/v1/cases", json=BODY, headers=keyed())

    assert kept.status_code == 202
    assert command.reference == kept.json()["reference"]
    assert message.message_id == kept.json()["pending"][0]["id"]
    assert repeated.status_code == 201
    assert json.loads(repeated.text)["reference"] == kept.json()["reference"]
