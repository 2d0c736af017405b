"""Says how often rules were right: of the cases that a rule gave to a team, how many the team kept.

The one rule: a return counts against the decision it followed. What is counted over a period are the decisions of that
period and what has become of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from ops.routing.explaining import DECISIONS
from shared.events.routing import BY_A_RULE, SUGGESTED
from shared.plumbing.store import Database

RETURNED = "notes.returned.rule"  # services.routing.adapters, as the reasons above
_AT_ONCE = 1_000

Key = tuple[str, str]
"""Service and version of the rules."""


class Accuracy(BaseModel):
    """How often the rules of one version were right about one service."""

    model_config = ConfigDict(frozen=True)

    service: str
    rules_version: str
    routed: int
    returned: int

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy knows no decorated property
    @property
    def accuracy(self) -> float:
        """1 - returned / routed; nothing is listed of which nothing was routed."""
        return 1 - self.returned / self.routed


async def accuracy(database: Database, since: datetime) -> list[Accuracy]:
    """Count the decisions since a moment, those first of which most came back."""
    routed, returned = await _routed(database, since), await _returned(database, since)
    found = [
        Accuracy(service=service, rules_version=version, routed=cases, returned=returned[service, version])
        for (service, version), cases in routed.items()
    ]
    return sorted(found, key=lambda each: (-each.returned, each.service, each.rules_version))


async def _routed(database: Database, since: datetime) -> dict[Key, int]:
    groups = await database[DECISIONS].aggregate(
        [
            {"$match": _by_a_rule(since)},
            {
                "$group": {
                    "_id": {"service": "$state.service", "version": "$state.rules_version"},
                    "cases": {"$sum": 1},
                }
            },
        ]
    )
    return {(group["_id"]["service"], group["_id"]["version"]): group["cases"] async for group in groups}


async def _returned(database: Database, since: datetime) -> Counter[Key]:
    """Count returns whose decision is of the period; the return itself can only be later."""
    wanted: dict[str, Any] = {RETURNED: {"$type": "string", "$ne": SUGGESTED}, "state.at": {"$gte": since}}
    shown = {"_id": 0, "subject": 1, "state.service": 1, "notes.returned.rules_version": 1}
    returns = await database[DECISIONS].find(wanted, shown).to_list()
    counted: Counter[Key] = Counter()
    for some in _portions(returns):
        subjects = {"subject": {"$in": [each["subject"] for each in some]}}
        of_the_period = set(await database[DECISIONS].distinct("subject", subjects | _by_a_rule(since)))
        for each in some:
            if each["subject"] in of_the_period:
                counted[each["state"]["service"], each["notes"]["returned"]["rules_version"]] += 1
    return counted


def _by_a_rule(since: datetime) -> dict[str, Any]:
    return {"state.reason": {"$in": BY_A_RULE}, "state.at": {"$gte": since}}


def _portions(documents: Sequence[Mapping[str, Any]]) -> Iterable[Sequence[Mapping[str, Any]]]:
    return (documents[first : first + _AT_ONCE] for first in range(0, len(documents), _AT_ONCE))
