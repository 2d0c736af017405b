"""A subscriber hears its patterns and nothing else: what the broker lets it do, and what it refuses."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import aio_pika
import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from ops.connections import System
from ops.stack.management import Management, quoted
from ops.stack.rabbit import Rabbit
from ops.subscribers import Credentials, SubscriberRefused, add, known, remove, right_to
from shared.events import CaseAcknowledged, CaseEvent, CaseProgressed
from shared.plumbing.history import Cause, change
from shared.plumbing.topology import COMMANDS, DEAD, EVENTS, INTAKE, declare
from shared.plumbing.wire import parcel_of
from tests.shared.plumbing import toys

rabbit = pytest.mark.rabbit
LISTEN = Path(__file__).parents[2] / "docs" / "examples" / "listen.py"

Client: TypeAlias = Any
"""A channel of pika, which ships no types."""
ACCESS_REFUSED = 403


def a_fact(event: type[CaseEvent] = CaseProgressed, **more: str) -> CaseEvent:
    return event(at=toys.AT, case=toys.STATE, **more)


@pytest.fixture
async def system(vhost_url: str, rabbit_server: Rabbit) -> System:
    """A broker with the topology of a running system, in a vhost of its own."""
    async with await aio_pika.connect(vhost_url) as connection:
        await declare(await connection.channel())
    return System(rabbit_url=vhost_url, management_url=rabbit_server.management_url or "", mongo_url="mongodb://nobody")


@pytest.fixture
def name(management: Management) -> Iterator[str]:
    """A name nobody else uses: broker users are common to all vhosts."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    management.delete(f"users/subscriber.{name}")


async def say(system: System, facts: Sequence[CaseEvent], *, after: int = 0) -> None:
    """Say facts of one case as the relay does, but the first few."""
    write = change(toys.THINGS, toys.CASE, toys.CASE, None, facts, Cause("cause", "corr"))
    async with await aio_pika.connect(system.rabbit_url) as connection:
        exchange = await (await connection.channel()).get_exchange(EVENTS)
        for fact in write.says[after:]:
            parcel = parcel_of(fact, "exampleton", "intake")
            message = aio_pika.Message(
                parcel.body,
                content_type=parcel.content_type,
                type=parcel.type,
                message_id=parcel.id,
                headers=dict(parcel.headers),
            )
            await exchange.publish(message, parcel.routing_key)


@contextlib.contextmanager
def connected(credentials: Credentials) -> Iterator[pika.BlockingConnection]:
    with pika.BlockingConnection(pika.URLParameters(credentials.url)) as connection:
        yield connection


def refuses(credentials: Credentials, action: Callable[[Client], object]) -> bool:
    """Say whether the broker refuses it for want of a right (403), and not for anything else."""
    with connected(credentials) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            action(channel)
        except ChannelClosedByBroker as error:
            return bool(error.reply_code == ACCESS_REFUSED)
    return False


@rabbit
async def test_the_example_hears_every_fact_of_a_case_in_order_and_ends_when_told(system: System, name: str) -> None:
    credentials = add(system, name, ["case.#"])

    await say(system, [a_fact(CaseAcknowledged, team="toys"), a_fact(), a_fact()])
    lines = heard_by_example(credentials, lines=3)

    assert lines == [
        f"{toys.REFERENCE} casework.case.acknowledged.v1 caseseq=1 state=raised team=None",
        f"{toys.REFERENCE} casework.case.progressed.v1 caseseq=2 state=raised team=None",
        f"{toys.REFERENCE} casework.case.progressed.v1 caseseq=3 state=raised team=None",
    ]


@rabbit
async def test_the_example_says_where_a_case_has_a_gap_and_says_a_repeated_fact_once(system: System, name: str) -> None:
    credentials = add(system, name, ["case.#"])

    await say(system, [a_fact()])
    await say(system, [a_fact()])
    await say(system, [a_fact(), a_fact(), a_fact()], after=2)
    lines = heard_by_example(credentials, lines=3)

    assert [line.split()[1] for line in lines] == ["casework.case.progressed.v1", "gap:", "casework.case.progressed.v1"]
    assert f"/v1/cases/{toys.REFERENCE}/events?after=1" in lines[1]


def heard_by_example(credentials: Credentials, lines: int) -> list[str]:
    """Run the example until it has written so many lines, stop it, and give what it wrote."""
    environment = os.environ | {"LISTEN_URL": credentials.url, "LISTEN_QUEUE": credentials.queue}
    with subprocess.Popen(  # noqa: S603  our own example
        [sys.executable, str(LISTEN)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as example:
        assert example.stdout is not None
        assert example.stderr is not None
        written = [example.stdout.readline().rstrip() for _ in range(lines)]
        example.send_signal(signal.SIGTERM)
        rest = example.stdout.read()
        assert (example.wait(10), rest, example.stderr.read()) == (0, "", "")
    return written


@rabbit
async def test_a_subscriber_may_bind_what_is_narrower_than_its_right(system: System, name: str) -> None:
    credentials = add(system, name, ["case.*.*.urgent.#"])

    narrower = ("case.*.*.urgent.#", "case.raised.*.urgent.#", "case.raised.v1.urgent.noise.*")

    assert [pattern for pattern in narrower if refuses(credentials, binding(credentials, pattern))] == []


@rabbit
async def test_a_subscriber_may_not_bind_what_is_wider_than_its_right(system: System, name: str) -> None:
    credentials = add(system, name, ["case.*.*.urgent.#"])
    wider = ("#", "*.#", "case.#", "case.*.*.#", "case.#.urgent.#", "case.*.*.*.#", "timer.due.v1.urgent.a.b", "")

    assert [pattern for pattern in wider if not refuses(credentials, binding(credentials, pattern))] == []


def binding(credentials: Credentials, pattern: str) -> Callable[[Client], object]:
    return lambda channel: channel.queue_bind(credentials.queue, EVENTS, pattern)


@rabbit
async def test_a_subscriber_may_do_nothing_but_read_its_own_queue(system: System, name: str) -> None:
    own = add(system, name, ["case.#"])

    def publish(exchange: str, key: str) -> Callable[[Client], object]:
        return lambda channel: channel.basic_publish(exchange, key, b"forged")

    forbidden: dict[str, Callable[[Client], object]] = {
        "say a fact": publish(EVENTS, "case.raised.v1.normal.noise.abbey"),
        "give a command": publish(COMMANDS, "intake.commands"),
        "write dead letters": publish(DEAD, "intake"),
        "write to its queue past the exchange": publish("", own.queue),
        "read a service's queue": lambda channel: channel.basic_get(INTAKE.name),
        "read dead letters": lambda channel: channel.basic_get("intake.dead"),
        "bind a service's queue": lambda channel: channel.queue_bind(INTAKE.name, EVENTS, "case.#"),
        "unbind a service's queue": lambda channel: channel.queue_unbind(INTAKE.name, EVENTS, INTAKE.bindings[0]),
        "bind commands": lambda channel: channel.queue_bind(own.queue, COMMANDS, "intake.commands"),
        "delete its queue": lambda channel: channel.queue_delete(own.queue),
        "declare a queue": lambda channel: channel.queue_declare("subscriber.other"),
        "declare an exchange": lambda channel: channel.exchange_declare("subscriber.other"),
    }
    allowed = [what for what, action in forbidden.items() if not refuses(own, action)]

    assert allowed == []


@rabbit
async def test_two_subscribers_do_not_see_each_others_queue(system: System, name: str) -> None:
    own = add(system, name, ["case.#"])
    other = add(system, f"{name}-x", ["case.#"])

    assert refuses(own, lambda channel: channel.basic_get(other.queue))
    assert refuses(other, lambda channel: channel.basic_get(own.queue))
    remove(system, f"{name}-x")


@rabbit
async def test_its_queue_drops_the_oldest_instead_of_stopping_us(
    system: System, name: str, management: Management
) -> None:
    credentials = add(system, name, ["case.#"])

    queue = management.get(f"queues/{quoted(system.vhost)}/{credentials.queue}")

    assert queue["arguments"] == {
        "x-queue-type": "quorum",
        "x-max-length": 100_000,
        "x-overflow": "drop-head",
        "x-delivery-limit": 1_000_000,
    }


@rabbit
async def test_known_lists_names_queues_and_patterns_and_no_password(system: System, name: str) -> None:
    credentials = add(system, name, ["timer.due.#", "case.#", "case.#"])

    [found] = known(system)

    assert (found.name, found.queue, found.patterns) == (name, f"subscriber.{name}", ("case.#", "timer.due.#"))
    password = unquote(urlsplit(credentials.url).password or "")
    assert len(password) >= 32
    assert password not in repr(credentials) + repr(found)


@rabbit
async def test_a_name_in_use_is_refused_and_the_password_stays(system: System, name: str) -> None:
    credentials = add(system, name, ["case.#"])

    with pytest.raises(SubscriberRefused, match=f"{name} is in use: choose another.*casework subscriber remove {name}"):
        add(system, name, ["case.#"])

    with connected(credentials) as connection:
        assert connection.is_open


@rabbit
async def test_a_removed_subscriber_is_gone_and_its_name_is_free(system: System, name: str) -> None:
    credentials = add(system, name, ["case.#"])

    remove(system, name)

    assert known(system) == []
    with pytest.raises(ProbableAuthenticationError), connected(credentials):
        pass
    assert add(system, name, ["case.#"]).url != credentials.url


@rabbit
async def test_who_is_not_there_cannot_be_removed(system: System, name: str) -> None:
    add(system, name, ["case.#"])

    with pytest.raises(SubscriberRefused, match=rf"there is no subscriber nobody-here \(there are: {name}\)"):
        remove(system, "nobody-here")


@rabbit
def test_what_fails_half_way_leaves_nothing(
    vhost_url: str, rabbit_server: Rabbit, management: Management, name: str
) -> None:
    empty = System(
        rabbit_url=vhost_url, management_url=rabbit_server.management_url or "", mongo_url="mongodb://nobody"
    )

    with pytest.raises(SubscriberRefused, match=r"management API: .* 404"):
        add(empty, name, ["case.#"])

    assert management.queues(empty.vhost) == []
    assert f"subscriber.{name}" not in {user["name"] for user in management.get("users")}


NOWHERE = System(rabbit_url="amqp://nobody", management_url="http://127.0.0.1:9", mongo_url="mongodb://nobody")
"""Whoever asks this system for anything fails: bad input is refused before."""


@pytest.mark.parametrize("bad", ["", "Housing", "a b", "a.b", "-a", "a-", "a--b", "1a", "a" * 41, "ä", "a\n", "*"])
def test_a_bad_name_is_refused(bad: str) -> None:
    with pytest.raises(SubscriberRefused, match=r"^name: .* use small letters, digits and single dashes"):
        add(NOWHERE, bad, ["case.#"])


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "no word"),
        ("case..#", "no word"),
        ("case.#.", "no word"),
        ("case.ra*", "'ra\\*' is no word"),
        ("case raised.#", "no word"),
        ("case.{username}.#", "no word"),
        ("case.#.#", "write it once"),
        ("case.*", "end with .#"),
        ("case.raised", "end with .#"),
        ("casework.case.raised.v1.#", "no event has such a key"),
        ("case.rasied.#", "case.raised"),
        ("case.raised.v1.slow.#", "no event has such a key"),
        ("case.raised.v1.urgent.noise.abbey.more", "six words"),
        ("timer.set.#", "no event has such a key"),
        (f"case.raised.v1.urgent.{'n' * 240}.#", "at most 255"),
    ],
)
def test_a_bad_pattern_is_refused(bad: str, why: str) -> None:
    with pytest.raises(SubscriberRefused, match=f"(?s)^pattern .*{why}"):
        add(NOWHERE, "housing", ["case.#", bad])


def test_without_a_pattern_nobody_is_added() -> None:
    with pytest.raises(SubscriberRefused, match=r"^patterns: name at least one"):
        add(NOWHERE, "housing", [])


def test_a_broker_that_does_not_answer_is_named() -> None:
    with pytest.raises(SubscriberRefused, match=r"^the broker's management API: .*ConnectError"):
        add(NOWHERE, "housing", ["case.#"])


WORDS = ("a", "b", "*", "#")
KEYS = [key for length in range(5) for key in product("abc", repeat=length)]
patterns = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).filter(
    lambda words: ("#", "#") not in pairwise(words)
)


def matches(pattern: Sequence[str], key: Sequence[str]) -> bool:
    """Match as a topic exchange does (https://www.rabbitmq.com/tutorials/tutorial-five-python)."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(matches(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and pattern[0] in {"*", key[0]} and matches(pattern[1:], key[1:])


@given(granted=patterns, asked=patterns)
def test_no_binding_within_the_right_hears_more_than_the_right(granted: list[str], asked: list[str]) -> None:
    allowed = re.search(right_to([".".join(granted)]), ".".join(asked)) is not None

    wider = [key for key in KEYS if matches(asked, key) and not matches(granted, key)]

    assert not (allowed and wider)


@given(granted=patterns)
def test_a_right_allows_its_own_pattern_and_exactly_its_keys(granted: list[str]) -> None:
    right = re.compile(right_to(["x.y", ".".join(granted)]))

    assert right.search(".".join(granted))
    for key in KEYS[1:]:
        assert (right.search(".".join(key)) is not None) == matches(granted, key)
