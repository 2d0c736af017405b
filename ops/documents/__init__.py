"""The documents made from the code: AsyncAPI, OpenAPI, JSON Schemas and the page of settings.

They are committed, so that a change of what others rely on shows in its diff; a test fails while one is stale. The same
code always makes the same documents: no time, no name of a machine, no order by chance.
"""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ops.documents.asyncapi import asyncapi
from ops.documents.configuration import configuration
from ops.documents.schemas import council_schema, json_schemas

__all__ = ["asyncapi", "configuration", "council_schema", "json_schemas", "openapi", "stale", "write_all"]

_SCHEMAS = "docs/schemas"


def openapi() -> dict[str, Any]:
    """Describe the gateway's HTTP interface (OpenAPI 3.1)."""
    document: dict[str, Any] = import_module("services.gateway.app").openapi_document()
    return document


def write_all(root: Path) -> list[Path]:
    """Write all documents below this folder; give those that have changed, the removed ones included."""
    wanted = dict(_wanted(root))
    changed = _differing(root, wanted)
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale(root: Path) -> list[Path]:
    """Find the documents below this folder that are missing, differ from what the code says, or describe nothing."""
    return _differing(root, dict(_wanted(root)))


def _differing(root: Path, wanted: Mapping[Path, str]) -> list[Path]:
    differ = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    return sorted(differ + [path for path in (root / _SCHEMAS).glob("*.json") if path not in wanted])


def _wanted(root: Path) -> Iterator[tuple[Path, str]]:
    yield root / "docs/asyncapi.json", _text(asyncapi())
    yield root / "docs/openapi.json", _text(openapi())
    yield root / "docs/configuration.md", configuration()
    for name, schema in json_schemas().items():
        yield root / _SCHEMAS / f"{name}.json", _text(schema)
    yield root / _SCHEMAS / "casework.council.json", _text(council_schema())


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
