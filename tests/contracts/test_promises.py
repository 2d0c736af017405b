"""What others rely on does not change by accident: fields of messages, names and arguments on the broker, rights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.documents import json_schemas
from tests.contracts import promises
from tests.contracts.promises import Field, broken, fields_of, read, written

HERE = Path(__file__).parent
PROMISED = read((HERE / "fields.txt").read_text(encoding="utf-8"))
BREAKS = """A message only grows within a major version. Give back what was there; or leave it, and say a new type
beside it (`…v2`, a class of its own) until nobody reads the old one. Do not edit fields.txt to make this pass."""
GROWS = "New within a major version: add these lines to tests/contracts/fields.txt and a line to CHANGELOG.md."
MOVES = """RabbitMQ refuses to declare an existing queue with other arguments, and operators know these names: a wanted
change needs a migration in docs/operate.md and a line in CHANGELOG.md. Then write it into queues.txt."""
MAY = """A service has its own queues and says its own facts, and nothing of its neighbours. A wanted change needs a
reason in docs/decisions. Then write it into rights.txt."""


def test_messages_keep_what_was_promised() -> None:
    assert broken(PROMISED, fields_of(json_schemas())) == [], BREAKS


def test_whatever_a_message_has_is_promised() -> None:
    today = fields_of(json_schemas())

    assert [line for line in written(today) if line not in written(PROMISED)] == [], GROWS


BEFORE = {
    "a.v1 id": Field("code", optional=False),
    "a.v1 state": Field('"closed" | "open"', optional=False),
    "a.v1 until": Field("date | null", optional=True),
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"a.v1 note": Field("code", optional=True)}, None),
        ({"b.v1 id": Field("code", optional=False)}, None),
        ({"a.v1 state": Field('"closed" | "open" | "parked"', optional=False)}, None),
        ({"a.v1 id": None}, "removed or renamed"),
        ({"a.v1 note": Field("code", optional=False)}, "new and required"),
        ({"a.v1 id": Field("integer", optional=False)}, "was code, is integer"),
        ({"a.v1 id": Field("code | null", optional=False)}, "was code, is code | null"),
        ({"a.v1 id": Field("code", optional=True)}, "may now be absent"),
        ({"a.v1 until": Field("date | null", optional=False)}, "required now"),
        ({"a.v1 until": Field("date", optional=True)}, "was date | null, is date"),
        ({"a.v1 state": Field('"open"', optional=False)}, "was "),
    ],
)
def test_a_message_may_grow_and_nothing_else(change: dict[str, Field | None], problem: str | None) -> None:
    today = {place: field for place, field in (BEFORE | change).items() if field is not None}

    found = broken(BEFORE, today)

    assert len(found) == (0 if problem is None else 1)
    assert problem is None or problem in found[0]


def test_fields_are_found_at_every_depth_and_within_the_seal() -> None:
    sealed: dict[str, Any] = {
        "type": "string",
        "contentSchema": {"properties": {"fields": {"properties": {"text": {"type": "string"}}, "required": ["text"]}}},
    }
    part = {"properties": {"due": {"type": "string", "format": "date-time"}}, "required": ["due"]}
    clocks = {"type": "array", "items": {"$ref": "#/$defs/Clock"}}
    schema = {"properties": {"sealed": sealed, "clocks": clocks}, "required": ["sealed"], "$defs": {"Clock": part}}

    lines = written(fields_of({"a.v1": schema}))

    assert lines == ["Clock due: date-time", "a.v1 clocks?: [Clock]", "a.v1 sealed: string", "a.v1 sealed text: string"]
    assert written(read("\n".join(["# a remark", *lines]))) == lines


@pytest.mark.parametrize(
    ("file", "today", "so"), [("queues.txt", promises.queues, MOVES), ("rights.txt", promises.rights, MAY)]
)
def test_what_operators_see_changes_only_on_purpose(file: str, today: Callable[[], str], so: str) -> None:
    assert today().splitlines() == (HERE / file).read_text(encoding="utf-8").splitlines(), so
