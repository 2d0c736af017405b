"""The headers of every message as JSON Schemas: CloudEvents attributes, and what is added to a message set aside.

A test holds what is really written against them.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from shared.commands.base import Asked
from shared.events import CaseEvent, Event
from shared.plumbing.envelope import ATTEMPT, FIRST_FAILED, HEADER, ORIGIN_EXCHANGE, ORIGIN_KEY
from shared.plumbing.setting_aside import ERROR, FAILED_AT, QUEUE, REASON

Schema: TypeAlias = dict[str, Any]
EVENT, CASE_EVENT, ASKED, SET_ASIDE = "EventHeaders", "CaseEventHeaders", "RequestHeaders", "SetAsideHeaders"


def of(kind: type[Event | Asked]) -> str:
    """Name the headers a message of this kind has."""
    if issubclass(kind, Asked):
        return ASKED
    return CASE_EVENT if issubclass(kind, CaseEvent) else EVENT


def schemas() -> Iterator[tuple[str, Schema]]:
    """Describe them, by name."""
    numbered = {"caseseq": {"type": "integer", "minimum": 1, "description": "Position among the facts of its case."}}
    caused = {"causationid": _text("Id of the message or timer this follows from.")}
    yield EVENT, _attributes(_COMMON | _SUBJECT | caused, _OPTIONAL)
    yield CASE_EVENT, _attributes(_COMMON | _SUBJECT | caused | numbered, _OPTIONAL)
    yield ASKED, _attributes(_COMMON, _SUBJECT | {"onbehalfof": _OPTIONAL["onbehalfof"]})
    yield SET_ASIDE, {"type": "object", "properties": _SET_ASIDE, "required": list(_SET_ASIDE)}


def _text(description: str, **further: str) -> Schema:
    return {"type": "string", "description": description} | further


_COMMON: Schema = {
    "specversion": {"const": "1.0"},
    "id": _text("The same each time the same thing is said; with `source`, unique."),
    "source": _text("Council and service, e.g. `/councils/exampleton/casework/intake`."),
    "type": _text("What it is, with its major version."),
    "time": _text("Business time of the fact or request.", format="date-time"),
    "correlationid": _text("Id of the request everything goes back to."),
    "actor": _text("Id of the person who acted, or `system`."),
}
_SUBJECT: Schema = {"subject": _text("Id of the case; of a council fact, the version or the transition it belongs to.")}
_OPTIONAL: Schema = {
    "onbehalfof": _text("Id of the person the actor acted for."),
    "traceparent": _text("W3C trace context."),
}
_SET_ASIDE: Schema = {
    REASON: _text("Why, as a code; `exhausted:` before it where every step of the ladder was tried."),
    ERROR: _text("Type of the error, or the broken rules: never what the message said."),
    QUEUE: _text("The queue it was taken from."),
    ATTEMPT: {"type": "integer", "minimum": 1, "description": "How often it has failed."},
    FIRST_FAILED: _text("Technical time of the first failure.", format="date-time"),
    FAILED_AT: _text("Technical time of the last failure.", format="date-time"),
    ORIGIN_EXCHANGE: _text("The exchange it was published to."),
    ORIGIN_KEY: _text("The routing key it was published with."),
}


def _attributes(required: Schema, optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {HEADER + name: schema for name, schema in (required | optional).items()},
        "required": [HEADER + name for name in required],
    }
