"""Every message has somebody who says it and, where it must, somebody who hears it: asked of the composed services."""

import re
from collections.abc import Sequence

import pytest

from ops.documents.composition import Service, composed
from shared.commands import COMMANDS, QUERIES
from shared.events import CATALOGUE, Event
from shared.events.base import PREFIX
from shared.plumbing.topology import EVENTS, INTAKE_QUERIES, SAYS, WORK_QUEUES, WorkQueue

SAID = [event for event in CATALOGUE.values() if event.said]
MUST_BE_HEARD = [event for event in SAID if event.must_be_heard]
LANES = ("normal", "urgent")


@pytest.fixture(scope="module")
def services() -> list[Service]:
    return list(composed())


def key_of(event: type[Event], lane: str) -> str:
    return f"{event.type.removeprefix(PREFIX)}.{lane}.noise.abbey"


def matches(pattern: Sequence[str], key: Sequence[str]) -> bool:
    """Match as a topic exchange does: `*` is one word, `#` any number."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(matches(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and pattern[0] in {"*", key[0]} and matches(pattern[1:], key[1:])


def reaches(event: type[Event], queue: WorkQueue) -> bool:
    return queue.exchange == EVENTS and any(
        matches(binding.split("."), key_of(event, lane).split(".")) for binding in queue.bindings for lane in LANES
    )


def test_every_queue_is_worked_by_the_one_service_it_belongs_to(services: list[Service]) -> None:
    worked = sorted((queue.name, service.name) for service in services for queue in service.hears)

    assert worked == sorted((queue.name, queue.service) for queue in WORK_QUEUES)


@pytest.mark.parametrize("queue", WORK_QUEUES, ids=lambda queue: queue.name)
def test_a_queue_has_a_handler_for_exactly_what_reaches_it(services: list[Service], queue: WorkQueue) -> None:
    handled = {kind.type for service in services for kind in service.hears.get(queue, ())}

    if queue.exchange == EVENTS:
        arriving = {event.type for event in SAID if reaches(event, queue)}
    else:
        arriving = set(QUERIES) if queue == INTAKE_QUERIES else {kind.type for kind in COMMANDS.values()}

    assert handled == arriving


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("event", MUST_BE_HEARD, ids=lambda event: event.type)
def test_what_must_be_heard_has_a_queue_on_both_lanes(event: type[Event], lane: str) -> None:
    key = key_of(event, lane).split(".")

    heard_by = [queue.name for queue in WORK_QUEUES for binding in queue.bindings if matches(binding.split("."), key)]

    assert heard_by, f"{event.type} is published mandatory on the {lane} lane, but no queue is bound: it stays unsaid"


def test_every_event_is_said_by_one_service_and_that_service_may(services: list[Service]) -> None:
    says = [(event.type, service.name) for service in services for event in service.says]
    may = [(event.type, name) for event in SAID for name, right in SAYS.items() if re.search(right, key_of(event, "x"))]

    assert sorted(says) == sorted(may)


def test_only_intake_says_what_happened_to_a_case(services: list[Service]) -> None:
    speakers = {
        service.name for service in services for event in service.says if event.type.startswith("casework.case.")
    }

    assert speakers == {"intake"}
    assert re.search(SAYS["intake"], "case.raised.v1.normal.noise.abbey")
    assert not [
        name for name, right in SAYS.items() if name != "intake" and re.search(right, "case.raised.v1.normal.a.b")
    ]


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("case.*.*.normal.#", "case.raised.v1.normal.noise.abbey", True),
        ("case.*.*.normal.#", "case.raised.v1.normal", True),
        ("case.*.*.normal.#", "case.raised.v1.urgent.noise.abbey", False),
        ("case.*", "case.raised.v1", False),
        ("#", "", True),
    ],
)
def test_patterns_match_as_on_the_broker(pattern: str, key: str, *, expected: bool) -> None:
    assert matches(pattern.split("."), key.split(".") if key else []) is expected
