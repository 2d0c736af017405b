"""The committed documents are what the code says, and valid by the standards they name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from ops import documents
from ops.documents.composition import SERVICES, composed, settings_of
from shared.commands import COMMANDS, QUERIES
from shared.council import load_bundle
from shared.plumbing.settings import PREFIX

ROOT = Path(__file__).parents[2]
SCHEMAS = documents.json_schemas()
STANDARD = json.loads((Path(__file__).parent / "asyncapi-3.0.0" / "schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    return documents.asyncapi()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part["$ref"],) if isinstance(part.get("$ref"), str) else ()
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def find(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_no_committed_document_is_stale() -> None:
    assert documents.stale(ROOT) == [], "run `make documents` and look at the difference: others rely on them"


def test_documents_are_written_once_and_what_describes_nothing_goes(tmp_path: Path) -> None:
    written = documents.write_all(tmp_path)
    left_over = tmp_path / "docs/schemas/casework.case.forgotten.v1.json"
    left_over.write_text("{}", encoding="utf-8")
    changed = tmp_path / "docs/configuration.md"
    changed.write_text("edited by hand", encoding="utf-8")

    stale = documents.stale(tmp_path)

    assert len(written) == 3 + len(SCHEMAS) + 1
    assert stale == [changed, left_over]
    assert documents.write_all(tmp_path) == stale
    assert documents.stale(tmp_path) == []
    assert not left_over.exists()


def test_the_asyncapi_document_keeps_the_standard(asyncapi: dict[str, Any]) -> None:
    Draft7Validator.check_schema(STANDARD)

    assert [f"{error.json_path}: {error.message}" for error in Draft7Validator(STANDARD).iter_errors(asyncapi)] == []


def test_the_standard_refuses_a_broken_asyncapi_document(asyncapi: dict[str, Any]) -> None:
    name, operation = next(iter(asyncapi["operations"].items()))
    broken = asyncapi | {"operations": asyncapi["operations"] | {name: operation | {"action": "shout"}}}

    assert not Draft7Validator(STANDARD).is_valid(broken)


def test_every_reference_of_the_asyncapi_document_leads_somewhere(asyncapi: dict[str, Any]) -> None:
    assert all(find(asyncapi, reference) for reference in set(references(asyncapi)))


def test_every_component_of_the_asyncapi_document_is_used(asyncapi: dict[str, Any]) -> None:
    used = set(references(asyncapi))

    assert [
        reference
        for kind in ("messages", "schemas", "parameters", "correlationIds", "securitySchemes")
        for name in asyncapi["components"][kind]
        if (reference := f"#/components/{kind}/{name}") not in used
    ] == []


def types_of(asyncapi: dict[str, Any], service: str, action: str) -> set[str]:
    return {
        message["$ref"].rsplit("/", 1)[-1]
        for operation in asyncapi["operations"].values()
        if operation["action"] == action and operation["tags"] == [{"name": service}]
        for message in operation["messages"]
    }


def test_the_asyncapi_document_says_all_that_a_service_says_and_hears(asyncapi: dict[str, Any]) -> None:
    for service in composed():
        heard = {kind.type for kinds in service.hears.values() for kind in kinds}

        assert types_of(asyncapi, service.name, "send") == {event.type for event in service.says} | {"set-aside"}
        assert types_of(asyncapi, service.name, "receive") == heard


def test_the_asyncapi_document_says_all_that_the_gateway_asks(asyncapi: dict[str, Any]) -> None:
    asked = {kind.type for kind in (*COMMANDS.values(), *QUERIES.values())}

    assert types_of(asyncapi, "gateway", "send") == asked
    assert types_of(asyncapi, "gateway", "receive") == set(), (
        "replies come by `reply`, not by an operation of their own"
    )


def test_the_openapi_document_keeps_the_standard() -> None:
    document = documents.openapi()

    assert document["openapi"].startswith("3.1.")
    assert [f"{error.json_path}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_schema_of_a_council_takes_the_sample_and_refuses_a_broken_one() -> None:
    schema, sample = documents.council_schema(), load_bundle(ROOT / "council").model_dump(mode="json")
    validator = Draft202012Validator(schema)
    broken = sample | {"rules": [*sample["rules"], {"id": "Not a slug", "service": "noise"}]}

    Draft202012Validator.check_schema(schema)
    assert [error.json_path for error in validator.iter_errors(sample)] == []
    assert {error.json_path for error in validator.iter_errors(broken)} == {
        f"$.rules[{len(sample['rules'])}]",
        f"$.rules[{len(sample['rules'])}].id",
    }
    assert {name for name, field in schema["properties"].items() if "$ref" in str(field)} == {
        name for name, value in sample.items() if isinstance(value, dict | list)
    }


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items(), ids=SCHEMAS)
def test_every_schema_keeps_the_standard(name: str, schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["description"], f"{name}: the class needs a docstring: it is the published documentation"
    assert all(find(schema, reference) for reference in set(references(schema)))


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_of_settings_explains_every_variable_once(service: str) -> None:
    sections = dict(part.split("\n", 1) for part in documents.configuration().split("\n## ")[1:])
    page = sections["Every service"] + sections[service]

    for name, field in settings_of(service).model_fields.items():
        assert page.count(f"| `{PREFIX}{name.upper()}` |") == 1
        assert field.description, f"{name}: say what it is for in the attribute's docstring"


def test_the_page_of_settings_shows_no_place_of_this_machine() -> None:
    assert str(ROOT) not in documents.configuration()
