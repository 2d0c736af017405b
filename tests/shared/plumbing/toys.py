"""A small service of its own for tests of the plumbing: things that are opened, changed and told about."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import structlog
from pydantic import BaseModel, ConfigDict, SecretStr

from shared.commands import Acknowledge, AddProgress, Command, Refusal, case_id_for, reference_for, refuse_conflict
from shared.events import (
    CaseAcknowledged,
    CaseProgressed,
    CaseRouted,
    CaseState,
    Event,
    Fact,
    RoutingDecided,
    RoutingTriageNeeded,
)
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Aggregate, Entry, Facts, GiveUp, Handlers, Noted
from shared.plumbing.history import Say
from shared.plumbing.metrics import Metrics
from shared.plumbing.sealed import SealBox
from shared.plumbing.vault import Vault

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEY = SecretStr("q8Yd6bC1nq2cC0o5lFzvV9w1Q7V9m0y5n3T8c2Zs1xA=")
SEAL = SealBox([KEY])
VAULT = Vault([KEY])
LOG = structlog.get_logger()
REFERENCE = reference_for("exampleton", "cllr-001", "toy")
CASE = case_id_for(REFERENCE)
STATE = CaseState(
    id=CASE, reference=REFERENCE, kind="case", state="raised", owner="cllr-001", service="noise", ward="abbey"
)


class Thing(BaseModel):
    """What the toy aggregate knows."""

    model_config = ConfigDict(frozen=True)

    acknowledged: int = 0
    last: str = ""


def evolve(thing: Thing | None, fact: Event, seq: int) -> Thing:
    before = thing or Thing()
    return Thing(acknowledged=before.acknowledged + isinstance(fact, CaseAcknowledged), last=f"{fact.type}@{seq}")


THINGS = Aggregate("things", Thing, evolve)


class Telling(Entry):
    """A toy entry of shape (c)."""

    whom: str


class Calls(list[str]):
    """Which cases a handler was called for."""


commands, events, decisions, tellings = Handlers(), Handlers(), Handlers(), Handlers()
noted_decisions = Handlers()


@commands.into(THINGS)
def acknowledge(command: Acknowledge, thing: Thing | None) -> Facts | Refusal:
    if thing is None:
        return Refusal(code="unknown-case", sentence="There is no such case.", kind="not_found")
    if thing.acknowledged:
        return refuse_conflict("acknowledged-already", "It is acknowledged already.", "add-progress")
    return [CaseAcknowledged(at=command.at, case=STATE, team="toys")]


@commands.into(THINGS)
def add_progress(command: AddProgress, thing: Thing | None) -> Facts | Refusal:
    return [Fact(CaseProgressed(at=command.at, case=STATE), {"text": command.text})]


@events.into(THINGS)
def take_over(event: RoutingDecided, thing: Thing | None, calls: Calls) -> Facts | None:
    calls.append(event.team)
    if thing is None:
        raise GiveUp("unknown-case")
    if event.team == "bug":
        raise RuntimeError("a bug that quotes Mrs Canary of 12 Canary Street")
    return [CaseAcknowledged(at=event.at, case=STATE, team=event.team)]


@decisions.into("decisions")
def decide(event: CaseAcknowledged) -> RoutingDecided:
    return routing_decided(event.team)


@noted_decisions.into("decisions")
def decide_and_note(event: CaseAcknowledged) -> Noted[RoutingDecided | RoutingTriageNeeded] | None:
    return Noted(routing_decided(event.team), {"sentence": "Toys for everybody.", "on": date(2026, 3, 2)})


@tellings.into("tellings")
def tell(event: CaseRouted, message: Envelope) -> list[Telling]:
    return [Telling(id=f"{message.id}-{whom}", whom=whom) for whom in ("owner", "team")]


def routing_decided(team: str) -> RoutingDecided:
    return RoutingDecided(
        at=AT,
        lane="normal",
        service="noise",
        ward="abbey",
        rules_version="1",
        reason="service-rule",
        team=team,
        rule="r1",
    )


def event_envelope(event: Event, *, subject: str = CASE, message_id: str | None = None, **more: Any) -> Envelope:
    return Envelope(
        type=event.type,
        id=message_id or uuid4().hex,
        body=event.model_dump_json().encode(),
        subject=subject,
        correlation="corr",
        **more,
    )


def command_envelope(command: Command, message_id: str, *, reply_to: str = "", seal: SealBox = SEAL) -> Envelope:
    return Envelope(
        type=command.type,
        id=message_id,
        body=seal.seal_message(command, message_id),
        subject=case_id_for(command.reference),
        correlation=message_id,
        reply_to=reply_to,
    )


def an_acknowledgement(**changes: Any) -> Acknowledge:
    given: dict[str, Any] = {"at": AT, "actor": "off-001", "reference": REFERENCE, "body_hash": "0" * 64}
    return Acknowledge(**(given | changes))


def a_progress(text: str) -> AddProgress:
    return AddProgress(at=AT, actor="off-001", reference=REFERENCE, body_hash="0" * 64, text=text)


class Listener:
    """Hears what a lane says."""

    def __init__(self) -> None:
        self.said: list[Say] = []

    def say(self, says: Sequence[Say]) -> None:
        self.said.extend(says)

    async def room(self) -> None:
        return


class ListeningReplier:
    """Hears what a lane replies."""

    def __init__(self) -> None:
        self.decided: list[Any] = []

    async def reply(self, decided: Sequence[Any]) -> None:
        self.decided.extend(decided)


def metrics() -> Metrics:
    return Metrics("toys")


def as_text(document: object) -> str:
    return json.dumps(document, default=repr)
