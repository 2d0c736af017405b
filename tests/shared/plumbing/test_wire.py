"""The wire under bad luck: what cannot be written, connections that get stuck, messages that come back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiormq import Channel
from aiormq.abc import ChannelFrame
from faststream.rabbit import RabbitBroker

from shared.plumbing.aiormq_wire import AiormqReading, AiormqWire, Tag, _outcome, burst
from shared.plumbing.envelope import Envelope, read_envelope
from shared.plumbing.lane import Failed
from shared.plumbing.setting_aside import CRASHED_AFTER, bare, set_aside
from shared.plumbing.subscriber import LANES_TURN, RETURNED_WAITS, in_order, pause_before
from shared.plumbing.topology import INTAKE, RETRY, WORK_QUEUES, declare
from shared.plumbing.wire import Parcel

PROBE = Parcel(exchange=RETRY, routing_key="probe", body=b"", persistent=False)


@pytest.fixture
async def wire(vhost_url: str) -> AsyncIterator[AiormqWire]:
    broker = RabbitBroker(vhost_url)
    connection = await broker.connect()
    async with connection.channel() as channel:
        await declare(channel)
    wire = AiormqWire(broker)
    await wire.open()
    yield wire
    await wire.close()
    await broker.stop()


@pytest.mark.rabbit
async def test_a_message_that_cannot_be_written_does_not_spoil_the_next_ones(wire: AiormqWire) -> None:
    with pytest.raises(TypeError, match="255"):
        await wire.publish([PROBE, PROBE._replace(type="t" * 256)])

    async with asyncio.timeout(10):
        assert await wire.publish([PROBE, PROBE]) == [None, None]


class Jammed(Channel):
    """A channel whose connection takes nothing more."""

    def __init__(self) -> None:
        self.number, self.delivery_tag, self.max_content_size = 1, 7, 1000
        self.confirmations, self.message_id_delivery_tag = {}, {}
        self.write_queue = asyncio.Queue(maxsize=1)
        self.write_queue.put_nowait(ChannelFrame.marshall(1, []))
        self.loop = asyncio.get_running_loop()

    is_closed = False

    @property
    def lock(self) -> Any:
        return contextlib.nullcontext()

    def create_future(self, *_: Any) -> "asyncio.Future[Any]":
        return self.loop.create_future()


async def test_a_burst_that_was_given_up_before_it_was_written_gives_its_numbers_back() -> None:
    channel = Jammed()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await burst(channel, [PROBE, PROBE])

    assert channel.delivery_tag == 7
    assert not channel.confirmations


def test_a_confirm_lost_with_a_stuck_connection_is_an_error_and_no_cancellation() -> None:
    with pytest.raises(ConnectionError):
        _outcome(asyncio.CancelledError())


class Stuck(Channel):
    """A channel whose connection takes nothing and is found lost after a while."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def is_closed(self) -> bool:
        return self.asked > 0

    async def basic_ack(self, *_: Any, **__: Any) -> None:
        self.asked += 1
        await asyncio.Event().wait()


@pytest.mark.parametrize("all_before", [True, False])
async def test_an_acknowledgement_on_a_lost_connection_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, *, all_before: bool
) -> None:
    monkeypatch.setattr("shared.plumbing.aiormq_wire.ACKNOWLEDGE_WITHIN", 0.05)
    nowhere: Any = None
    channel = Stuck()

    async with asyncio.timeout(5):
        await AiormqReading(nowhere, nowhere, nowhere).done([Tag(channel, 1), Tag(channel, 2)], all_before=all_before)

    assert channel.asked == 1


def arrived(subject: str, deliveries: int = 0) -> tuple[str, Envelope]:
    return subject, Envelope(type="t", id="i", body=b"", subject=subject, correlation="", deliveries=deliveries)


def test_what_is_new_is_handled_together() -> None:
    batch = [arrived("a"), arrived("b")]

    assert list(in_order(batch)) == [batch]


def test_what_came_back_is_handled_alone_and_the_most_suspicious_last() -> None:
    batch = [arrived("a", 3), arrived("b", 1), arrived("c")]

    assert [[name for name, _ in some] for some in in_order(batch)] == [["c"], ["b"], ["a"]]


def test_what_arrived_behind_a_returned_message_of_its_case_waits_for_it() -> None:
    answer, complete, other = arrived("case", 1), arrived("case"), arrived("other")

    assert list(in_order([answer, complete, other])) == [[other], [answer], [complete]]


@pytest.mark.parametrize(
    ("returns", "order"), [(1, "abcdef"), (2, "fedcba"), (3, "defabc"), (4, "edcbaf"), (5, "edcbaf")]
)
def test_what_came_back_together_is_begun_elsewhere_each_time(returns: int, order: str) -> None:
    batch = [arrived(case, returns) for case in "abcdef"]

    assert "".join(name for some in in_order(batch) for name, _ in some) == order


@pytest.mark.parametrize("returns", [1, 2, 3, 4])
def test_wherever_it_begins_the_order_within_a_case_stays(returns: int) -> None:
    batch = [
        (case, arrived(case, returns)[1]._replace(id=place)) for place in ("first", "second") for case in ("a", "b")
    ]

    done = [(envelope.subject, envelope.id) for some in in_order(batch) for _, envelope in some]

    assert [place for case, place in done if case == "a"] == ["first", "second"]
    assert [place for case, place in done if case == "b"] == ["first", "second"]


@pytest.mark.parametrize("killers", ["a", "m", "z", "am", "az", "fq", "yz"])
def test_nobody_waits_behind_one_or_two_that_kill_until_taken_for_one(killers: str) -> None:
    left = "abcdefghijklmnopqrstuvwxyz"
    for returns in range(1, CRASHED_AFTER):
        for some in in_order([arrived(case, returns) for case in left]):
            if some[0][0] in killers:
                break
            left = left.replace(some[0][0], "")

    assert left == killers


def test_every_lane_gets_its_turn_before_the_one_that_kills_its_process() -> None:
    lanes = [queue for queue in WORK_QUEUES if queue.service == "intake" and queue.durable]

    for kills in lanes:
        for other in lanes:
            waits = [
                (pause_before(kills, returns), pause_before(other, returns)) for returns in range(1, CRASHED_AFTER)
            ]
            assert kills == other or any(other_waits + LANES_TURN <= wait for wait, other_waits in waits)


def test_after_the_first_death_no_lane_waits_longer_than_until_all_has_arrived() -> None:
    assert {pause_before(queue, 1) for queue in WORK_QUEUES} == {RETURNED_WAITS}


def read(**headers: Any) -> Envelope:
    return read_envelope(
        kind=None, message_id=None, correlation=None, reply_to=None, timestamp=None, headers=headers, body=b"{}"
    )


@pytest.mark.parametrize("attribute", ["type", "id", "correlationid"])
def test_a_header_that_fits_no_property_is_left_out_and_the_rest_is_read(attribute: str) -> None:
    envelope = read(**{f"cloudEvents_{attribute}": "ü" * 128, "cloudEvents_subject": "case"})

    assert (envelope.type, envelope.id, envelope.correlation) == ("", "", "")
    assert envelope.subject == "case"


@pytest.mark.parametrize("number", [float("inf"), float("nan"), "many", None, [1]])
def test_a_number_that_is_none_counts_as_nothing(number: object) -> None:
    assert read(**{"casework-attempt": number, "x-delivery-count": number}).attempt == 0


@pytest.mark.rabbit
async def test_what_even_its_headers_keep_from_being_written_is_set_aside_without_them(wire: AiormqWire) -> None:
    poison = read(**{"cloudEvents_id": "one", "cloudEvents_subject": "case", "far-too-great": 2**70})
    parcel = set_aside(poison, Failed("malformed", "", retry=False), INTAKE)
    with pytest.raises((TypeError, ValueError)):
        await wire.publish([parcel])

    assert await wire.publish([bare(parcel)]) == [None]
    assert bare(parcel).headers["casework-reason"] == "malformed"
    assert bare(parcel).headers["cloudEvents_subject"] == "case"
