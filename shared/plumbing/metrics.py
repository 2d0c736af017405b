"""What Prometheus sees: per message type, queue and outcome; never per routing key, case or person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The metrics of one process."""

    def __init__(self, service: str) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._gauges: dict[str, Gauge] = {}
        self.service = service
        self.messages = Counter(
            "casework_messages",
            "Messages worked on, by what became of them.",
            ["queue", "type", "outcome"],
            registry=registry,
        )
        self.batch_size = Histogram(
            "casework_batch_messages",
            "Messages worked on at once.",
            ["queue"],
            buckets=(1, 2, 5, 10, 25, 50, 100, 200),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "casework_batch_seconds",
            "Time from taking a batch to acknowledging it.",
            ["queue"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.critical_time = Histogram(
            "casework_critical_seconds",
            "Time from publishing to effect.",
            ["type"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_age = Gauge(
            "casework_queue_age_seconds", "Age of the last message taken from a queue.", ["queue"], registry=registry
        )
        self.dead = Counter(
            "casework_dead", "Messages set aside as dead letters.", ["queue", "reason"], registry=registry
        )
        self.retries = Counter(
            "casework_retries", "Messages sent up the retry ladder.", ["queue", "step"], registry=registry
        )
        self.said = Counter("casework_said", "Facts the broker has confirmed.", ["type"], registry=registry)
        self.unroutable = Counter(
            "casework_unroutable", "Facts that must be heard and found no queue.", ["type"], registry=registry
        )
        self.swept = Counter("casework_swept", "Facts said again by the sweeper.", registry=registry)
        self.unsaid_age = Gauge(
            "casework_unsaid_oldest_seconds",
            "Age of the oldest fact the broker has not confirmed.",
            ["collection"],
            registry=registry,
        )
        self.replies = Counter("casework_replies", "Replies to commands and questions.", ["outcome"], registry=registry)
        self.council_version = Gauge(
            "casework_council_version", "Number of the council version in use; 0 before the first.", registry=registry
        )
        self.council_version_ahead = Gauge(
            "casework_council_version_ahead",
            "Highest number of a council version that has been read and waits for its time; 0 where none does.",
            registry=registry,
        )
        self.council_unreadable = Gauge(
            "casework_council_unreadable",
            "Council versions later than the one in use that this process cannot read.",
            registry=registry,
        )
        self.outages = Counter(
            "casework_outage_pauses", "Pauses because the database was away.", ["queue"], registry=registry
        )

    def gauge(self, name: str, documentation: str) -> Gauge:
        """Make, or find, a gauge of the service's own."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"casework_{name}", documentation, registry=self.registry)
        return self._gauges[name]

    def counter(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Counter:
        """Make a counter of the service's own."""
        return Counter(f"casework_{name}", documentation, labels, registry=self.registry)

    def expose(self) -> bytes:
        """Write all of them in Prometheus' text format."""
        return generate_latest(self.registry)
