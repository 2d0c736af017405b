"""What the notifier says: who was told what, by which template. Never an address, never the words."""

from shared.events.base import Code, Event
from shared.events.case import Lane


class NoticeEvent(Event):
    """A fact about one notice to one recipient."""

    notice: Code
    recipient: Code
    """A person or team id, never an address."""
    template: Code
    lane: Lane
    service: Code
    ward: Code

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class NoticeSent(NoticeEvent, type="casework.notice.sent.v1"):
    """Sent when the mail server has taken the mail."""


class NoticeFailed(NoticeEvent, type="casework.notice.failed.v1"):
    """Sent when the mail server has refused the mail for good."""

    reason: Code
    """SMTP status class or a code, e.g. `smtp-550`."""


class NoticeInDoubt(NoticeEvent, type="casework.notice.in_doubt.v1"):
    """Sent when a process died between handing the mail over and recording it: it may have been sent."""
