"""The settings of every service as a page, made from the classes that read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ops.documents.composition import SERVICES, settings_of
from shared.plumbing.settings import PREFIX, Settings

_ROOT = Path(__file__).parents[2]
_HEAD = """# Configuration

Made from the settings classes by `make documents`; a test compares.

A service reads these variables when it starts, and does not start if one is missing or wrong. `<VARIABLE>_FILE` names a
file that holds the value instead: use it for secrets. Empty is not unset. Where a service listens is told to uvicorn:
`--host`, `--port`.
"""
_COLUMNS = "| Variable | Value | Default | Secret | Meaning |\n| --- | --- | --- | --- | --- |"


def configuration() -> str:
    """Write the page: what all services have, then what each has of its own."""
    parts = [_HEAD, f"## Every service\n\n{_table(Settings, set())}\n"]
    for service in SERVICES:
        own = settings_of(service)
        table = "Nothing of its own." if own is Settings else _table(own, set(Settings.model_fields))
        parts.append(f"## {service}\n\n{table}\n")
    return "\n".join(parts)


def _table(settings: type[Settings], known: set[str]) -> str:
    rows = list(_rows(settings, known))
    return (
        "\n".join([_COLUMNS, *rows])
        if rows
        else "Nothing of its own, but some of the above are required: see its README."
    )


def _rows(settings: type[Settings], known: set[str]) -> Iterator[str]:
    schemas = settings.model_json_schema()["properties"]
    for name, field in settings.model_fields.items():
        if name not in known:
            schema = _present(schemas[name])
            default = "required" if field.is_required() else _default(field.default)
            secret = "yes" if _secret(schema) else "no"
            meaning = " ".join((field.description or "").split())
            cells = (f"`{PREFIX}{name.upper()}`", _value(schema), default, secret, meaning.replace("<", r"\<"))
            yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave the null out of an optional value."""
    alternatives = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return schema | alternatives[0] if alternatives else schema


def _secret(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "password" or schema.get("items", {}).get("format") == "password"


def _value(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "pattern" in schema:
        return f"text like `{schema['pattern']}`"
    if schema["type"] == "array":
        return "list, comma separated"
    if schema["type"] in {"integer", "number"}:
        return ("whole number" if schema["type"] == "integer" else "number") + _bounds(schema)
    return "path" if schema.get("format") == "path" else "text"


def _bounds(schema: dict[str, Any]) -> str:
    bounds = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "up to"))
    return "".join(f", {word} {schema[key]}" for key, word in bounds if key in schema)


def _default(default: object) -> str:
    if isinstance(default, Path):
        return f"`{default.relative_to(_ROOT)}`"
    if default is None:
        return "unset"
    text = "" if default == () else str(default)
    return f"`{text}`" if text else "empty"
