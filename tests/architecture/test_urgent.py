"""Danger waits behind nothing: from end to end a queue of its own, and a consumer that works on nothing else."""

from collections import Counter
from importlib import import_module
from typing import Any

import pytest

from ops.documents.composition import _ENOUGH_TO_COMPOSE, settings_of
from shared.plumbing.lane import Lane
from shared.plumbing.service import lanes
from shared.plumbing.subscriber import LaneSubscriber
from shared.plumbing.topology import CONSUMERS, EVENTS, WORK_QUEUES, WorkQueue

BY_NAME = {queue.name: queue for queue in WORK_QUEUES}
ORDINARY = [queue for queue in WORK_QUEUES if queue.durable and not queue.name.endswith(".urgent")]
"""Queues of work; questions have no lanes: they change nothing, and expire."""
URGENT = ("intake.commands.urgent", "intake.urgent", "routing.urgent", "scheduler.urgent", "notifier.urgent")
"""The way of a danger, from the command to the notice."""


@pytest.fixture(scope="module")
def subscribers() -> list[LaneSubscriber]:
    """Every subscriber of the services that work from queues, composed and not connected."""
    found: list[LaneSubscriber] = []
    for service in CONSUMERS:
        create_app: Any = import_module(f"services.{service}.app").create_app
        found += lanes(create_app(settings_of(service).model_validate(_ENOUGH_TO_COMPOSE)).broker)
    return found


def urgent_of(queue: WorkQueue) -> WorkQueue:
    return BY_NAME[f"{queue.name}.urgent"]


def test_the_way_of_a_danger_is_known() -> None:
    assert {urgent_of(queue).name for queue in ORDINARY} == set(URGENT)
    assert {BY_NAME[name].service for name in URGENT} == set(CONSUMERS)


@pytest.mark.parametrize("queue", ORDINARY, ids=lambda queue: queue.name)
def test_a_queue_and_its_urgent_one_hear_the_same_of_their_own_lane(queue: WorkQueue) -> None:
    urgent = urgent_of(queue)

    assert (urgent.service, urgent.exchange, urgent.durable) == (queue.service, queue.exchange, queue.durable)
    if queue.exchange == EVENTS:
        assert all(".normal." in binding for binding in queue.bindings)
        assert urgent.bindings == tuple(binding.replace(".normal.", ".urgent.") for binding in queue.bindings)
    else:
        assert urgent.bindings == tuple(f"{binding}.urgent" for binding in queue.bindings)


def test_every_queue_has_one_consumer_with_a_channel_a_prefetch_and_a_worker_of_its_own(
    subscribers: list[LaneSubscriber],
) -> None:
    assert Counter(each.work_queue.name for each in subscribers) == Counter(queue.name for queue in WORK_QUEUES)
    # FastStream opens one channel for each object: two that are equal are two.
    channels = {id(each.channel) for each in subscribers}
    assert len(channels) == len({id(each.worker) for each in subscribers}) == len(WORK_QUEUES)
    assert {each.channel.global_qos for each in subscribers if each.channel} == {False}


@pytest.mark.parametrize("queue", ORDINARY, ids=lambda queue: queue.name)
def test_the_urgent_lane_can_do_all_that_the_ordinary_one_can(
    subscribers: list[LaneSubscriber], queue: WorkQueue
) -> None:
    workers = {each.work_queue.name: each.worker for each in subscribers}
    ordinary, urgent = workers[queue.name], workers[urgent_of(queue).name]

    assert isinstance(ordinary, Lane)
    assert isinstance(urgent, Lane)
    assert ordinary is not urgent
    assert [handler.message for handler in urgent.handlers] == [handler.message for handler in ordinary.handlers]
