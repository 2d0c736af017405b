"""Honest doubles of what the gateway needs, an invented council, and a gateway with all of it around."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

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
    Grant,
    Officer,
    RoutingRule,
    Seat,
    ServiceFlag,
    ServiceType,
    Team,
    Town,
    Ward,
)
from tests.gateway.issuer import AUDIENCE, ISSUER, TECHNICAL, FakeIssuer, token

A = TypeVar("A", bound=BaseModel)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""Business time, a Monday."""
REFERENCE = "CW-7K2M9-Q4T1X"
CANARY = "Zanzibar-7731"
"""What somebody sent, to be found nowhere."""
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
            Officer(id="off-reed", name="Pat Reed", email="reed@exampleton.example"),
            Officer(id="off-hale", name="Jo Hale", email="hale@exampleton.example"),
        ),
        grants=(
            Grant(id="reed", person="off-reed", role="officer", team="housing"),
            Grant(id="hale", person="off-hale", role="democratic-services"),
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
        self.answers: dict[type[BaseModel], BaseModel | None] = {
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
        if found is None:
            raise Unavailable
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

    async def keep(self, letter: Letter, *, taken: bool) -> bool:
        if self.away:
            raise Unavailable
        kept, _ = self.letters.setdefault(letter.id, (letter, taken))
        return kept.body_hash == letter.body_hash

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
    """Sessions in a dictionary."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOW) -> None:
        self._now = now
        self.people: dict[str, str] = {}
        self._opened: dict[str, datetime] = {}
        self._used: dict[str, datetime] = {}

    async def open(self, person: str) -> str:
        session_id = secrets.token_urlsafe(32)
        self.people[session_id] = person
        self._opened[session_id] = self._used[session_id] = self._now()
        return session_id

    async def find(self, session_id: str) -> str | None:
        now = self._now()
        if session_id not in self.people:
            return None
        if now - self._used[session_id] >= timedelta(minutes=30) or now - self._opened[session_id] >= timedelta(
            hours=8
        ):
            return None
        self._used[session_id] = now
        return self.people[session_id]

    async def close(self, session_id: str) -> None:
        self.people.pop(session_id, None)


class FakeClock:
    """A business clock that moves only when told."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at
        self.away = False

    async def now(self) -> datetime:
        if self.away:
            raise Unavailable
        return self.at

    async def advance(self, text: str, calendar: WorkingCalendar) -> datetime:
        if self.away:
            raise Unavailable
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
        people = httpx2.AsyncClient(transport=self.behind)
        app.state.bench = Bench(self.clock, people, "http://inbox.example", ISSUER, ISSUER)
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


def assert_problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Hold an answer to the form of a problem document, and to silence about what was sent."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:casework:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    assert CANARY not in answer.text
    return problem
