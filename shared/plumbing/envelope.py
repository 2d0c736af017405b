"""A message as any transport hands it over, and what its CloudEvents headers say.

Parsed tolerantly: whatever is missing is found out later, for that message alone, and never stops its neighbours.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

HEADER = "cloudEvents_"
ATTEMPT = "casework-attempt"
ORIGIN_EXCHANGE = "casework-origin-exchange"
ORIGIN_KEY = "casework-origin-key"
FIRST_FAILED = "casework-first-failed"


SHORT_STRING = 255
"""Octets an AMQP 0-9-1 short string holds."""


class Envelope(NamedTuple):
    """One message: who says what about which case, because of what."""

    type: str
    id: str
    body: bytes
    subject: str = ""
    correlation: str = ""
    causation: str = ""
    caseseq: int = 0
    time: str = ""
    actor: str = ""
    on_behalf_of: str = ""
    traceparent: str = ""
    reply_to: str = ""
    published: datetime | None = None
    """Technical time of publishing: the broker's queue age is measured against it."""
    deliveries: int = 0
    """How often the broker has delivered it before without an answer (`x-delivery-count`)."""
    attempt: int = 0
    """How often it has climbed the retry ladder."""
    exchange: str = ""
    routing_key: str = ""
    headers: Mapping[str, Any] = {}


def read_envelope(  # noqa: PLR0913  the parts AMQP has
    *,
    kind: str | None,
    message_id: str | None,
    correlation: str | None,
    reply_to: str | None,
    timestamp: datetime | None,
    headers: Mapping[str, Any] | None,
    body: bytes,
    exchange: str = "",
    routing_key: str = "",
) -> Envelope:
    """Read AMQP properties and headers; nothing here raises."""
    found = headers or {}

    def text(name: str) -> str:
        value = found.get(HEADER + name, "")
        return value if isinstance(value, str) else str(value)

    return Envelope(
        type=kind or _short(text("type")),
        id=message_id or _short(text("id")),
        body=body,
        subject=text("subject"),
        correlation=correlation or _short(text("correlationid")),
        causation=text("causationid"),
        caseseq=_number(found.get(HEADER + "caseseq")),
        time=text("time"),
        actor=text("actor"),
        on_behalf_of=text("onbehalfof"),
        traceparent=text("traceparent"),
        reply_to=reply_to or "",
        published=timestamp.replace(tzinfo=UTC) if timestamp and timestamp.tzinfo is None else timestamp,
        deliveries=_number(found.get("x-delivery-count")),
        attempt=_number(found.get(ATTEMPT)),
        exchange=str(found.get(ORIGIN_EXCHANGE) or exchange),
        routing_key=str(found.get(ORIGIN_KEY) or routing_key),
        headers=found,
    )


def _short(text: str) -> str:
    """Leave out what would not fit into the AMQP property it belongs to: a message with it could not be passed on."""
    return text if len(text.encode(errors="replace")) <= SHORT_STRING else ""


def _number(value: object) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]  # anything may stand in a header
    except (TypeError, ValueError, OverflowError):
        return 0
