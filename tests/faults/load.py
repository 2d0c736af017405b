"""People at work, by a seed: they raise cases and give commands over HTTP, and note what they were promised.

The one rule: a command whose answer did not come is given again with the same key, and counts as promised only once it
has been answered.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2

from ops.connections import System
from shared.commands import command_id_for
from shared.council import Directory
from shared.plumbing.clock import real_now

WARD, OWNER, COLLEAGUE = "abbey", "cllr-001", "cllr-002"
SERVICES = ("noise", "fly-tipping", "dangerous-waste")
CANARY = "Quillfeather"
_ANSWER_WITHIN = 120.0
"""Seconds a person goes on asking."""

Outcome = Literal["done", "promised", "refused", "unknown"]


@dataclass(frozen=True)
class Given:
    """A command, and what was answered last."""

    command: str
    id: str
    """The command's own id: the cause of what it changed."""
    person: str
    reference: str
    outcome: Outcome
    """`done`: 200 or 201; `promised`: 202; `refused`: a no with a code; `unknown`: never answered."""
    answer: int
    code: str
    tries: int
    seconds: float


@dataclass
class Book:
    """What all of them were told."""

    given: list[Given] = field(default_factory=list)

    def references(self) -> Sequence[str]:
        """List the cases, each once."""
        return list(dict.fromkeys(each.reference for each in self.given if each.command == "raise"))

    def write(self, file: Path) -> None:
        """Write one JSON object a line."""
        file.write_text("".join(f"{json.dumps(asdict(each))}\n" for each in self.given), encoding="utf-8")


class Crowd:
    """A councillor and the officers of her council."""

    def __init__(self, system: System, directory: Directory, seed: int) -> None:
        self._system, self._directory, self.seed = system, directory, seed
        self._tokens: dict[str, str] = {}
        self._keys = 0
        self.book = Book()
        limits = httpx2.Limits(max_connections=50)
        self.client = httpx2.AsyncClient(timeout=10, limits=limits, trust_env=False)

    async def work(self, commands: int, at_once: int = 8) -> Book:
        """Give about so many commands, on as many cases at once as there are people at work."""
        await asyncio.gather(*(self._person(number, commands) for number in range(at_once)))
        return self.book

    async def raise_only(self, count: int, at_once: int = 8) -> Book:
        """Raise so many cases and wait for nothing else."""
        chance = random.Random(self.seed)  # noqa: S311  repeatable on purpose
        some = asyncio.Semaphore(at_once)

        async def one(service: str) -> None:
            async with some:
                await self.raise_case(service)

        await asyncio.gather(*(one(chance.choice(SERVICES)) for _ in range(count)))
        return self.book

    async def _person(self, number: int, commands: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")  # noqa: S311  repeatable on purpose
        while len(self.book.given) < commands:
            raised = await self.raise_case(chance.choice(SERVICES))
            if raised.outcome in {"done", "promised"}:
                await self._story(raised.reference, chance)

    async def _story(self, reference: str, chance: random.Random) -> None:
        """Take a case some way along, with mistakes."""
        team = await self._team_of(reference)
        if team is None:
            return
        officer = self._officer_of(team)
        progress = ("add-progress", {"text": f"{CANARY} was told."})
        steps: list[tuple[str, str, dict[str, Any]]] = [(officer, "acknowledge", {})]
        steps += [(officer, *progress)] * chance.randint(0, 2)
        if chance.random() < 0.3:
            steps.append((officer, "acknowledge", {}))
        if chance.random() < 0.3:
            steps.append((OWNER, "accept", {}))
        if chance.random() < 0.5:
            steps += [(OWNER, "remove-cc", {"person": COLLEAGUE}), (OWNER, "add-cc", {"person": COLLEAGUE})]
        steps.append((officer, chance.choice(["answer", "complete"]), {"text": f"Done, says {CANARY}."}))
        for person, command, body in steps[: chance.randint(1, len(steps))]:
            await self.give(person, f"/v1/cases/{reference}/{command}", command, body, reference)

    async def raise_case(self, service: str) -> Given:
        """Raise a case, or report a problem."""
        body = {
            "kind": "case" if service == "noise" else "report",
            "service": service,
            "ward": WARD,
            "cc": [COLLEAGUE],
            "summary": f"Seen by {CANARY}",
            "description": f"{CANARY} says so.",
            "location": f"4 {CANARY} Terrace",
        }
        return await self.give(OWNER, "/v1/cases", "raise", body)

    async def give(self, person: str, path: str, command: str, body: Mapping[str, Any], reference: str = "") -> Given:
        """Give a command, again and again with the same key until it is answered."""
        self._keys += 1
        key = f"{self.seed}-{self._keys}"
        began, tries, answer, told = real_now(), 0, 0, dict[str, Any]()
        outcome: Outcome = "unknown"
        while outcome == "unknown" and (real_now() - began).total_seconds() < _ANSWER_WITHIN:
            tries += 1
            try:
                headers = {"Authorization": f"Bearer {await self._token(person)}", "Idempotency-Key": key}
                found = await self.client.post(f"{self._system.gateway_url}{path}", json=body, headers=headers)
                answer, told = found.status_code, found.json()
                outcome = _outcome(found)
            except (httpx2.HTTPError, ValueError):
                answer, told = 0, {}
            if outcome == "unknown":
                await asyncio.sleep(0.3)
        given = Given(
            command=command,
            id=command_id_for(self._system.council_code, person, key),
            person=person,
            reference=reference or str(told.get("reference", "")),
            outcome=outcome,
            answer=answer,
            code=str(told.get("code", "")),
            tries=tries,
            seconds=round((real_now() - began).total_seconds(), 3),
        )
        self.book.given.append(given)
        return given

    async def see(self, person: str, reference: str) -> dict[str, Any] | None:
        """Look at a case; None while nobody can say."""
        try:
            headers = {"Authorization": f"Bearer {await self._token(person)}"}
            found = await self.client.get(f"{self._system.gateway_url}/v1/cases/{reference}", headers=headers)
        except httpx2.HTTPError:
            return None
        view: dict[str, Any] | None = found.json() if found.is_success else None
        return view

    async def _team_of(self, reference: str) -> str | None:
        """Wait until a case has a team; None where it was refused or nobody could say."""
        for _ in range(200):
            view = await self.see(OWNER, reference)
            if view is not None and view.get("team"):
                return str(view["team"])
            if view is not None and view.get("status") == "refused":
                return None
            await asyncio.sleep(0.3)
        return None

    def _officer_of(self, team: str) -> str:
        return next(grant.person for grant in self._directory.council.grants if grant.team == team)

    async def _token(self, person: str) -> str:
        if person not in self._tokens:
            found = await self.client.post(f"{self._system.issuer_url}/dev/token", json={"sub": person})
            self._tokens[person] = str(found.raise_for_status().json()["access_token"])
        return self._tokens[person]


def _outcome(answer: httpx2.Response) -> Outcome:
    if answer.status_code == httpx2.codes.ACCEPTED:
        return "promised"
    if answer.is_success:
        return "done"
    if answer.status_code == httpx2.codes.CONFLICT and "retry-after" in answer.headers:
        return "unknown"  # the same command is still on its way
    return "refused" if answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR else "unknown"
