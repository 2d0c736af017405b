"""Messages that are no good, made from good ones: what is wrong with each, and the reason it must be set aside with."""

import json
from typing import Any, ClassVar, NamedTuple

from aio_pika import Message
from aio_pika.abc import HeadersType
from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.commands import Acknowledge, AddProgress, Asked, GetCase, ListCases, case_id_for
from shared.events import CaseRaised, RoutingDecided, TimerDue
from shared.plumbing.clock import real_now
from shared.plumbing.envelope import HEADER
from shared.plumbing.sealed import SealBox
from shared.plumbing.topology import COMMANDS, INTAKE_QUERIES, WorkQueue
from tests.flows.people import COUNCILLOR, OFFICER, STRANGER
from tests.flows.tap import Heard

ECHO = "Tattletale"
"""Stands where a body is wrong: neither a log nor a dead letter's headers may repeat it."""
STRANGERS_LINE = "replies-of-a-stranger"
"""Where replies to these messages would go."""
UNKNOWN, MALFORMED, FORGED = "unknown-type", "malformed", "forged"
_NO_CASE = case_id_for("CW-00000-00000")


class Fault(NamedTuple):
    """A bad message, and why it is one."""

    what: str
    """What is wrong; the message's id, too."""
    reason: str
    type: str
    subject: str
    body: bytes

    def message(self) -> Message:
        """Write it for the wire."""
        headers: HeadersType = {f"{HEADER}subject": self.subject} if self.subject else {}
        return Message(
            self.body, message_id=self.what, type=self.type or None, headers=headers, reply_to=STRANGERS_LINE
        )


class UnfinishedOrder(Asked):
    """Says that it is an acknowledgement, and has nothing that belongs to one."""

    type: ClassVar[str] = Acknowledge.type


class UnfinishedQuestion(Asked):
    """Says that it asks for a case, and does not say which."""

    type: ClassVar[str] = GetCase.type


def faults_for(queue: WorkQueue, reference: str, said: list[Heard], seal: SealBox) -> list[Fault]:
    """Make bad messages for a queue which, were they good, would concern one case.

    Args:
        queue: where they go.
        reference: of the case: it is with its team, not acknowledged yet.
        said: what has been said about it.
        seal: seals as the gateway does.
    """
    if queue == INTAKE_QUERIES:
        return _bad_questions(reference, seal)
    return _bad_orders(reference, seal) if queue.exchange == COMMANDS else _bad_events(queue, said)


def _bad_events(queue: WorkQueue, said: list[Heard]) -> list[Fault]:
    kind, elsewhere = CaseRaised.type, TimerDue.type
    if queue.service == "intake":
        kind, elsewhere = RoutingDecided.type, CaseRaised.type
    good = next(one for one in said if one.type == kind)
    fields: dict[str, Any] = json.loads(good.body)
    late = json.dumps({name: value for name, value in fields.items() if name != "at"}).encode()
    faults = [
        *_unreadable(kind, elsewhere, good.subject, good.body),
        Fault("a field is missing", MALFORMED, kind, good.subject, late),
        Fault("a field is wrong", MALFORMED, kind, good.subject, json.dumps(fields | {"at": ECHO}).encode()),
        Fault("no subject", MALFORMED, kind, "", good.body),
    ]
    if queue.service == "intake":
        faults.append(Fault("no such case", "gave-up:unknown-case", kind, _NO_CASE, good.body))
    if queue.service == "scheduler":
        faults.append(Fault("no place in the story", "gave-up:no-caseseq", kind, good.subject, good.body))
    return faults


def _bad_orders(reference: str, seal: SealBox) -> list[Fault]:
    """Spoil an acknowledgement that would be accepted."""
    subject, now = case_id_for(reference), real_now()
    good = Acknowledge(at=now, actor=OFFICER, reference=reference, body_hash="0" * 64)
    return [
        *_unreadable(good.type, CaseRaised.type, subject, good.model_dump_json().encode()),
        *_badly_sealed(good, UnfinishedOrder(at=now, actor=OFFICER), AddProgress, subject, seal),
        Fault("another case", FORGED, good.type, _NO_CASE, seal.seal_message(good, "another case")),
        Fault("no subject", MALFORMED, good.type, "", seal.seal_message(good, "no subject")),
    ]


def _bad_questions(reference: str, seal: SealBox) -> list[Fault]:
    """Spoil a question that would be answered."""
    good = GetCase(at=real_now(), actor=COUNCILLOR, reference=reference)
    unfinished = UnfinishedQuestion(at=good.at, actor=COUNCILLOR)
    return [
        *_unreadable(good.type, Acknowledge.type, "", good.model_dump_json().encode()),
        *_badly_sealed(good, unfinished, ListCases, "", seal),
    ]


def _badly_sealed(good: Asked, unfinished: Asked, other: type[Asked], subject: str, seal: SealBox) -> list[Fault]:
    """Spoil the seal, or what it covers."""
    forger = SealBox([SecretStr(Fernet.generate_key().decode())])
    strangers = json.loads(seal.seal_message(good.model_copy(update={"actor": STRANGER}), "altered"))
    altered = json.dumps(strangers | {"actor": good.actor}).encode()
    return [
        Fault("no seal", MALFORMED, good.type, subject, good.model_dump_json().encode()),
        Fault("fields are missing", MALFORMED, good.type, subject, seal.seal_message(unfinished, "fields are missing")),
        Fault("another key", FORGED, good.type, subject, forger.seal_message(good, "another key")),
        Fault("altered", FORGED, good.type, subject, altered),
        Fault("another id", FORGED, good.type, subject, seal.seal_message(good, "the id it was sealed for")),
        Fault("another type", FORGED, other.type, subject, seal.seal_message(good, "another type")),
    ]


def _unreadable(kind: str, elsewhere: str, subject: str, body: bytes) -> list[Fault]:
    """Do what is wrong on any queue."""
    return [
        Fault("no JSON", MALFORMED, kind, subject, f'{{"at": "{ECHO}'.encode()),
        Fault("no text", MALFORMED, kind, subject, b"\xff\xfe\x00"),
        Fault("no object", MALFORMED, kind, subject, f'["{ECHO}"]'.encode()),
        Fault("unknown type", UNKNOWN, "casework.case.imagined.v1", subject, body),
        Fault("no type", UNKNOWN, "", subject, body),
        Fault("a type of another queue", UNKNOWN, elsewhere, subject, body),
    ]
