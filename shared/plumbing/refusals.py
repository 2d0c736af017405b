"""Refused commands are remembered for 30 days, each a document of its own under the command's id.

A 202 promises a decision, not a yes: whoever got one finds the no, with its code and sentence, until it expires.
"""

from datetime import timedelta

from pymongo import IndexModel, InsertOne

from shared.commands import Command, Refusal
from shared.plumbing.envelope import Envelope
from shared.plumbing.history import Document, Write, technical_now
from shared.plumbing.store import Collection

REFUSALS = "refusals"
KEPT = timedelta(days=30)
KEY_REUSED = Refusal(
    code="key-reused",
    sentence="This Idempotency-Key was used for another request. Send this one with a new key.",
    kind="invalid",
    field="Idempotency-Key",
)
COLLECTION = Collection(
    REFUSALS,
    (IndexModel("expires", expireAfterSeconds=0), IndexModel([("reference", 1), ("principal", 1), ("at", -1)])),
)


def remember(command: Command, envelope: Envelope, refusal: Refusal) -> Write:
    """Write down that a command was refused."""
    now = technical_now()
    document = {
        "_id": envelope.id,
        "created": now,
        "expires": now + KEPT,
        "reference": command.reference,
        "case_id": envelope.subject,
        "principal": command.actor,
        "command": command.name,
        "hash": command.body_hash,
        "at": command.at,
        "refusal": refusal.model_dump(mode="json"),
    }
    return Write((REFUSALS, envelope.id), InsertOne(document))


def refused_before(document: Document, message: object) -> Refusal:
    """Give the refusal again; the same key with another body is a refusal of its own."""
    if isinstance(message, Command) and document["hash"] != message.body_hash:
        return KEY_REUSED
    return Refusal.model_validate(document["refusal"])
