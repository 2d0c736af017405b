"""One frozen example for each message, as it stands on the wire: what was published once is read for ever."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_binary_event
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr

from ops.documents import headers, json_schemas
from ops.documents.schemas import asked, events
from shared.commands.base import Asked
from shared.events import CaseEvent, Event
from shared.plumbing.envelope import HEADER, read_envelope
from shared.plumbing.history import Say
from shared.plumbing.sealed import SealBox
from shared.plumbing.wire import Parcel, parcel_of

EXAMPLES = Path(__file__).parent / "examples"
EVENTS, ASKED = list(events()), list(asked())
KINDS: dict[str, type[Event | Asked]] = {event.type: event for event in EVENTS} | {kind.type: kind for kind in ASKED}
SCHEMAS = json_schemas()
COUNCIL = "exampleton"
# The key of the examples and of nothing else.
SEAL = SealBox([SecretStr(base64.urlsafe_b64encode(b"casework-contract-examples-only!").decode())])


def example_of(kind: type[Event | Asked]) -> dict[str, Any]:
    path = EXAMPLES / f"{kind.type}.json"
    assert path.is_file(), f"add tests/contracts/examples/{kind.type}.json: tests/contracts/README.md says how"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def attribute(example: dict[str, Any], name: str) -> Any:
    return example["headers"].get(HEADER + name)


def published_today(event: Event, example: dict[str, Any]) -> Parcel:
    """Publish the event as the relay does, under the circumstances of the example."""
    entry = {
        "id": attribute(example, "id"),
        "type": event.type,
        "at": event.at,
        "cause": attribute(example, "causationid"),
        "correlation": attribute(example, "correlationid"),
        "actor": attribute(example, "actor"),
        "on_behalf_of": attribute(example, "onbehalfof") or "",
        "traceparent": attribute(example, "traceparent") or "",
        "caseseq": attribute(example, "caseseq"),
        "exchange": example["exchange"],
        "key": event.routing_key(),
        "mandatory": event.must_be_heard,
        "data": event.model_dump(mode="json"),
    }
    service = attribute(example, "source").rsplit("/", 1)[-1]
    return parcel_of(Say(("", ""), attribute(example, "subject"), entry, 0), COUNCIL, service)


def test_there_is_an_example_of_each_message_and_of_nothing_else() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.type)
def test_an_event_is_read_and_published_as_ever(kind: type[Event]) -> None:
    example = example_of(kind)

    parcel = published_today(kind.model_validate(example["body"]), example)

    assert parcel.headers == example["headers"]
    assert parcel.routing_key == example["routing_key"]
    assert {
        "content_type": parcel.content_type,
        "type": parcel.type,
        "message_id": parcel.id,
        "correlation_id": parcel.correlation,
        "delivery_mode": 2 if parcel.persistent else 1,
    } == example["properties"]
    assert grown(example["body"], json.loads(parcel.body)), "a field of the frozen example is gone or reads otherwise"


def grown(before: Any, now: Any) -> bool:
    """Say whether all that was there is there still, at any depth."""
    if isinstance(before, dict):
        return all(name in now and grown(value, now[name]) for name, value in before.items())
    if isinstance(before, list):
        return len(before) == len(now) and all(map(grown, before, now))
    return bool(before == now)


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.type)
def test_a_sealed_message_is_opened_as_ever(kind: type[Asked]) -> None:
    example = example_of(kind)
    body = json.dumps(example["body"]).encode()

    opened = SEAL.open_message(kind, body, example["properties"]["message_id"])

    again = json.loads(SEAL.seal_message(opened, "any"))
    assert grown(without_seal(example["body"]), without_seal(again))
    assert all(getattr(opened, name) is not None for name in kind.confidential), "show every confidential field"
    assert not kind.confidential & example["body"].keys()


def without_seal(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "sealed"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_example_keeps_its_schemas(kind: type[Event | Asked]) -> None:
    example = example_of(kind)
    described = dict(headers.schemas())[headers.of(kind)]

    for instance, schema in ((example["body"], SCHEMAS[kind.type]), (example["headers"], described)):
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        assert [error.message for error in validator.iter_errors(instance)] == []
    assert example["headers"].keys() <= described["properties"].keys(), (
        "describe the header in ops/documents/headers.py"
    )


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_official_sdk_reads_every_attribute(kind: type[Event | Asked]) -> None:
    example = example_of(kind)
    content_type = example["properties"]["content_type"]

    event = from_binary_event(
        AMQPMessage({"content-type": content_type}, example["headers"], json.dumps(example["body"]).encode())
    )

    assert event.get_specversion() == "1.0"
    assert event.get_type() == kind.type
    assert event.get_id() == example["properties"]["message_id"]
    assert event.get_source().startswith(f"/councils/{COUNCIL}/casework/")
    assert event.get_subject() == attribute(example, "subject")
    assert event.get_datacontenttype() == content_type
    assert event.get_data() == example["body"]
    time = event.get_time()
    assert time is not None
    assert time.isoformat() == attribute(example, "time")
    assert event.get_extension("correlationid") == example["properties"]["correlation_id"]
    assert event.get_extension("actor") == attribute(example, "actor")
    assert event.get_extension("caseseq") == attribute(example, "caseseq")
    assert bool(event.get_extension("caseseq")) is issubclass(kind, CaseEvent)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_service_reads_the_same_from_the_headers_alone(kind: type[Event | Asked]) -> None:
    example = example_of(kind)
    properties = example["properties"]

    envelope = read_envelope(
        kind=None,
        message_id=None,
        correlation=None,
        reply_to=properties.get("reply_to"),
        timestamp=None,
        headers=example["headers"],
        body=b"",
    )

    assert (envelope.type, envelope.id, envelope.correlation) == (
        properties["type"],
        properties["message_id"],
        properties["correlation_id"],
    )
    assert envelope.subject == (attribute(example, "subject") or "")
    assert envelope.caseseq == (attribute(example, "caseseq") or 0)
