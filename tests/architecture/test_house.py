"""The house stays the house: what import-linter and ruff cannot say. Imports themselves: `lint-imports`."""

import ast
from pathlib import Path

import pytest

from ops.documents.composition import SERVICES, settings_of
from shared.plumbing.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "ops", "services", "shared", "tests")
LONGEST = 400
CLIENTS = {"AsyncMongoClient", "MongoClient", "RabbitBroker", "connect_robust"}
SABOTAGE = ("crashpoint", "crash_point", "faulty_parts", "tests.faults")
FACTORIES = ROOT / "shared" / "plumbing" / "clients.py"


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def called(module: Path) -> set[str]:
    """Name what a module calls: `make`, and of `x.make` and `x[y].make` the `make`."""
    calls = (node.func for node in ast.walk(ast.parse(module.read_bytes())) if isinstance(node, ast.Call))
    bare = (call.value if isinstance(call, ast.Subscript) else call for call in calls)
    return {
        name.id if isinstance(name, ast.Name) else name.attr
        for name in bare
        if isinstance(name, ast.Name | ast.Attribute)
    }


def test_the_services_are_those_the_broker_knows() -> None:
    folders = {path.name for path in (ROOT / "services").iterdir() if (path / "__init__.py").exists()}

    assert folders == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("file", ["README.md", "__init__.py", "app.py", "domain", "pyproject.toml"])
def test_every_service_has_the_same_rooms(service: str, file: str) -> None:
    place = ROOT / "services" / service / file

    assert place.exists() or place.with_suffix(".py").exists(), f"services/{service}/{file} is missing"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_composed_by_create_app_and_told_by_settings(service: str) -> None:
    app = ast.parse((ROOT / "services" / service / "app.py").read_bytes())

    assert "create_app" in {node.name for node in app.body if isinstance(node, ast.FunctionDef)}
    assert issubclass(settings_of(service), Settings)


def test_clients_of_broker_and_database_are_made_in_one_place() -> None:
    elsewhere = {
        str(path.relative_to(ROOT)): found
        for path in modules("services", "shared")
        if path != FACTORIES and (found := called(path) & CLIENTS)
    }

    assert called(FACTORIES) & CLIENTS == {"AsyncMongoClient", "RabbitBroker"}
    assert not elsewhere, (
        "use shared.plumbing.clients: a client made elsewhere lacks confirms, heartbeat or write concern"
    )


def test_nothing_that_is_delivered_knows_how_to_fail_on_purpose() -> None:
    named = {
        str(path.relative_to(ROOT)): found
        for path in modules("ops", "services", "shared")
        if (found := [word for word in SABOTAGE if word in path.read_text(encoding="utf-8").casefold()])
    }

    assert not named, "kill points and sabotage are parts of the tests, handed in as `Parts`: tests/faults"


def test_no_module_is_too_long_to_read_at_once() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules(*FOLDERS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }

    assert not long, f"more than {LONGEST} lines: make it a package of the same name"
