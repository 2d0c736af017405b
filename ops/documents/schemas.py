"""JSON Schemas of everything that travels, and of a council: events as they are, commands and questions as on the wire.

There the confidential fields of a command are one sealed string; what it holds stands beside it as `contentSchema`.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import BaseModel

from shared.commands import COMMANDS, QUERIES, CaseReply, CasesReply, CommandReply, EventsReply
from shared.commands.base import Asked
from shared.council import Council
from shared.events import CATALOGUE, Event
from shared.plumbing.sealed import FIELD, REPLY

Schema: TypeAlias = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REPLIES: tuple[type[BaseModel], ...] = (CommandReply, CaseReply, CasesReply, EventsReply)
LOCAL = "#/$defs/{model}"


def events() -> Iterator[type[Event]]:
    """List the events that are published; the others stay in their documents."""
    return (event for event in CATALOGUE.values() if event.said)


def asked() -> Iterator[type[Asked]]:
    """List commands and questions."""
    yield from COMMANDS.values()
    yield from QUERIES.values()


def json_schemas() -> dict[str, Schema]:
    """Describe the body of every message, by its CloudEvents `type`."""
    found = {event.type: event_schema(event) for event in events()}
    found |= {kind.type: asked_schema(kind) for kind in asked()}
    return {
        name: {"$schema": DIALECT, "$id": f"urn:{name.replace('.', ':')}"} | schema
        for name, schema in sorted(found.items())
    }


def council_schema() -> Schema:
    """Describe a council as a version holds it; its files are checked for more than a schema can say."""
    return {"$schema": DIALECT, "$id": "urn:casework:council"} | Council.model_json_schema()


def event_schema(event: type[Event], refs: str = LOCAL) -> Schema:
    """Describe an event; further fields may come, and a reader ignores what it does not know."""
    return event.model_json_schema(mode="serialization", ref_template=refs)


def asked_schema(kind: type[Asked], refs: str = LOCAL) -> Schema:
    """Describe a command or question as it stands on the wire."""
    schema = kind.model_json_schema(mode="serialization", ref_template=refs)
    hidden = {name: schema["properties"].pop(name) for name in kind.model_fields if name in kind.confidential}
    required: list[str] = schema["required"]
    fields = _object(hidden, [name for name in required if name in hidden])
    schema["properties"][FIELD] = _sealed(
        _object(
            {
                "id": {"type": "string", "description": "The message's id again."},
                "type": {"const": kind.type},
                "digest": {"type": "string", "description": "SHA-256 of the rest of the body, with sorted keys."},
                "fields": fields,
            }
        )
    )
    schema["required"] = [name for name in required if name not in hidden] + [FIELD]
    return schema


def reply_schema(refs: str = LOCAL) -> Schema:
    """Describe a reply; which of the alternatives it holds follows from what was asked."""
    schemas = [reply.model_json_schema(mode="serialization", ref_template=refs) for reply in REPLIES]
    definitions = {name: each for schema in schemas for name, each in schema.pop("$defs", {}).items()}
    inner = _object(
        {
            "id": {"type": "string", "description": "The id of what was asked."},
            "type": {"const": REPLY},
            "reply": {"anyOf": schemas},
        }
    )
    return _object({FIELD: _sealed(inner)}) | {"$defs": definitions}


def _sealed(inner: Schema) -> Schema:
    return {
        "type": "string",
        "description": "A Fernet token, which only intake and the gateway can open; it holds what is described here.",
        "contentMediaType": "application/json",
        "contentSchema": inner,
    }


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }
