"""What the notifier says: who was told what, by which template. Never an address, never the words."""

from shared.events.base import Code, Event
from shared.events.case import Lane


class NoticeEvent(Event):
    """A fact about one notice to one recipient."""

    notice: Code
    recipient: Code
    """A person, `team:<id>`, `duty:<team id>` or `call:<team id>`; never an address."""
    template: Code
    """Which mail, e.g. `receipt-owner`; of a call `call-` and why."""
    lane: Lane
    service: Code
    ward: Code

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class NoticeSent(NoticeEvent, type="casework.notice.sent.v1"):
    """Sent when the mail server has taken the mail, or whoever makes the calls the call."""


class NoticeFailed(NoticeEvent, type="casework.notice.failed.v1"):
    """Sent when a mail or a call was refused for good, or has been tried long enough."""

    reason: Code
    """SMTP or HTTP status, or a code, e.g. `smtp-550`."""


class NoticeInDoubt(NoticeEvent, type="casework.notice.in_doubt.v1"):
    """Sent when nobody knows whether a mail or a call that was handed over has arrived: it may have."""
