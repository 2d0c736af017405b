"""Honest doubles of what the gateway needs, an invented council, and an issuer that runs inside the test."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode

import httpx2
import structlog
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.gateway.app import Face, make_app, make_pages
from services.gateway.auth import Jwks, SignIn, Tokens
from services.gateway.ports import Decided, Letter, Outcome, PendingCommand, Unavailable
from services.gateway.routes.development import Bench
from services.gateway.routes.pages import Reception
from services.gateway.routes.parts import Parts
from shared.calendar import WorkingCalendar
from shared.commands import Command, CommandReply, Query
from shared.commands.views import CaseReply, CasesReply, CaseView, EventsReply, EventView
from shared.council import (
    CalendarDays,
    Council,
    Councillor,
    Department,
    Directory,
    Officer,
    RoutingRule,
    Seat,
    ServiceFlag,
    ServiceType,
    Team,
    Town,
    Ward,
)

A = TypeVar("A", bound=BaseModel)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""Business time, a Monday."""
TECHNICAL = 1_795_000_000.0
"""Real time of tokens, in seconds since 1970."""
ISSUER = "http://issuer.example"
AUDIENCE = "casework"
REFERENCE = "CW-7K2M9-Q4T1X"
BODY: dict[str, Any] = {
    "kind": "case",
    "service": "damp",
    "ward": "elm",
    "summary": "Canary summary",
    "description": "Canary description",
    "on_behalf": "named-constituent",
    "constituent": {"name": "Robin Example", "authority": "constituent-asked"},
}


def council() -> Council:
    """Give an invented council: two wards, three councillors of whom one has left, two officers."""
    return Council(
        code="exampleton",
        name="Exampleton Borough Council",
        version="2026.1",
        mail_domain="exampleton.example",
        calendar=CalendarDays(holidays=(), known_from=date(2026, 1, 1), known_until=date(2027, 12, 31), version="test"),
        towns=(Town(code="exampleton", name="Exampleton"),),
        wards=(Ward(code="elm", name="Elm", town="exampleton"), Ward(code="oak", name="Oak", town="exampleton")),
        councillors=(
            Councillor(id="cllr-moss", name="Ivy Moss", email="moss@exampleton.example", seats=(Seat(ward="elm"),)),
            Councillor(id="cllr-fern", name="Alex Fern", email="fern@exampleton.example", seats=(Seat(ward="elm"),)),
            Councillor(
                id="cllr-gone",
                name="Sam Gone",
                email="gone@exampleton.example",
                seats=(Seat(ward="oak", valid_to=date(2026, 5, 7)),),
            ),
        ),
        departments=(Department(id="place", name="Place"),),
        teams=(
            Team(id="housing", name="Housing Repairs", department="place", inbox="housing@exampleton.example"),
            Team(
                id="demsvc", name="Democratic Services", department="place", inbox="d@exampleton.example", triage=True
            ),
        ),
        officers=(
            Officer(id="off-reed", name="Pat Reed", email="reed@exampleton.example", teams=("housing",)),
            Officer(
                id="off-hale", name="Jo Hale", email="hale@exampleton.example", teams=("demsvc",), roles=("admin",)
            ),
        ),
        services=(
            ServiceType(code="damp", name="Damp and mould", kind="case", synonyms=("wet walls",), answer="10wd"),
            ServiceType(
                code="waste",
                name="Waste dumped",
                kind="report",
                answer="5wd",
                flags=(ServiceFlag(code="asbestos", label="May hold asbestos", danger=True),),
            ),
            ServiceType(code="gas", name="Smell of gas", kind="report", answer="24h", danger=True),
        ),
        rules=(RoutingRule(id="r1", service="damp", team="housing"),),
    )


def view(reference: str = REFERENCE, **changed: Any) -> CaseView:
    """Give a case as intake would show it."""
    return CaseView(
        **{
            "reference": reference,
            "id": "0f9f7a4e-7c1e-5f64-a0b5-6a2b1de15c05",
            "version": 1,
            "kind": "case",
            "status": "with_team",
            "sentence": "Housing Repairs has it.",
            "service": "damp",
            "service_name": "Damp and mould",
            "ward": "elm",
            "ward_name": "Elm",
            "lane": "normal",
            "level": 0,
            "capacity": "ward",
            "owner": "cllr-moss",
            "owner_name": "Councillor Ivy Moss",
            "cc": ("cllr-fern",),
            "team": "housing",
            "team_name": "Housing Repairs",
            "routed_by": "rule r1 of 2026.1",
            "clocks": ({"kind": "acknowledge", "due": NOW + timedelta(days=1), "rule": "1wd", "rev": 1},),
            "promised": None,
            "keep_open_until": None,
            "raised_at": NOW,
            "updated_at": NOW,
            "summary": "Damp <script>alert(1)</script>",
            "description": "It is wet & cold.",
            "location": None,
            "constituent": None,
            "commands": ("extend-auto-close",),
            "history": (
                EventView(
                    id="e1", seq=1, type="casework.case.raised.v1", at=NOW, actor="cllr-moss", data={"flags": []}
                ),
            ),
            **changed,
        }
    )


class FakeIntake:
    """Accepts every command at once, unless told otherwise; remembers what was asked."""

    def __init__(self) -> None:
        self.commands: list[tuple[Command, str, bool]] = []
        self.queries: list[Query] = []
        self.decide: Callable[[Command], Outcome] = accept
        self.answers: dict[type[BaseModel], BaseModel] = {
            CaseReply: CaseReply(view=view()),
            CasesReply: CasesReply(cases=(), total=0),
            EventsReply: EventsReply(found=True, last=0),
        }
        self.away = False

    async def command(self, command: Command, *, command_id: str, urgent: bool) -> Outcome:
        if self.away:
            raise Unavailable
        self.commands.append((command, command_id, urgent))
        return self.decide(command)

    async def ask(self, query: Query, answer: type[A]) -> A:
        if self.away:
            raise Unavailable
        self.queries.append(query)
        found = self.answers[answer]
        assert isinstance(found, answer)
        return found


def accept(command: Command) -> Outcome:
    """Decide yes, for the first time."""
    return Decided(CommandReply(outcome="accepted", repeated=False, view=view(command.reference)))


class FakeOutbasket:
    """Keeps letters in a dictionary."""

    def __init__(self) -> None:
        self.letters: dict[str, tuple[Letter, bool]] = {}
        self.done: set[str] = set()
        self.away = False

    async def keep(self, letter: Letter, *, taken: bool) -> None:
        if self.away:
            raise Unavailable
        self.letters.setdefault(letter.id, (letter, taken))

    async def pending(self, reference: str, principal: str) -> Sequence[PendingCommand]:
        if self.away:
            raise Unavailable
        return sorted(
            (
                PendingCommand(letter.id, letter.command, letter.at)
                for letter, _ in self.letters.values()
                if letter.reference == reference and letter.actor == principal and letter.id not in self.done
            ),
            key=lambda each: each.at,
        )

    async def decided(self, ids: Sequence[str]) -> None:
        self.done.update(ids)


class FakeSessions:
    """Sessions that end only when they are closed."""

    def __init__(self) -> None:
        self.people: dict[str, str] = {}

    async def open(self, person: str) -> str:
        session_id = secrets.token_urlsafe(32)
        self.people[session_id] = person
        return session_id

    async def find(self, session_id: str) -> str | None:
        return self.people.get(session_id)

    async def close(self, session_id: str) -> None:
        self.people.pop(session_id, None)


class FakeClock:
    """A business clock that moves only when told."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    async def now(self) -> datetime:
        return self.at

    async def advance(self, text: str, calendar: WorkingCalendar) -> datetime:
        if not text.endswith("d") or text.endswith("wd"):
            raise ValueError
        self.at += timedelta(days=int(text[:-1]))
        return self.at


class FakeCouncil:
    """The council as published; tests may publish another."""

    def __init__(self) -> None:
        self.published: Directory | None = Directory(council())

    @property
    def directory(self) -> Directory:
        if self.published is None:
            raise RuntimeError("nothing published")
        return self.published


@cache
def rsa_key(name: str = "key-1") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@cache
def ec_key(name: str = "ec-1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


def claims(sub: str = "cllr-moss", **changed: Any) -> dict[str, Any]:
    """Give the claims of a good access token; a claim set to None is left out."""
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "iat": int(TECHNICAL),
        "nbf": int(TECHNICAL),
        "exp": int(TECHNICAL) + 600,
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(sub: str = "cllr-moss", **changed: Any) -> str:
    """Make a good access token, or one with changed claims."""
    header = {"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}
    return jwt.encode(header, claims(sub, **changed), rsa_key())


def raw_token(header: Mapping[str, Any], payload: Mapping[str, Any], signature: bytes = b"x") -> str:
    """Write a token as nobody's library would."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class FakeIssuer:
    """An OpenID provider for one person at a time, with its keys; counts how often the keys were fetched."""

    def __init__(self) -> None:
        self.fetches = 0
        self.away = False
        self.person = "cllr-moss"
        self.keys: list[RSAKey | ECKey] = [rsa_key()]
        self.codes: dict[str, dict[str, str]] = {}
        self.nonce: str | None = None
        """If set, what stands in the ID token instead of what was asked for."""
        self.app = Starlette(
            routes=[
                Route("/jwks", self._jwks),
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    @property
    def transport(self) -> httpx2.AsyncBaseTransport:
        return httpx2.ASGITransport(app=self.app)

    async def _jwks(self, _: Request) -> Response:
        self.fetches += 1
        if self.away:
            return Response(status_code=503)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _metadata(self, _: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return JSONResponse({"issuer": ISSUER} | {name: f"{ISSUER}/{path}" for name, path in names.items()})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(sent.get("code", ""), None)
        verifier = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != sent["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(datetime.now(UTC).timestamp())  # noqa: TID251  Authlib checks ID tokens against real time
        id_claims = {
            "iss": ISSUER,
            "aud": asked["client_id"],
            "sub": self.person,
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce or asked["nonce"],
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "key-1"}, id_claims, rsa_key())
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "id_token": id_token})


@dataclass
class House:
    """A gateway with fakes around it."""

    intake: FakeIntake = field(default_factory=FakeIntake)
    outbasket: FakeOutbasket = field(default_factory=FakeOutbasket)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    clock: FakeClock = field(default_factory=FakeClock)
    council: FakeCouncil = field(default_factory=FakeCouncil)
    issuer: FakeIssuer = field(default_factory=FakeIssuer)
    report: dict[str, str | None] = field(default_factory=lambda: {"database": None, "broker": None})
    development: bool = True
    secure: bool = False
    behind: httpx2.AsyncBaseTransport | None = None
    """Where the development routes send what they pass on."""
    logged: list[str] = field(default_factory=list)
    asyncapi: Path = Path("asyncapi.json")

    def app(self) -> FastAPI:
        """Make the app."""
        client = httpx2.AsyncClient(transport=self.issuer.transport)
        keys = Jwks(f"{ISSUER}/jwks", client)
        app = make_app(
            Face(self.development, self.secure, "a secret of the test", self.asyncapi, CollectorRegistry(), self._log())
        )
        app.state.parts = Parts(
            council=self.council,
            clock=self.clock,
            intake=self.intake,
            outbasket=self.outbasket,
            sessions=self.sessions,
            tokens=Tokens(issuer=ISSUER, audience=AUDIENCE, algorithms=("RS256",), keys=keys, now=lambda: TECHNICAL),
            council_code="exampleton",
            health=self._health,
        )
        app.state.reception = Reception(
            pages=make_pages(),
            sign_in=SignIn(
                issuer=ISSUER,
                discovery_url=f"{ISSUER}/.well-known/openid-configuration",
                client_id="casework-gateway",
                client_secret=None,
                algorithm="RS256",
                transport=self.issuer.transport,
            ),
            callback_url=f"{self.base}/sign-in/callback",
            secure=self.secure,
        )
        app.state.bench = Bench(self.clock, httpx2.AsyncClient(transport=self.behind), "http://inbox.example", ISSUER)
        return app

    @property
    def base(self) -> str:
        return "https://gateway.example" if self.secure else "http://gateway.example"

    def visit(self) -> httpx2.AsyncClient:
        """Come as a stranger."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app()), base_url=self.base)

    def visit_as(self, person: str = "cllr-moss") -> httpx2.AsyncClient:
        """Come with a good token."""
        client = self.visit()
        client.headers["Authorization"] = f"Bearer {token(person)}"
        return client

    async def _health(self) -> Mapping[str, str | None]:
        return self.report

    def _log(self) -> Any:
        def keep(_: Any, __: str, event: Any) -> str:
            self.logged.append(json.dumps(dict(event), default=str))
            raise structlog.DropEvent

        return structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.BoundLogger)


def keyed(key: str = "key-0001") -> dict[str, str]:
    """Give the header a POST needs."""
    return {"Idempotency-Key": key}
