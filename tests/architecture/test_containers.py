"""What the container files promise, without Docker: least privilege, limits, names that the programs know."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.development import SERVICES
from services.gateway.config import Config as Gateway
from services.intake.config import Config as Intake
from services.notifier.config import Config as Notifier
from services.scheduler.config import Config as Scheduler
from shared.plumbing.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONFIGS: dict[str, type[Settings]] = {
    "gateway": Gateway,
    "intake": Intake,
    "notifier": Notifier,
    "routing": Settings,
    "scheduler": Scheduler,
}
PRODUCTION: dict[str, Any] = yaml.safe_load(
    (ROOT / "docs/examples/production/docker-compose.yml").read_text(encoding="utf-8")
)
ONCE = {"prepare", "council", "casework"}
"""Containers that do one thing and end."""


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_may_do_little_and_use_little(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert "privileged" not in service
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert name in ONCE or service["healthcheck"]["test"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_what_is_published_is_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_reads_its_own_secrets_only_and_is_told_what_it_knows(name: str) -> None:
    service = COMPOSE["services"][name]
    known = {f"{PREFIX}{field.upper()}" for field in CONFIGS[name].model_fields}

    assert service["volumes"] == [f"secrets-{name}:/secrets/{name}:ro"]
    assert service["build"]["args"] == {"SERVICE": name}
    assert {variable.removesuffix("_FILE") for variable in service["environment"]} <= known
    assert not any(secret in str(service["environment"]) for secret in ("password", "amqp://"))


def test_the_dockerfile_builds_where_no_registry_but_that_of_its_base_is() -> None:
    images = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    sources = set(re.findall(r"COPY --from=(\S+)", DOCKERFILE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))

    assert images == {"python:3.12-slim"}
    assert sources <= stages
    assert "# syntax=" not in DOCKERFILE
    assert (
        len(re.findall(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)) == len(stages) - 1
    )  # all but the one that builds


def test_the_dockerfile_knows_every_member_of_the_workspace() -> None:
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]
    members = {
        path.parent.relative_to(ROOT) for each in workspace["members"] for path in ROOT.glob(f"{each}/pyproject.toml")
    }

    assert {f"COPY {member}/pyproject.toml {member}/" for member in members} <= set(DOCKERFILE.splitlines())


def test_images_and_machines_get_the_same_uv() -> None:
    pinned = re.search(r"^UV_VERSION=(\S+)", (ROOT / "ops/bootstrap").read_text(encoding="utf-8"), re.MULTILINE)

    assert pinned
    assert f"uv=={pinned[1]}" in DOCKERFILE


@pytest.mark.parametrize("name", PRODUCTION["services"])
def test_in_production_a_container_may_do_little_and_use_little(name: str) -> None:
    service = PRODUCTION["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert name == "casework" or service["healthcheck"]["test"]
    assert name == "front" or "ports" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_in_production_a_service_is_told_what_it_knows_and_its_secrets_are_files(name: str) -> None:
    service = PRODUCTION["services"][name]
    known = {f"{PREFIX}{field.upper()}" for field in CONFIGS[name].model_fields}
    files = {
        value.removeprefix("/run/secrets/") for value in service["environment"].values() if "/run/secrets/" in value
    }

    assert {variable.removesuffix("_FILE") for variable in service["environment"]} <= known
    assert service["environment"]["CASEWORK_PROFILE"] == "production"
    assert files == set(service["secrets"]) - {"ca.pem"}
    assert set(service["secrets"]) <= PRODUCTION["secrets"].keys()


def test_the_page_lists_every_secret_of_production() -> None:
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    named = {
        secret.partition(".")[2] if secret.partition(".")[0] in {*SERVICES, "operator"} else secret
        for secret in PRODUCTION["secrets"]
    }

    assert not [secret for secret in named if secret not in page]
