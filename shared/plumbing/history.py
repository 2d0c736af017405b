"""History is the outbox: a document carries its facts, so a fact exists if and only if its state change does.

version  = counter of writes, compared and set      relayed      = facts the broker has confirmed, by position
say_to   = position of the last fact to be said     unsaid_since = there while something is unsaid (for the sweeper)
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid5

from bson import Binary
from pydantic import BaseModel
from pymongo import InsertOne, UpdateOne

from shared.events import CaseEvent, Event, Fact
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Aggregate, Entry, Facts, Noted
from shared.plumbing.vault import Vault

Document: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]
"""Collection and document id."""

_FACTS = UUID("0d3f5a52-7f0c-5a61-8f4d-9a1a3a1a6b10")
EVENTS_EXCHANGE = "casework.events"


class Cause(NamedTuple):
    """What made a document change: the message, or the turn of a claim loop."""

    id: str
    correlation: str
    actor: str = "system"
    on_behalf_of: str = ""
    traceparent: str = ""
    hash: str = ""
    """Of a command's body: the same key with another body is told apart by it."""
    council: int = 0
    """Number of the council version it was decided under; 0 where the council had no part in it."""

    @classmethod
    def of(cls, envelope: Envelope) -> "Cause":
        """Take over what an event says about itself."""
        return cls(envelope.id, envelope.correlation or envelope.id, traceparent=envelope.traceparent)


class Say(NamedTuple):
    """A fact on its way to the broker."""

    key: Key
    subject: str
    entry: Document
    after: int
    """Position of the fact to be said before it in the same document, 0 for the first: only once that one is said may
    this one count as said."""


class Write(NamedTuple):
    """One atomic change of one document, and what is to be said once it is durable."""

    key: Key
    operation: InsertOne[Document] | UpdateOne
    says: tuple[Say, ...] = ()


def technical_now() -> datetime:
    """Real time, for leases, ages and the sweeper; never for a decision."""
    return datetime.now(UTC)  # noqa: TID251  technical time is real (architecture: time)


def fact_id(cause: str, key: Key, ordinal: int) -> str:
    """Give the same fact the same id however often its cause is handled."""
    return str(uuid5(_FACTS, f"{cause}|{key[0]}|{key[1]}|{ordinal}"))


def change(  # noqa: PLR0913, PLR0917  what a change is made of
    aggregate: Aggregate[Any],
    document_id: str,
    subject: str,
    before: Document | None,
    facts: Facts,
    cause: Cause,
    vault: Vault | None = None,
    state: BaseModel | None = None,
) -> Write:
    """Write what was decided: create the document, or compare-and-set the version that was read.

    Args:
        aggregate: where the document lies and how a fact changes it.
        document_id: its `_id`.
        subject: the case it is about.
        before: as it was read; None: it does not exist.
        facts: what was decided, at least one.
        cause: why.
        vault: seals the texts beside the facts.
        state: the state of `before`, where whoever decided has read it already.
    """
    key = (aggregate.collection, document_id)
    if state is None and before:
        state = aggregate.state.model_validate(before["state"])
    told = [fact if isinstance(fact, Fact) else Fact(fact) for fact in facts]
    first = len(before["history"]) + 1 if before else 1
    entries = _entries(key, [fact.event for fact in told], cause, first)
    for seq, fact in enumerate(told, first):
        state = aggregate.evolve(state, fact.event, seq)
    if state is None:
        raise ValueError("a change needs at least one fact")
    changed: Document = {"state": state.model_dump(mode="python")}
    says = _to_say(key, subject, entries, changed, before)
    texts = {entry["id"]: fact.text for entry, fact in zip(entries, told, strict=True) if fact.text}
    if texts:
        if vault is None:
            raise ValueError(f"{aggregate.collection}: texts need a vault")
        data_key = before["key"] if before and before.get("key") else vault.new_key()
        changed["key"] = Binary(data_key)
        changed |= {f"texts.{name}": Binary(vault.seal(data_key, text)) for name, text in texts.items()}
    if before is None:
        return Write(key, InsertOne(_created(key, subject, entries) | _nested(changed)), says)
    return Write(key, _compare_and_set(key, before, changed, entries), says)


def append(key: Key, before: Document, state: Mapping[str, Any], facts: Sequence[Event], cause: Cause) -> Write:
    """Set fields of a document's state and append facts to its history, compared and set on its version."""
    entries = _entries(key, facts, cause, len(before["history"]) + 1)
    changed: Document = {f"state.{name}": value for name, value in state.items()}
    says = _to_say(key, before["subject"], entries, changed, before)
    return Write(key, _compare_and_set(key, before, changed, entries), says)


def create(collection: str, document_id: str, subject: str, said: Event | Noted[Any], cause: Cause) -> Write:
    """Keep one fact, and the notes that go with it, as a document of its own (shape b)."""
    key = (collection, document_id)
    fact, notes = said if isinstance(said, Noted) else (said, {})
    entries = _entries(key, [fact], cause, 1)
    changed: Document = {"state": fact.model_dump(mode="python")}
    if notes:
        changed["notes"] = dict(notes)
    says = _to_say(key, subject, entries, changed, None)
    return Write(key, InsertOne(_created(key, subject, entries) | changed), says)


def enter(collection: str, entry: Entry, subject: str) -> Write:
    """Keep an entry under its own id (shape c)."""
    document = _created((collection, entry.id), subject, [])
    return Write((collection, entry.id), InsertOne(document | {"state": entry.model_dump(mode="python")}))


def unsaid(key: Key, document: Document) -> list[Say]:
    """List what a document still has to say, in order."""
    relayed = document["relayed"]
    return list(_says(key, document["subject"], document["history"][relayed:], relayed))


def causes(document: Document | None) -> Iterable[str]:
    """List the ids of the messages whose effect a document holds."""
    return (entry["cause"] for entry in document["history"]) if document else ()


def _entries(key: Key, facts: Sequence[Event], cause: Cause, first: int) -> list[Document]:
    now = technical_now()
    return [
        {
            "id": fact_id(cause.id, key, seq),
            "type": fact.type,
            "seq": seq,
            "caseseq": seq if isinstance(fact, CaseEvent) else None,
            "at": fact.at,
            "recorded": now,
            "cause": cause.id,
            "correlation": cause.correlation,
            "actor": cause.actor,
            "on_behalf_of": cause.on_behalf_of,
            "traceparent": cause.traceparent,
            "hash": cause.hash,
            "council": cause.council,
            "exchange": EVENTS_EXCHANGE,
            "key": fact.routing_key() if fact.said else None,
            "mandatory": fact.must_be_heard,
            "data": fact.model_dump(mode="json"),
        }
        for seq, fact in enumerate(facts, first)
    ]


def _to_say(
    key: Key, subject: str, entries: Sequence[Document], changed: Document, before: Document | None
) -> tuple[Say, ...]:
    earlier = before or {}
    says = tuple(_says(key, subject, entries, earlier.get("say_to", 0)))
    if says:  # what has been unsaid for a while goes on to be
        since = earlier.get("unsaid_since") or technical_now()
        changed |= {"say_to": says[-1].entry["seq"], "unsaid_since": since}
    return says


def _says(key: Key, subject: str, entries: Iterable[Document], after: int) -> Iterator[Say]:
    for entry in entries:
        if entry["key"]:
            yield Say(key, subject, entry, after)
            after = entry["seq"]


def _created(key: Key, subject: str, entries: Sequence[Document]) -> Document:
    return {
        "_id": key[1],
        "subject": subject,
        "version": 1,
        "created": technical_now(),
        "relayed": 0,
        "history": list(entries),
    }


def _nested(changed: Document) -> Document:
    """`texts.<id>` as an update path becomes a nested document in an insert."""
    document = {name: value for name, value in changed.items() if not name.startswith("texts.")}
    texts = {name.removeprefix("texts."): value for name, value in changed.items() if name.startswith("texts.")}
    return document | {"texts": texts} if texts else document


def _compare_and_set(key: Key, before: Document, changed: Document, entries: Sequence[Document]) -> UpdateOne:
    """Build an upsert: a missed filter then fails with a duplicate key, reported per operation of a bulk."""
    update: Document = {"$set": changed, "$inc": {"version": 1}}
    if entries:
        update["$push"] = {"history": {"$each": list(entries)}}
    return UpdateOne({"_id": key[1], "version": before["version"]}, update, upsert=True)
