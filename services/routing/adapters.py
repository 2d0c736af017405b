"""How decisions are kept and counted: in MongoDB, and shown by Prometheus."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo import ASCENDING, IndexModel
from pymongo.errors import PyMongoError

from services.routing.domain import Tally
from services.routing.ports import DECISIONS, LedgerAway
from shared.events.routing import BY_A_RULE, SUGGESTED
from shared.plumbing.store import Collection, Store

_RETURNED: Final = "notes.returned.rule"
_WAS_RETURNED: Final = {_RETURNED: {"$type": "string"}}
"""A case that came by a rule was given back; returns of what came by hand name none."""

LEDGER: Final = Collection(
    DECISIONS,
    [
        # The first answers the count alone, without the documents.
        IndexModel(
            [("state.reason", 1), ("state.rules_version", 1), ("state.service", 1), ("state.at", 1)], name="by_rule"
        ),
        IndexModel(
            [(_RETURNED, 1), ("notes.returned.rules_version", 1)],
            name="returned",
            partialFilterExpression=_WAS_RETURNED,
        ),
        # For the command: the decisions about one case, and those of a period in their order.
        IndexModel([("subject", ASCENDING)], name="case"),
        IndexModel([("state.at", ASCENDING)], name="at"),
    ],
)

_LABELS: Final = ("service", "rules_version")


class MongoLedger:
    """The decisions of all instances."""

    def __init__(self, store: Store) -> None:
        self._decisions = store.durable[DECISIONS]

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """Count all decisions and returns by service and rule version, for the versions in use since a moment.

        Raises:
            LedgerAway: they cannot be counted now.
        """
        try:
            routed = await self._grouped({"state.reason": {"$in": BY_A_RULE}}, "$state.rules_version")
            unfit = {_RETURNED: {"$type": "string", "$ne": SUGGESTED}}
            returned = await self._grouped(unfit, "$notes.returned.rules_version")
        except PyMongoError as error:
            raise LedgerAway(type(error).__name__) from error
        in_use = {version for (_, version), group in routed.items() if group["last"] >= since}
        return [
            Tally(service, version, group["cases"], returned.get((service, version), {"cases": 0})["cases"])
            for (service, version), group in sorted(routed.items())
            if version in in_use
        ]

    async def _grouped(self, wanted: Mapping[str, Any], version: str) -> dict[tuple[str, str], dict[str, Any]]:
        groups = await self._decisions.aggregate(
            [
                {"$match": wanted},
                {
                    "$group": {
                        "_id": {"service": "$state.service", "version": version},
                        "cases": {"$sum": 1},
                        "last": {"$max": "$state.at"},
                    }
                },
            ]
        )
        return {(group["_id"]["service"], group["_id"]["version"]): group async for group in groups}


class PrometheusBoard(Collector):
    """Shows the counts as they are; each instance shows those of all."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self._tallies: Sequence[Tally] = ()
        registry.register(self)

    def show(self, tallies: Sequence[Tally]) -> None:
        """Show these counts, and no others any more."""
        self._tallies = tuple(tallies)

    def collect(self) -> Iterable[Metric]:
        """Give the metrics to whoever scrapes."""
        accuracy = GaugeMetricFamily(
            "casework_routing_accuracy",
            "1 - returned / routed: how often the team that a rule named kept the case.",
            labels=_LABELS,
        )
        routed = CounterMetricFamily("casework_routing_routed", "Cases given to a team by a rule.", labels=_LABELS)
        returned = CounterMetricFamily(
            "casework_routing_returned", "Of these, cases the team gave back as not its own.", labels=_LABELS
        )
        for tally in self._tallies:
            labels = (tally.service, tally.rules_version)
            accuracy.add_metric(labels, tally.accuracy)
            routed.add_metric(labels, tally.routed)
            returned.add_metric(labels, tally.returned)
        return accuracy, routed, returned
