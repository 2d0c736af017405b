"""A message that is held while its channel comes and goes is not taken for one that kills its process."""

import asyncio
from collections import Counter

from shared.plumbing.envelope import Envelope
from shared.plumbing.setting_aside import CRASHED_AFTER
from shared.plumbing.subscriber import OUTLIVED_AT_MOST, LaneSubscriber


def a_lane(*in_hand: str) -> LaneSubscriber:
    """A lane as `start()` leaves it, with messages it is working on; nothing is connected."""
    lane = LaneSubscriber.__new__(LaneSubscriber)
    lane._waiting, lane._in_hand, lane._outlived, lane._wake = [], set(in_hand), Counter(), asyncio.Event()
    return lane


def come(lane: LaneSubscriber, message: str, deliveries: int) -> int:
    """Let a message come; gives how often the lane takes it to have been left unanswered."""
    lane._offer("tag", Envelope(type="t", id=message, body=b"", deliveries=deliveries))
    return lane._waiting[-1][1].deliveries


def test_what_is_held_through_many_lost_channels_is_no_killer() -> None:
    lane = a_lane("held")

    for times in range(1, CRASHED_AFTER + 3):
        lane._lost()
        assert come(lane, "held", times) == 0


def test_what_only_waited_when_the_channel_was_lost_is_no_killer_either() -> None:
    lane = a_lane()
    come(lane, "waiting", 0)

    lane._lost()

    assert [come(lane, "waiting", 1), come(lane, "a stranger", 1)] == [0, 1]


def test_what_another_process_did_not_outlive_counts_on() -> None:
    lane = a_lane("held")
    lane._lost()

    assert come(lane, "held", 4) == 3


def test_what_is_remembered_stays_bounded() -> None:
    lane = a_lane(*map(str, range(OUTLIVED_AT_MOST + 1)))
    lane._lost()
    lane._in_hand = {"new"}

    lane._lost()

    assert dict(lane._outlived) == {"new": 1}
