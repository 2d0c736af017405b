"""The AsyncAPI 3.0.0 document of the whole system: every exchange, queue and message, and who sends and receives what.

One document, because the broker is one: FastStream's own would be five, without queue arguments and without the
gateway. Queues come from the topology, operations from the composed services, messages from the published language.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ops.documents import headers
from ops.documents.composition import SERVICES, Service, composed, sentence
from ops.documents.schemas import asked, asked_schema, event_schema, events, reply_schema
from shared.commands import COMMANDS, QUERIES
from shared.commands.base import Asked
from shared.events import Event
from shared.events.base import PREFIX
from shared.plumbing.sealed import REPLY
from shared.plumbing.service import VERSION
from shared.plumbing.topology import (
    CONSUMERS,
    EVENTS,
    EXCHANGES,
    INTAKE_COMMANDS,
    INTAKE_COMMANDS_URGENT,
    INTAKE_QUERIES,
    LADDER,
    REPLIES,
    WORK_QUEUES,
    dead_queue,
    definitions,
    retry_queue,
)

Json: TypeAlias = dict[str, Any]
EXAMPLES = Path(__file__).parents[2] / "tests/contracts/examples"
COMPONENT = "#/components/schemas/{model}"
BINDING = {"bindingVersion": "0.3.0"}
ASIDE = "set-aside"
DESCRIPTION = """Casework for a council's elected members, on RabbitMQ.

**To hear what happens to cases** you need a queue of your own, which `casework subscriber add` makes, and the events
below whose address begins with `case.`. Their `caseseq` counts the facts of one case from 1 without a gap; ignore one
that is not greater than the last you saw. An event carries the public state of the case after it, and nothing personal.
Read tolerantly: fields and codes may be added within a major version, nothing is removed or changes its meaning.

Everything else is how the five services talk to each other; each operation is tagged with the service it belongs to.
Messages are CloudEvents 1.0 in binary mode; attributes are headers that begin with `cloudEvents_`.
"""


def asyncapi() -> Json:
    """Write the document."""
    services = list(composed())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Casework",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": name} for name in SERVICES],
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "{host}",
                "protocol": "amqps",
                "protocolVersion": "0.9.1",
                "description": "RabbitMQ 3.10 or newer. The development stack has it on loopback, without TLS.",
                "variables": {"host": {"default": "localhost:5671", "description": "Host and port of the broker."}},
                "security": [{"$ref": "#/components/securitySchemes/brokerUser"}],
            }
        },
        "channels": dict(_channels(services)),
        "operations": dict(_operations(services)),
        "components": {
            "messages": dict(_messages()),
            "schemas": _schemas(),
            "parameters": {
                "lane": {"enum": ["normal", "urgent"], "description": "`urgent`: somebody may be in danger."},
                "service": {"description": "Code of the service type, as in the council's catalogue."},
                "ward": {"description": "Code of the ward."},
            },
            "correlationIds": {
                "correlation": {
                    "description": "The request everything goes back to.",
                    "location": "$message.header#/cloudEvents_correlationid",
                }
            },
            "securitySchemes": {
                "brokerUser": {"type": "userPassword", "description": "A broker user with rights of its own."}
            },
        },
    }


def _channels(services: Sequence[Service]) -> Iterator[tuple[str, Json]]:
    for event in events():
        noun = event.type.removeprefix(PREFIX)
        yield (
            noun,
            {
                "address": f"{noun}.{{lane}}.{{service}}.{{ward}}",
                "description": sentence(event),
                "messages": _refs_to_messages([event.type]),
                "parameters": {
                    name: {"$ref": f"#/components/parameters/{name}"} for name in ("lane", "service", "ward")
                },
                "bindings": {"amqp": {"is": "routingKey", "exchange": _exchange(EVENTS)} | BINDING},
            },
        )
    holds = {
        queue.name: [kind.type for kind in kinds] for service in services for queue, kinds in service.hears.items()
    }
    described = _descriptions()
    bindings = _bindings()
    for name, arguments in _queues():
        yield (
            _queue_key(name),
            {
                "address": name,
                "description": described[name],
                "messages": _refs_to_messages(holds.get(name, [ASIDE])),
                "bindings": {
                    "amqp": {
                        "is": "queue",
                        "queue": {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"},
                        "x-arguments": arguments,
                        "x-bindings": bindings[name],
                    }
                    | BINDING
                },
            },
        )
    yield (
        "replies",
        {
            "address": None,
            "description": f"Each gateway process makes a queue of its own and binds it to `{REPLIES}`. Its name is in "
            "the property `reply-to` of what is asked; `correlation-id` of the reply is the id of what was asked.",
            "messages": _refs_to_messages([REPLY]),
            "bindings": {"amqp": {"is": "routingKey", "exchange": _exchange(REPLIES)} | BINDING},
        },
    )


def _descriptions() -> Mapping[str, str]:
    aside = {dead_queue(name): f"What {name} could not handle, each with its reason." for name in CONSUMERS}
    ladder = {retry_queue(step): f"What comes back to its queue after {step}." for step in LADDER}
    work = {queue.name: f"What {queue.service} works from, up to {queue.prefetch} at once." for queue in WORK_QUEUES}
    return aside | ladder | work


def _operations(services: Sequence[Service]) -> Iterator[tuple[str, Json]]:
    for service in services:
        for event in service.says:
            noun = event.type.removeprefix(PREFIX)
            operation = _operation("send", service.name, noun, [event.type], sentence(event))
            yield f"{service.name}.says.{noun}", operation | _sent(mandatory=event.must_be_heard)
        for queue, handled in service.hears.items():
            does = "\n".join(f"- `{kind.type}`: {what}" for kind, what in handled.items())
            types = [kind.type for kind in handled]
            operation = _operation("receive", service.name, _queue_key(queue.name), types, does)
            answered = {"reply": _reply()} if queue.exchange != EVENTS else {}
            yield f"{service.name}.hears.{queue.name}", operation | answered | _bound({"ack": True})
        where = [dead_queue(service.name), *map(retry_queue, LADDER)]
        for name in where:
            operation = _operation("send", service.name, _queue_key(name), [ASIDE], "What could not be handled now.")
            yield f"{service.name}.sets_aside.{name}", operation | _sent(mandatory=True)
    orders, questions = [kind.type for kind in COMMANDS.values()], list(QUERIES)
    for queue, types in (INTAKE_COMMANDS, orders), (INTAKE_COMMANDS_URGENT, orders), (INTAKE_QUERIES, questions):
        operation = _operation(
            "send", "gateway", _queue_key(queue.name), types, "What a person asks for, in their name."
        )
        sent = _sent(mandatory=True, mode=2 if types is orders else 1)
        yield f"gateway.asks.{queue.name}", operation | {"reply": _reply()} | sent


def _operation(action: str, service: str, channel: str, types: list[str], description: str) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "description": description,
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind}"} for kind in types],
    }


def _sent(*, mandatory: bool, mode: int = 2) -> Json:
    return _bound({"deliveryMode": mode, "mandatory": mandatory, "timestamp": True})


def _bound(binding: Json) -> Json:
    return {"bindings": {"amqp": binding | BINDING}}


def _reply() -> Json:
    return {"channel": {"$ref": "#/channels/replies"}, "messages": [{"$ref": f"#/channels/replies/messages/{REPLY}"}]}


def _messages() -> Iterator[tuple[str, Json]]:
    kinds: list[type[Event | Asked]] = [*events(), *asked()]
    for kind in kinds:
        example = EXAMPLES / f"{kind.type}.json"
        shown = json.loads(example.read_text(encoding="utf-8")) if example.is_file() else {}
        yield (
            kind.type,
            {
                "name": kind.type,
                "title": kind.__name__,
                "summary": sentence(kind),
                "headers": {"$ref": COMPONENT.format(model=headers.of(kind))},
                "payload": {"$ref": COMPONENT.format(model=kind.__name__)},
                "correlationId": {"$ref": "#/components/correlationIds/correlation"},
                "bindings": {"amqp": {"messageType": kind.type} | BINDING},
            }
            | ({"examples": [{"headers": shown["headers"], "payload": shown["body"]}]} if shown else {}),
        )
    yield (
        REPLY,
        {
            "name": REPLY,
            "title": "Reply",
            "summary": "The decision about a command, or the answer to a question; no CloudEvent, and sealed.",
            "payload": {"$ref": COMPONENT.format(model="Reply")},
            "bindings": {"amqp": {"messageType": REPLY} | BINDING},
        },
    )
    yield (
        ASIDE,
        {
            "name": ASIDE,
            "title": "SetAside",
            "summary": "Any message that could not be handled, as it came, with headers that say why and where.",
            "headers": {"$ref": COMPONENT.format(model=headers.SET_ASIDE)},
        },
    )


def _schemas() -> Json:
    found = dict(headers.schemas())
    for kind in asked():
        found[kind.__name__] = asked_schema(kind, COMPONENT)
    for event in events():
        found[event.__name__] = event_schema(event, COMPONENT)
    found["Reply"] = reply_schema(COMPONENT)
    for schema in list(found.values()):
        found |= schema.pop("$defs", {})
    return dict(sorted(found.items()))


def _refs_to_messages(types: list[str]) -> Json:
    return {kind: {"$ref": f"#/components/messages/{kind}"} for kind in types}


def _queue_key(name: str) -> str:
    return f"queue.{name}"


def _exchange(name: str) -> Json:
    return {"name": name, "type": EXCHANGES[name].value, "durable": True, "autoDelete": False, "vhost": "/"}


def _queues() -> Iterator[tuple[str, Json]]:
    for queue in definitions({}, operator=("", ""))["queues"]:
        yield queue["name"], queue["arguments"]


def _bindings() -> Mapping[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for binding in definitions({}, operator=("", ""))["bindings"]:
        row = {"exchange": binding["source"], "routingKey": binding["routing_key"], "arguments": binding["arguments"]}
        found.setdefault(binding["destination"], []).append({key: value for key, value in row.items() if value})
    return found
