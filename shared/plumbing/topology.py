"""Exchanges, queues, bindings and rights: about twenty names an operator can read, in one place.

`definitions()` makes the broker's definitions file from it, for `make run` and production alike; services
declare the same only under CASEWORK_TOPOLOGY=declare (tests). Common subset of RabbitMQ 3.10 and 4.x.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from aio_pika.abc import AbstractChannel, ExchangeType

EVENTS = "casework.events"
COMMANDS = "casework.commands"
REPLIES = "casework.replies"
DEAD = "casework.dead"
RETRY = "casework.retry"
EXCHANGES: Mapping[str, ExchangeType] = {
    EVENTS: ExchangeType.TOPIC,
    COMMANDS: ExchangeType.DIRECT,
    REPLIES: ExchangeType.DIRECT,
    DEAD: ExchangeType.DIRECT,
    RETRY: ExchangeType.HEADERS,
}

PREFETCH = 200
DELIVERY_LIMIT = 100
"""The net beneath: the lane itself sets a message aside after five deliveries."""
DEAD_DELIVERY_LIMIT = 1_000_000
LADDER: Mapping[str, int] = {"5s": 5_000, "1m": 60_000, "15m": 900_000}
"""The shared retry ladder: step and its delay in milliseconds."""
STEP = "retry-step"
"""Header that selects the step. Not `x-…`: a headers exchange ignores those when it matches."""
QUERY_TTL = 10_000
"""Milliseconds after which a question nobody took is worthless: the person has been told by then."""
SUBSCRIBER_MAX = 100_000
"""Messages an external queue holds before it drops the oldest: a foreign queue must never stop our publishing."""


class WorkQueue(NamedTuple):
    """A queue a service works from."""

    name: str
    service: str
    exchange: str
    bindings: tuple[str, ...]
    durable: bool = True
    """False: questions. They are transient and expire."""
    prefetch: int = PREFETCH

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments it is declared with."""
        if not self.durable:
            return {"x-queue-type": "classic", "x-message-ttl": QUERY_TTL}
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": self.service,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


def _events(service: str, lane: Literal["normal", "urgent"], *patterns: str) -> WorkQueue:
    name = service if lane == "normal" else f"{service}.{lane}"
    return WorkQueue(name, service, EVENTS, tuple(f"{pattern}.{lane}.#" for pattern in patterns))


INTAKE = _events("intake", "normal", "routing.*.*", "timer.*.*")
INTAKE_URGENT = _events("intake", "urgent", "routing.*.*", "timer.*.*")
INTAKE_COMMANDS = WorkQueue("intake.commands", "intake", COMMANDS, ("intake.commands",))
INTAKE_COMMANDS_URGENT = WorkQueue("intake.commands.urgent", "intake", COMMANDS, ("intake.commands.urgent",))
INTAKE_QUERIES = WorkQueue("intake.queries", "intake", COMMANDS, ("intake.queries",), durable=False)
ROUTING = _events("routing", "normal", "case.raised.*", "case.returned.*")
ROUTING_URGENT = _events("routing", "urgent", "case.raised.*", "case.returned.*")
SCHEDULER = _events("scheduler", "normal", "case.*.*")
SCHEDULER_URGENT = _events("scheduler", "urgent", "case.*.*")
NOTIFIER = _events("notifier", "normal", "case.*.*")
NOTIFIER_URGENT = _events("notifier", "urgent", "case.*.*")
WORK_QUEUES = (
    INTAKE,
    INTAKE_URGENT,
    INTAKE_COMMANDS,
    INTAKE_COMMANDS_URGENT,
    INTAKE_QUERIES,
    ROUTING,
    ROUTING_URGENT,
    SCHEDULER,
    SCHEDULER_URGENT,
    NOTIFIER,
    NOTIFIER_URGENT,
)
CONSUMERS = ("intake", "routing", "scheduler", "notifier")
SAYS: Mapping[str, str] = {
    "intake": r"^case\.",
    "routing": r"^routing\.",
    "scheduler": r"^(timer|council)\.",
    "notifier": r"^notice\.",
    "gateway": "^$",
}
"""What each service may publish on the events exchange."""


def dead_queue(service: str) -> str:
    """Name the queue of a service's dead letters."""
    return f"{service}.dead"


def retry_queue(step: str) -> str:
    """Name the queue of a step of the ladder."""
    return f"casework.retry.{step}"


_QUIET: dict[str, Any] = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
_DEAD_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DEAD_DELIVERY_LIMIT}


def _retry_arguments(delay: int) -> dict[str, Any]:
    # No dead-letter routing key: the message's own, the name of its work queue, brings it home.
    return _QUIET | {
        "x-delivery-limit": DEAD_DELIVERY_LIMIT,
        "x-message-ttl": delay,
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
    }


async def declare(channel: AbstractChannel) -> None:
    """Declare everything. Dead letters and ladder first: a work queue takes traffic as soon as it is bound."""
    for name, kind in EXCHANGES.items():
        await channel.declare_exchange(name, kind, durable=True)
    for service in CONSUMERS:
        queue = await channel.declare_queue(dead_queue(service), durable=True, arguments=_DEAD_ARGUMENTS)
        await queue.bind(DEAD, service)
    for step, delay in LADDER.items():
        queue = await channel.declare_queue(retry_queue(step), durable=True, arguments=_retry_arguments(delay))
        await queue.bind(RETRY, "", arguments={"x-match": "all", STEP: step})
    for work in WORK_QUEUES:
        queue = await channel.declare_queue(work.name, durable=True, arguments=work.arguments)
        for pattern in work.bindings:
            await queue.bind(work.exchange, pattern)


class Rights(NamedTuple):
    """What a broker user may configure, write and read, and which events it may say."""

    configure: str
    write: str
    read: str
    says: str = "^$"


def service_rights(service: str) -> Rights:
    """Give a service its own queues, dead letters and retries, and nothing of its neighbours."""
    own = rf"^{service}(\..*)?$"
    shared = [EVENTS, DEAD, RETRY]
    if service == "intake":
        shared.append(REPLIES)
    if service == "gateway":
        # Its reply queue is its own: exclusive, bound by itself, gone with its connection.
        return Rights(own, _either(own, COMMANDS), _either(own, REPLIES))
    return Rights("^$", _either(own, *shared), own, SAYS[service])


def probe_exchange(service: str) -> str:
    """Name an exchange the service may write to, for a probe no queue gets."""
    return COMMANDS if service == "gateway" else RETRY


def _either(own: str, *names: str) -> str:
    return "|".join([own, *(f"^{re.escape(name)}$" for name in names)])


def definitions(
    passwords: Mapping[str, str], *, operator: tuple[str, str], monitor: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Write the broker's definitions: topology, one user a service, its rights.

    Args:
        passwords: password of each service's broker user, by service.
        operator: name and password of the administrator (management page, `casework` command).
        monitor: name and password of a user that may only look.
    """
    vhost = "/"
    users = [{"name": name, "password": password, "tags": ""} for name, password in passwords.items()]
    users.append({"name": operator[0], "password": operator[1], "tags": "administrator"})
    rights = {service: service_rights(service) for service in passwords}
    rights[operator[0]] = Rights(".*", ".*", ".*", ".*")
    if monitor:
        users.append({"name": monitor[0], "password": monitor[1], "tags": "monitoring"})
        rights[monitor[0]] = Rights("^$", "^$", "^$")
    return {
        "vhosts": [{"name": vhost}],
        "users": users,
        "permissions": [
            {"user": user, "vhost": vhost, "configure": right.configure, "write": right.write, "read": right.read}
            for user, right in rights.items()
        ],
        "topic_permissions": [
            {"user": user, "vhost": vhost, "exchange": EVENTS, "write": right.says, "read": right.says}
            for user, right in rights.items()
        ],
        "exchanges": [
            {"name": name, "vhost": vhost, "type": kind.value, "durable": True, "auto_delete": False}
            | {"internal": False, "arguments": {}}
            for name, kind in EXCHANGES.items()
        ],
        "queues": [
            {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": arguments}
            for name, arguments in _queues()
        ],
        "bindings": [
            {"source": source, "vhost": vhost, "destination": queue, "destination_type": "queue"}
            | {"routing_key": pattern, "arguments": arguments}
            for source, queue, pattern, arguments in _bindings()
        ],
        "policies": [],
        "parameters": [],
        "global_parameters": [],
    }


def _queues() -> Sequence[tuple[str, dict[str, Any]]]:
    return [
        *((dead_queue(service), _DEAD_ARGUMENTS) for service in CONSUMERS),
        *((retry_queue(step), _retry_arguments(delay)) for step, delay in LADDER.items()),
        *((work.name, work.arguments) for work in WORK_QUEUES),
    ]


def _bindings() -> Sequence[tuple[str, str, str, dict[str, Any]]]:
    return [
        *((DEAD, dead_queue(service), service, {}) for service in CONSUMERS),
        *((RETRY, retry_queue(step), "", {"x-match": "all", STEP: step}) for step in LADDER),
        *((work.exchange, work.name, pattern, {}) for work in WORK_QUEUES for pattern in work.bindings),
    ]
