"""An alert can fire, and whoever it wakes finds what to do; what the operators' pages name is there."""

import asyncio
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
import yaml
from faststream.asgi import AsgiFastStream
from prometheus_client.parser import text_string_to_metric_families
from pymongo.asynchronous.database import AsyncDatabase

from ops.cli import app as casework
from ops.stack.mongo import Mongo
from services.notifier.adapters import PrometheusCounts
from services.scheduler.app import create_app
from services.scheduler.config import Config
from shared.council import load_bundle
from shared.events import CaseProgressed, NoticeFailed, NoticeInDoubt
from shared.plumbing.council import publish
from shared.plumbing.envelope import HEADER
from shared.plumbing.history import Cause, change
from shared.plumbing.metrics import Metrics
from shared.plumbing.topology import CONSUMERS, EVENTS, LADDER, SUBSCRIBER_MAX, WORK_QUEUES, dead_queue, retry_queue
from shared.plumbing.wire import parcel_of
from tests.shared.plumbing import toys

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "ops/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
BY_NAME: Mapping[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES}
OPERATE = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
SUBSCRIBE = (ROOT / "docs/subscribe.md").read_text(encoding="utf-8")
COUNCIL = (ROOT / "docs/council.md").read_text(encoding="utf-8")

OTHERS = {"up", "rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_consumers"}
"""Prometheus' own, and RabbitMQ's, seen on 3.10.8 (https://www.rabbitmq.com/docs/prometheus#detailed-endpoint)."""


def named(expression: str) -> set[str]:
    """Name the metrics of an expression."""
    return set(re.findall(r"\b(?:casework|rabbitmq)_\w+|\bup\b", expression))


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_every_metric_of_an_alert_is_exported(
    vhost_url: str, mongo_server: Mongo, database: AsyncDatabase[dict[str, Any]]
) -> None:
    metrics = Metrics("notifier")
    PrometheusCounts(metrics)
    exported = samples(metrics.expose().decode()) | samples(await scheduler(vhost_url, mongo_server, database))

    wanted = set().union(*(named(rule["expr"]) for rule in RULES))

    assert wanted - OTHERS - exported == set()
    assert len(wanted) >= len(RULES) - 1


def samples(exposition: str) -> set[str]:
    """Name what is exported; a counter that has no label yet shows its name only in its description."""
    families = list(text_string_to_metric_families(exposition))
    return {sample.name for family in families for sample in family.samples} | {
        f"{family.name}_total" if family.type == "counter" else family.name for family in families
    }


async def scheduler(vhost_url: str, server: Mongo, database: AsyncDatabase[dict[str, Any]]) -> str:
    """Start the scheduler and read its /metrics."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    config = Config.model_validate(
        {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": server.url,
            "mongo_prefix": prefix,
            "topology": "declare",
        }
    )
    council = database.client[config.database_of("council")]
    await publish(council, load_bundle(ROOT / "council"), author="test", reason="test")
    app: AsgiFastStream = create_app(config)
    async with (
        app.start_lifespan_context(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://scheduler") as client,
    ):
        async with asyncio.timeout(20):
            while not (await client.get("/readyz")).is_success:  # noqa: ASYNC110  it says so when asked, not otherwise
                await asyncio.sleep(0.05)
        found = (await client.get("/metrics")).text
    for owner in ("council", "scheduler"):
        await database.client.drop_database(config.database_of(owner))
    return found


def test_the_alerts_of_queues_watch_exactly_ours() -> None:
    queues = {*(work.name for work in WORK_QUEUES), *map(dead_queue, CONSUMERS), *map(retry_queue, LADDER)}

    def watched(alert: str) -> set[str]:
        selector = re.search(r'queue=~"([^"]+)"', BY_NAME[alert]["expr"])
        assert selector
        pattern = selector[1].replace("\\\\", "\\")
        return {queue for queue in {*queues, "subscriber.other", "intakes"} if re.fullmatch(pattern, queue)}

    assert watched("CaseworkQueueWithoutConsumer") == {work.name for work in WORK_QUEUES}
    assert watched("CaseworkDeadLetters") == {dead_queue(service) for service in CONSUMERS}


def test_the_alerts_of_facts_ask_for_types_there_are() -> None:
    asked = {kind for rule in RULES for kind in re.findall(r'type="([^"]+)"', rule["expr"])}

    assert asked == {NoticeFailed.type, NoticeInDoubt.type}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_is_wrong_and_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"


def test_every_alert_has_a_section_with_steps_and_every_section_an_alert() -> None:
    sections = dict(re.findall(r"^### (Casework\w+)\n(.*?)(?=^##)", OPERATE, re.MULTILINE | re.DOTALL))

    assert list(sections) == list(BY_NAME)
    assert [name for name, text in sections.items() if not re.search(r"^1\. ", text, re.MULTILINE)] == []


def test_the_operators_page_names_every_queue() -> None:
    queues = [*(work.name for work in WORK_QUEUES), *map(dead_queue, CONSUMERS), *map(retry_queue, LADDER)]

    assert [queue for queue in queues if f"`{queue}`" not in OPERATE] == []


@pytest.mark.parametrize("page", [OPERATE, SUBSCRIBE, COUNCIL], ids=["operate", "subscribe", "council"])
def test_every_command_a_page_names_exists(page: str) -> None:
    commands = set(re.findall(r"(?:^|`)casework ([a-z]+(?: [a-z]+)?)", page, re.MULTILINE))

    assert len(commands) >= 1
    assert [command for command in sorted(commands) if not exists(command.split())] == []


def exists(words: list[str]) -> bool:
    """Say whether the command line has this command; what follows a command is its argument."""
    found: Any = typer.main.get_command(casework)
    for word in words:
        children = getattr(found, "commands", {})
        if not children:
            return True
        if word not in children:
            return False
        found = children[word]
    return True


def test_the_subscribers_page_lists_exactly_the_headers_of_an_event() -> None:
    fact = CaseProgressed(at=toys.AT, case=toys.STATE)
    cause = Cause("m1", "corr", actor="off-001", on_behalf_of="cllr-001", traceparent="00-0-0-01")
    [say] = change(toys.THINGS, toys.CASE, toys.CASE, None, [fact], cause).says

    listed = re.findall(rf"^\| `({HEADER}\w+)` \|", SUBSCRIBE, re.MULTILINE)

    assert sorted(listed) == sorted(parcel_of(say, "exampleton", "intake").headers)


def test_the_subscribers_page_tells_our_exchange_and_limit() -> None:
    assert f"`{EVENTS}`" in SUBSCRIBE
    assert f"{SUBSCRIBER_MAX:,}" in SUBSCRIBE
    assert f"{SUBSCRIBER_MAX:,}" in OPERATE
