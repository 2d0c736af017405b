"""People who come to the gateway, and what they send: invented, and marked so that a leak is found."""

from typing import Any
from uuid import uuid4

import httpx2

from tests.flows.programs import Program, until

COUNCILLOR, COLLEAGUE, STRANGER = "cllr-001", "cllr-002", "cllr-004"
"""The one who raises cases in `abbey`, a fellow councillor of that ward, and one of another ward."""
OFFICER, OTHER_OFFICER = "off-005", "off-001"
"""An officer of the team that answers for noise, and one of a team that does not."""
CREW, RESPONSE = "off-001", "off-009"
"""Officers of the teams that answer for fly-tipping and for dangerous waste."""
CANARY = "Quillfeather"
"""Stands in every text and in everything about a constituent: where it shows, personal data does."""

CASE: dict[str, Any] = {
    "kind": "case",
    "service": "noise",
    "ward": "abbey",
    "cc": [COLLEAGUE],
    "on_behalf": "named-constituent",
    "summary": f"{CANARY}: barking through the night",
    "description": f"Two dogs behind the terrace. {CANARY} cannot sleep.",
    "location": f"Behind 4 {CANARY} Terrace",
    "constituent": {
        "name": f"Robin {CANARY}",
        "authority": "constituent-asked",
        "email": f"robin@{CANARY}.example",
        "phone": f"{CANARY} 0000",
        "address": f"4 {CANARY} Terrace",
    },
}
FORM: dict[str, Any] = {
    "source": ["dogs"],
    "from": {"text": f"2 {CANARY} Terrace"},
    "times": f"From midnight on, {CANARY} says.",
}
"""Answers to what the service for noise asks; where it comes from is private."""
REPORT: dict[str, Any] = {
    "kind": "report",
    "service": "fly-tipping",
    "ward": "abbey",
    "summary": f"Bags on the verge, says {CANARY}",
    "description": f"Seen this morning by {CANARY}.",
    "location": f"Layby at {CANARY} Terrace",
}
DANGER = REPORT | {"service": "dangerous-waste", "summary": f"Drums that smell of solvent, says {CANARY}"}
WORDS = f"What {CANARY} was told."


class Person:
    """Somebody who is signed in."""

    def __init__(self, gateway: Program, token: str) -> None:
        self._gateway, self._token = gateway, token

    async def post(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> httpx2.Response:
        """Send an order, under a key of its own if none is given."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or uuid4().hex}
        return await self._gateway.client.post(path, json=body or {}, headers=headers)

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        """Ask for something."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._gateway.client.get(path, params=query, headers=headers)

    async def raise_(self, body: dict[str, Any], **changes: Any) -> str:
        """Raise a case or report and give its reference."""
        case = await self._decided(await self.post("/v1/cases", body | changes))
        return str(case["reference"])

    async def order(self, reference: str, command: str, **body: Any) -> dict[str, Any]:
        """Give a command that is accepted, and give the case as it stands then."""
        return await self._decided(await self.post(f"/v1/cases/{reference}/{command}", body))

    async def _decided(self, answer: httpx2.Response) -> dict[str, Any]:
        """Read a yes; wait for it where a busy machine took longer than the gateway does."""
        assert answer.is_success, answer.text
        case: dict[str, Any] = answer.json()
        if answer.status_code == httpx2.codes.ACCEPTED:
            case = await self.see_when(case["reference"], pending=[])
            assert case["refused"] == []
        return case

    async def see(self, reference: str) -> dict[str, Any]:
        """Look at a case."""
        answer = await self.get(f"/v1/cases/{reference}")
        assert answer.status_code == httpx2.codes.OK, answer.text
        case: dict[str, Any] = answer.json()
        return case

    async def see_when(self, reference: str, **wanted: Any) -> dict[str, Any]:
        """Look at a case until fields of it are as wanted."""

        async def look() -> dict[str, Any] | None:
            case = await self.see(reference)
            return case if all(case.get(name) == value for name, value in wanted.items()) else None

        return await until(look, f"{reference} with {wanted}")

    async def events(self, reference: str, **query: Any) -> list[dict[str, Any]]:
        """Follow a case."""
        answer = await self.get(f"/v1/cases/{reference}/events", **query)
        assert answer.status_code == httpx2.codes.OK, answer.text
        found: list[dict[str, Any]] = answer.json()["events"]
        return found


def clocks(case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the running clocks of a case by their kind."""
    return {clock["kind"]: clock for clock in case["clocks"]}


def facts_of(case: dict[str, Any]) -> list[str]:
    """Name what has happened to a case, in order: `raised`, `routed`, …"""
    return [each["type"].split(".")[2] for each in case["history"]]
