"""Where a message goes that could not be handled: up the shared retry ladder, or to `<svc>.dead` with its reason.

Both by a confirmed publish of the same message before it is acknowledged, so nothing is lost in between; a repeated
one finds its effect. No `x-death` counting: the attempt is a header of ours.
"""

from datetime import datetime
from typing import Any

from shared.plumbing.envelope import ATTEMPT, FIRST_FAILED, HEADER, ORIGIN_EXCHANGE, ORIGIN_KEY, Envelope
from shared.plumbing.history import technical_now
from shared.plumbing.lane import Failed
from shared.plumbing.topology import DEAD, LADDER, RETRY, STEP, WorkQueue
from shared.plumbing.wire import JSON, Parcel

CRASHED_AFTER = 5
"""Deliveries without an answer after which a message is taken for one that kills its process."""
REASON = "casework-reason"
ERROR = "casework-error"
QUEUE = "casework-origin-queue"
FAILED_AT = "casework-failed-at"
OUR_OWN = "casework-"
LONGEST_HEADER = 1_000
_BROKERS_OWN = ("x-death", "x-delivery-count", "x-first-death", "x-last-death", "x-acquired-count")


def set_aside(envelope: Envelope, failed: Failed, queue: WorkQueue) -> Parcel:
    """Address the message to the next step of the ladder or, where none helps or is left, to the dead letters."""
    steps = list(LADDER)
    climbs = failed.retry and envelope.attempt < len(steps)
    exhausted = failed.retry and not climbs
    now = technical_now()
    headers: dict[str, Any] = {
        name: value for name, value in envelope.headers.items() if not name.startswith(_BROKERS_OWN)
    }
    headers |= {
        REASON: f"exhausted:{failed.reason}" if exhausted else failed.reason,
        ERROR: failed.error[:200],
        QUEUE: queue.name,
        ATTEMPT: envelope.attempt + 1,
        FIRST_FAILED: headers.get(FIRST_FAILED) or now.isoformat(),
        FAILED_AT: now.isoformat(),
        ORIGIN_EXCHANGE: envelope.exchange,
        ORIGIN_KEY: envelope.routing_key,
    }
    headers.pop(STEP, None)
    if climbs:
        headers[STEP] = steps[envelope.attempt]
    return Parcel(
        exchange=RETRY if climbs else DEAD,
        routing_key=queue.name if climbs else queue.service,
        body=envelope.body,
        type=envelope.type,
        id=envelope.id,
        correlation=envelope.correlation,
        reply_to=envelope.reply_to,
        headers=headers,
        mandatory=True,
        content_type=JSON,
        timestamp=_when(envelope),
    )


def bare(parcel: Parcel) -> Parcel:
    """Keep of a message that cannot be written what it needs to get there and to be understood there."""
    kept = {
        name: value if isinstance(value, int) else str(value)[:LONGEST_HEADER]
        for name, value in parcel.headers.items()
        if name.startswith((OUR_OWN, HEADER)) or name == STEP
    }
    return parcel._replace(headers=kept, type="", correlation="", reply_to="")


def _when(envelope: Envelope) -> datetime:
    return envelope.published or technical_now()
