"""What a wire must be able to do, and how a fact looks on it: CloudEvents 1.0, binary mode, as AMQP properties.

Another client is a decision about one file: implement Wire and Reading.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import orjson

from shared.plumbing.envelope import HEADER, Envelope
from shared.plumbing.history import Say, technical_now

JSON = "application/json"


class Parcel(NamedTuple):
    """A message ready to be published."""

    exchange: str
    routing_key: str
    body: bytes
    type: str = ""
    id: str = ""
    correlation: str = ""
    reply_to: str = ""
    headers: Mapping[str, Any] = {}
    persistent: bool = True
    mandatory: bool = False
    content_type: str = JSON
    timestamp: datetime | None = None


class Unroutable(Exception):
    """A message that must be heard has no queue bound: a deployment fault."""


class Reading(Protocol):
    """One queue's consumer. A tag belongs to the channel it came over; `lost` was called for all earlier ones."""

    @property
    def alive(self) -> bool:
        """Whether the broker still knows this consumer on an open channel."""
        ...

    async def done(self, tags: Sequence[Any], *, all_before: bool) -> None:
        """Acknowledge; `all_before`: the last tag and everything that came before it on its channel."""
        ...

    async def cancel(self) -> None:
        """Take nothing new."""
        ...


class Wire(Protocol):
    """Carries messages to and from the broker."""

    async def read(self, queue: Any, offer: Callable[[Any, Envelope], None], lost: Callable[[], None]) -> Reading:
        """Consume a declared queue; `offer` is called in the order of arrival and must not suspend."""
        ...

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        """Publish all at once and wait for every confirm: per parcel None, or Unroutable.

        Raises:
            Exception: the connection failed; nothing is known about any of them.
        """
        ...


def parcel_of(say: Say, council: str, service: str) -> Parcel:
    """Write a fact for the wire, with the same id every time it is said."""
    entry = say.entry
    headers = {
        f"{HEADER}specversion": "1.0",
        f"{HEADER}id": entry["id"],
        f"{HEADER}source": f"/councils/{council}/casework/{service}",
        f"{HEADER}type": entry["type"],
        f"{HEADER}subject": say.subject,
        f"{HEADER}time": entry["at"].isoformat() if isinstance(entry["at"], datetime) else str(entry["at"]),
        f"{HEADER}correlationid": entry["correlation"],
        f"{HEADER}causationid": entry["cause"],
        f"{HEADER}actor": entry["actor"],
    }
    optional = {"onbehalfof": entry["on_behalf_of"], "traceparent": entry["traceparent"], "caseseq": entry["caseseq"]}
    headers |= {HEADER + name: value for name, value in optional.items() if value}
    return Parcel(
        exchange=entry["exchange"],
        routing_key=entry["key"],
        body=entry["body"] if "body" in entry else orjson.dumps(entry["data"]),
        type=entry["type"],
        id=entry["id"],
        correlation=entry["correlation"],
        headers=headers,
        mandatory=entry["mandatory"],
        timestamp=technical_now(),
    )
