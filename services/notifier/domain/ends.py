"""How long a notice is tried, and what is stated when it ends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from services.notifier.domain.matrix import Channel
from services.notifier.domain.notices import Notice
from shared.events import NoticeFailed, NoticeInDoubt, NoticeSent

End: TypeAlias = NoticeSent | NoticeFailed | NoticeInDoubt


class Patience(NamedTuple):
    """How long a channel waits between attempts, doubled each time, and when it gives up."""

    first: timedelta
    longest: timedelta
    given_up_after: timedelta


PATIENCE: Mapping[Channel, Patience] = MappingProxyType(
    {
        "mail": Patience(timedelta(seconds=5), timedelta(minutes=15), timedelta(hours=72)),
        # A call that comes an hour late wakes somebody for what has long been called out again.
        "call": Patience(timedelta(seconds=1), timedelta(seconds=30), timedelta(hours=1)),
    }
)


def pause_after(attempts: int, channel: Channel = "mail") -> timedelta:
    """Give the time to wait after so many attempts: doubled each time, up to the channel's longest."""
    patience = PATIENCE[channel]
    return min(patience.first * (1 << min(attempts - 1, 20)), patience.longest)


def is_given_up(created: datetime, now: datetime, channel: Channel = "mail") -> bool:
    """Say whether a notice that cannot be delivered has been tried long enough."""
    return now - created >= PATIENCE[channel].given_up_after


def sent(notice: Notice, at: datetime) -> NoticeSent:
    """State that the mail server, or who passes calls on, has taken it."""
    return NoticeSent(at=at, **_about(notice))


def failed(notice: Notice, at: datetime, reason: str) -> NoticeFailed:
    """State that it will never be delivered, and why, as a code."""
    return NoticeFailed(at=at, reason=reason, **_about(notice))


def in_doubt(notice: Notice, at: datetime) -> NoticeInDoubt:
    """State that nobody knows whether it was taken."""
    return NoticeInDoubt(at=at, **_about(notice))


def _about(notice: Notice) -> dict[str, Any]:
    return {
        "notice": notice.id,
        "recipient": notice.recipient,
        "template": notice.template,
        "lane": notice.lane,
        "service": notice.service,
        "ward": notice.ward,
    }
