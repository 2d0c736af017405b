"""Shows Prometheus how the sending goes: by template and outcome, never by recipient."""

from services.notifier.domain import Notice
from shared.plumbing.metrics import Metrics


class PrometheusCounts:
    """Counters and gauges of the claim loop."""

    def __init__(self, metrics: Metrics) -> None:
        """Register them."""
        self._ended = metrics.counter(
            "notices", "Attempts at a notice, by what became of them.", ("template", "outcome")
        )
        self._open = metrics.gauge("mail_server_open", "1 while the mail server takes mails, 0 while it does not.")
        self._locked = metrics.gauge("mail_server_locked", "1 while the mail server does not let us in: act.")
        self._waiting = metrics.gauge("notices_waiting", "Notices that have no end yet.")
        self._in_doubt = metrics.gauge("notices_in_doubt", "Notices that may or may not have been sent.")
        self._unusable = metrics.counter(
            "council_texts_unusable", "Mails in built-in words, because the council's own did not fit.", ("template",)
        )

    def ended(self, template: str, outcome: str) -> None:
        """Count one attempt."""
        self._ended.labels(template, outcome).inc()

    def mail_server(self, state: str) -> None:
        """Show `open`, `away` or `locked`."""
        self._open.set(state == "open")
        self._locked.set(state == "locked")

    def notices(self, waiting: int, in_doubt: int) -> None:
        """Show what has no end yet, and what is in doubt."""
        self._waiting.set(waiting)
        self._in_doubt.set(in_doubt)

    def text_unusable(self, template: str) -> None:
        """Count one mail that was written in built-in words although the council has its own."""
        self._unusable.labels(template).inc()


class CallCounts:
    """What the loop of calls shows: its ends among the others. It has no mail server to show."""

    def __init__(self, counts: PrometheusCounts) -> None:
        """Count where the mails are counted."""
        self._counts = counts

    def ended(self, template: str, outcome: str) -> None:
        """Count one attempt."""
        self._counts.ended(template, outcome)

    def mail_server(self, state: str) -> None:
        """Show nothing."""

    def notices(self, waiting: int, in_doubt: int) -> None:
        """Show what has no end yet, and what is in doubt."""
        self._counts.notices(waiting, in_doubt)


class SetChannels:
    """The channels of this deployment: mails always, calls where somebody is set up who makes them."""

    def __init__(self, metrics: Metrics, *, calls: bool) -> None:
        """Show whether calls are made, and count those that are not."""
        self._calls = calls
        metrics.gauge("duty_calls_set", "1 where a second channel to the duty officers is set, else 0.").set(calls)
        self._unmade = metrics.counter("duty_calls_unmade", "Calls nobody is set up to make, by why.", ("template",))

    def usable(self, notices: list[Notice]) -> list[Notice]:
        """Leave out, and count, the calls where nobody is set up who makes them."""
        if self._calls:
            return notices
        for notice in notices:
            if notice.channel == "call":
                self._unmade.labels(notice.template).inc()
        return [notice for notice in notices if notice.channel != "call"]
