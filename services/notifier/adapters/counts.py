"""Shows Prometheus how the sending goes: by template and outcome, never by recipient."""

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
