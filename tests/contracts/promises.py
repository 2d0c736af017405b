"""What others rely on, written so that it can be frozen: fields of messages, names on the broker, rights."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.events import Code
from shared.plumbing.sealed import FIELD
from shared.plumbing.topology import SAYS, definitions

CODE = Code.__metadata__[0].pattern  # type: ignore[attr-defined]  # of Annotated; mypy sees only the str in it


class Field(NamedTuple):
    """One field of a message or of a part of it."""

    kind: str
    optional: bool

    @property
    def alternatives(self) -> frozenset[str]:
        """What it may be: types, and in quotes the values of an enumeration."""
        return frozenset(self.kind.split(" | "))


Fields = Mapping[str, Field]
"""By place: `<message type or part> <field>`."""


def fields_of(schemas: Mapping[str, dict[str, Any]]) -> dict[str, Field]:
    """List the fields of all messages and of the parts they share."""
    found: dict[str, Field] = {}
    for name, schema in schemas.items():
        for owner, described in ((name, schema), *schema.get("$defs", {}).items()):
            found |= _fields(owner, described)
    return found


def _fields(owner: str, schema: dict[str, Any]) -> Iterator[tuple[str, Field]]:
    for name, described in schema.get("properties", {}).items():
        yield f"{owner} {name}", Field(_kind(described), optional=name not in schema.get("required", ()))
        if name == FIELD:
            inner = described["contentSchema"]["properties"]["fields"]
            yield from _fields(f"{owner} {FIELD}", inner)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(sorted(_kind(each) for each in schema["anyOf"]))
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " | ".join(sorted(f'"{value}"' for value in values))
    if schema["type"] == "array":
        return f"[{_kind(schema['items'])}]"
    if "pattern" in schema:
        return "code" if schema["pattern"] == CODE else f"text like {schema['pattern']}"
    return str(schema.get("format", schema["type"]))


def written(fields: Fields) -> list[str]:
    """Write fields as lines: `<place>: <kind>`, with `?` where it may be absent."""
    return [f"{place}{'?' if field.optional else ''}: {field.kind}" for place, field in sorted(fields.items())]


def read(lines: str) -> dict[str, Field]:
    """Read such lines."""
    pairs = [line.partition(": ") for line in lines.splitlines() if line and not line.startswith("#")]
    return {place.removesuffix("?"): Field(kind, place.endswith("?")) for place, _, kind in pairs}


def broken(promised: Fields, today: Fields) -> list[str]:
    """Say what of the promised fields no longer holds, and which new ones old messages cannot have."""
    owners = {place.rsplit(" ", 1)[0] for place in promised}
    found = [f"{place}: {problem}" for place, was in promised.items() if (problem := _problem(was, today.get(place)))]
    return found + [
        f"{place}: new and required, but messages from before lack it; give it a default"
        for place, field in today.items()
        if place not in promised and place.rsplit(" ", 1)[0] in owners and not field.optional
    ]


def _problem(was: Field, now: Field | None) -> str:
    if now is None:
        return "removed or renamed"
    if now.optional != was.optional:
        return "may now be absent" if now.optional else "required now, but messages from before lack it"
    added, gone = now.alternatives - was.alternatives, was.alternatives - now.alternatives
    if gone or not all(value.startswith('"') for value in added):
        return f"was {was.kind}, is {now.kind}"
    return ""


def queues() -> str:
    """Write exchanges, queues, their arguments and bindings as the broker gets them."""
    wanted = definitions({}, operator=("operator", ""))
    lines = [
        f"exchange {exchange['name']} ({exchange['type']}{_durable(exchange)})" for exchange in wanted["exchanges"]
    ]
    for queue in sorted(wanted["queues"], key=lambda queue: str(queue["name"])):
        lines += ["", f"queue {queue['name']}{_durable(queue)}"]
        lines += [f"    {name} = {value!r}" for name, value in sorted(queue["arguments"].items())]
        lines += [
            f"    from {binding['source']}: {binding['routing_key'] or binding['arguments']}"
            for binding in wanted["bindings"]
            if binding["destination"] == queue["name"]
        ]
    return "\n".join(lines) + "\n"


def _durable(thing: dict[str, Any]) -> str:
    return ", durable" if thing["durable"] else ""


def rights() -> str:
    """Write what each broker user may do."""
    wanted = definitions(dict.fromkeys(SAYS, ""), operator=("operator", ""), monitor=("monitor", ""))
    lines = []
    for user in (user["user"] for user in wanted["permissions"]):
        lines += [f"{user}"]
        for permission in wanted["permissions"]:
            if permission["user"] == user:
                lines += [f"    may {verb} {permission[verb]}" for verb in ("configure", "write", "read")]
        for topic in wanted["topic_permissions"]:
            if topic["user"] == user:
                lines += [f"    on {topic['exchange']} may say {topic['write']} and bind {topic['read']}"]
    return "\n".join(lines) + "\n"
