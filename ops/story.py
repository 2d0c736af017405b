"""A short story, played through the HTTP API alone: every line is something that has happened.

It moves the business clock and then waits for the effect; it never races it. A step that does not happen stops the
story, and says which it was.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx2

COUNCILLOR, COLLEAGUE = "cllr-001", "cllr-002"
WARD, SERVICE, REPORTED, DANGEROUS = "abbey", "noise", "fly-tipping", "dangerous-waste"
BACKLOG = 120
"""Ordinary reports made at a time, up to five times, until enough wait for a dangerous one to overtake."""
STEP_WITHIN = 120.0
"""Seconds a step may take before the story stops: longer than a notice waits for a notifier that was killed with it,
where claims are as short as in docker-compose.yml."""
_LOOK_EVERY = 0.1
_RECEIPT = {COUNCILLOR: "We have received", COLLEAGUE: "copied you in"}
_AT_ONCE = 24
_BEHIND = 30
"""Ordinary reports that must wait before the dangerous one is made."""
_BACKLOGS_AT_MOST = 5

Say = Callable[[str], None]
Seen = TypeVar("Seen")


class StoryStopped(RuntimeError):
    """A step did not happen; the message says which, and what was seen instead."""


class Story:
    """Plays against one address."""

    def __init__(self, url: str, say: Say, client: httpx2.AsyncClient, backlog: int = BACKLOG) -> None:
        self._url, self._say, self._client, self._backlog = url.rstrip("/"), say, client, backlog
        self._tokens: dict[str, str] = {}
        self.references: list[str] = []
        """References of the cases the story is about."""

    async def play(self) -> None:
        """Play all of it.

        Raises:
            StoryStopped: a step did not happen.
        """
        await self._case()
        await self._report()
        self._say("the end: every step happened")

    # --- one case, from the request to the outcome e-mail ------------------------------------------------------------

    async def _case(self) -> None:
        raised = await self._post(
            COUNCILLOR,
            "/v1/cases",
            {
                "kind": "case",
                "service": SERVICE,
                "ward": WARD,
                "cc": [COLLEAGUE],
                "on_behalf": "named-constituent",
                "summary": "Barking through the night",
                "description": "Two dogs in a yard behind the terrace bark from midnight on; nobody can sleep.",
                "location": "Behind 4 Canary Terrace",
                "constituent": {"name": "Robin Canary-Example", "authority": "constituent-asked"},
            },
            "raise a case for a resident",
        )
        reference = str(raised["reference"])
        self.references.append(reference)
        self._say(f"{reference}  a councillor raises a case for a resident: {SERVICE} in {WARD}")

        routed = await self._case_when(reference, lambda case: bool(case["team"]), "routed to a team")
        self._say(f"{reference}  routed to {routed['team_name']}: {routed['routed_by']}")
        for person in (COUNCILLOR, COLLEAGUE):
            await self._mail(reference, person, _RECEIPT[person], "receipt")
        officer = await self._officer_of(routed["team"])

        await self._command(officer, reference, "acknowledge", {}, "an officer acknowledges")
        promised = await self._day_ahead(21)
        await self._command(
            officer,
            reference,
            "commit",
            {"promised": promised.isoformat(), "text": "We measure on three nights and tell you what we found."},
            f"the team commits to {promised:%d %B %Y}",
        )
        extended = await self._command(
            COUNCILLOR,
            reference,
            "extend-auto-close",
            {"to_commitment": True, "reason": "I want to hear what the measuring showed."},
            "the councillor extends auto-close to the commitment",
        )
        self._say(f"{reference}  stays open until {extended['keep_open_until']} at least")
        answered = await self._command(
            officer,
            reference,
            "answer",
            {"text": "Measured on three nights; a notice has been served on the keeper."},
            "the team answers",
        )
        await self._autoclose(reference, answered)

    async def _autoclose(self, reference: str, answered: dict[str, Any]) -> None:
        clocks = {clock["kind"]: clock for clock in answered["clocks"]}
        if not {"autoclose", "autoclose_warning"} <= clocks.keys():
            raise StoryStopped(f"auto-close armed after the answer: the case has the clocks {sorted(clocks)}")
        self._say(f"{reference}  will close by itself on {clocks['autoclose']['due'][:10]} unless somebody acts")
        await self._move_clock_past(clocks["autoclose_warning"]["due"])
        await self._event(reference, "autoclose_warned", "an auto-close warning")
        await self._mail(reference, COUNCILLOR, "closes by itself soon", "auto-close warning")
        await self._move_clock_past(clocks["autoclose"]["due"])
        closed = await self._case_when(reference, lambda case: case["status"] == "closed", "closed by itself")
        self._say(f"{reference}  closed by itself, business time {closed['updated_at'][:16]}")
        for person in (COUNCILLOR, COLLEAGUE):
            await self._mail(reference, person, "is closed", "outcome")

    # --- a dangerous report overtakes a backlog ----------------------------------------------------------------------

    async def _report(self) -> None:
        self._say("ordinary reports are made, one upon the other, until a backlog stands…")
        seen, started = await self._newest_mail(), time.monotonic()
        ordinary, makers = await self._build_backlog(seen)
        raised = await self._post(
            COUNCILLOR, "/v1/cases", _report(DANGEROUS, "Drums that smell of solvent"), "report dangerous waste"
        )
        before, reference = set(ordinary), str(raised["reference"])
        self.references.append(reference)
        self._say(f"{reference}  …and, behind {len(before)} of them, dangerous waste is reported")
        routed = await self._case_when(reference, lambda case: bool(case["team"]), "the dangerous report routed")
        self._say(f"{reference}  routed on the urgent lane to {routed['team_name']}: {routed['routed_by']}")
        await self._call(reference, routed["team_name"])
        found = await self._mail(reference, COUNCILLOR, _RECEIPT[COUNCILLOR], "receipt")
        overtaken = before - await self._receipted(seen, found)
        if not overtaken:
            raise StoryStopped("the dangerous report overtakes the backlog: all before it had their receipt first")
        self._say(f"{reference}  overtook {len(overtaken)} ordinary reports that were made before it")
        await asyncio.gather(*makers)
        await self._until(
            lambda: self._all_receipted(seen, ordinary), "the backlog worked off: a receipt for every ordinary report"
        )
        took = time.monotonic() - started
        self._say(f"all {len(ordinary)} ordinary reports have their receipt, {took:.1f} s after the first was made")

    async def _build_backlog(self, seen: int) -> tuple[set[str], list["asyncio.Task[None]"]]:
        """Make ordinary reports until enough of them wait for their receipt: on a fast machine that takes more."""
        made: set[str] = set()
        makers: list[asyncio.Task[None]] = []
        for _ in range(_BACKLOGS_AT_MOST):
            first = len(makers)
            makers += [
                asyncio.create_task(self._ordinary(number, made)) for number in range(first, first + self._backlog)
            ]
            while not all(maker.done() for maker in makers):
                if len(made - await self._receipted(seen)) >= _BEHIND:
                    return made, makers
                await asyncio.sleep(_LOOK_EVERY)
            await asyncio.gather(*makers)  # one that failed says why
        raise StoryStopped(f"a backlog to overtake: {len(made)} reports were worked off as fast as they were made")

    async def _ordinary(self, number: int, made: set[str]) -> None:
        report = _report(REPORTED, f"Bags on the verge, number {number}")
        made.add(str((await self._post(COUNCILLOR, "/v1/cases", report, "make an ordinary report"))["reference"]))

    async def _receipted(self, after: int, before: dict[str, Any] | None = None) -> set[str]:
        """References that mails have come for, between two mails."""
        mails = await self._inbox(after=after)
        last = before["id"] if before else None
        return {_reference_of(mail) for mail in mails if last is None or mail["id"] < last}

    async def _all_receipted(self, after: int, wanted: set[str]) -> bool:
        return wanted <= await self._receipted(after)

    # --- steps -------------------------------------------------------------------------------------------------------

    async def _command(
        self, person: str, reference: str, command: str, body: dict[str, Any], what: str
    ) -> dict[str, Any]:
        case = await self._post(person, f"/v1/cases/{reference}/{command}", body, what)
        if case.get("status") == "pending":
            case = await self._case_when(reference, lambda found: not found["pending"], what)
        self._say(f"{reference}  {what}")
        return case

    async def _case_when(
        self, reference: str, condition: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            case = await self._get(COUNCILLOR, f"/v1/cases/{reference}")
            return case if "history" in case and condition(case) else None

        return await self._until(look, what)

    async def _event(self, reference: str, fact: str, what: str) -> None:
        async def look() -> bool:
            found = await self._get(COUNCILLOR, f"/v1/cases/{reference}/events")
            return any(f".{fact}." in event["type"] for event in found["events"])

        await self._until(look, what)
        self._say(f"{reference}  {what} is said")

    async def _mail(self, reference: str, person: str, words: str, what: str) -> dict[str, Any]:
        """Wait for the e-mail whose first paragraph has these words."""

        async def look() -> dict[str, Any] | None:
            mails = await self._mails(reference, person)
            return next((mail for mail in mails if words in _opening(mail)), None)

        mail = await self._until(look, f"e-mail to {person}: {what}")
        self._say(f"{reference}  {what} e-mail to {mail['to'][0]}: {mail['subject']}")
        return mail

    async def _call(self, reference: str, team: str) -> None:
        """Wait until whoever is on duty was called."""

        async def look() -> dict[str, Any] | None:
            calls = await self._ask("GET", "/dev/inbox/api/calls", params={"reference": reference})
            return next((call["told"] for call in calls), None)

        told = await self._until(look, f"a call to whoever is on duty in {team}")
        who = told["officer"]["name"] if told["officer"] else f"whoever is on duty in {told['team']['name']}"
        self._say(f"{reference}  by a second channel {who} is called: {told['why']}")

    async def _mails(self, reference: str, person: str) -> list[dict[str, Any]]:
        return await self._inbox(to=await self._address(person), subject=reference)

    async def _address(self, person: str) -> str:
        return str((await self._get(person, "/v1/me"))["email"])

    async def _inbox(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask("GET", "/dev/inbox/api/messages", params=query)
        return found

    async def _newest_mail(self) -> int:
        return max((int(mail["id"]) for mail in await self._inbox()), default=0)

    async def _officer_of(self, team: str) -> str:
        people = (await self._ask("GET", "/dev/people", params={"team": team}))["people"]
        if not people:
            raise StoryStopped(f"find an officer of {team}: the council has none")
        return str(people[0])

    async def _day_ahead(self, days: int) -> date:
        """Find a weekday of the business calendar so many days ahead."""
        today = date.fromisoformat((await self._ask("GET", "/dev/clock"))["today"])
        day = today + timedelta(days=days)
        return day + timedelta(days=8 - day.isoweekday()) if day.isoweekday() in {6, 7} else day

    async def _move_clock_past(self, due: str) -> None:
        """Move the business clock until it is past an instant."""
        goal = datetime.fromisoformat(due)
        if datetime.fromisoformat((await self._ask("GET", "/dev/clock"))["now"]) > goal:
            return

        async def move() -> str | None:
            now = str((await self._ask("GET", "/dev/clock"))["now"])
            seconds = int((goal - datetime.fromisoformat(now)).total_seconds()) + 2
            if datetime.fromisoformat(now) > goal:
                return now
            days, rest = divmod(seconds, 86_400)
            with suppress(httpx2.HTTPError):  # whether it has moved is looked up: a second time would be too far
                step = {"advance": f"{days}d" if days else f"{rest}s"}
                await self._client.post(f"{self._url}/dev/clock", json=step)
            return None

        moved = await self._until(move, f"the business clock moved past {due}")
        self._say(f"the business clock is moved to {moved[:16]}")

    async def _until(self, look: Callable[[], Awaitable[Seen | None]], what: str) -> Seen:
        """Look again and again until there is something to see.

        Raises:
            StoryStopped: there was nothing in time.
        """
        try:
            async with asyncio.timeout(STEP_WITHIN):
                while True:
                    if found := await look():
                        return found
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            raise StoryStopped(f"{what}: not seen within {STEP_WITHIN:g} s") from None

    # --- HTTP --------------------------------------------------------------------------------------------------------

    async def _token(self, person: str) -> str:
        if person not in self._tokens:
            found = await self._ask("POST", "/dev/issuer/token", json={"sub": person})
            self._tokens[person] = found["access_token"]
        return self._tokens[person]

    async def _post(self, person: str, path: str, body: dict[str, Any], what: str) -> dict[str, Any]:
        """Send a command under a key of its own, again with the same key while nothing is known about it."""
        key, token = uuid4().hex, await self._token(person)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        found: dict[str, Any] = await self._ask("POST", path, json=body, headers=headers, what=what)
        return found

    async def _get(self, person: str, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {await self._token(person)}"}
        found: dict[str, Any] = await self._ask("GET", path, headers=headers)
        return found

    async def _ask(self, method: str, path: str, *, what: str = "", **request: Any) -> Any:
        """Ask, and ask again while the answer is that somebody is away for a moment: every request is repeatable."""
        problem = "no answer"
        deadline = time.monotonic() + STEP_WITHIN
        while time.monotonic() < deadline:
            try:
                answer = await self._client.request(method, self._url + path, **request)
            except httpx2.HTTPError as error:
                problem = type(error).__name__
            else:
                if answer.is_success:
                    return answer.json()
                problem = f"{answer.status_code} {answer.text[:300]}"
                if not _worth_repeating(answer):
                    break
            await asyncio.sleep(0.5)
        raise StoryStopped(f"{what or f'{method} {path}'}: {problem}")


def _worth_repeating(answer: httpx2.Response) -> bool:
    """Say whether the same request, with its key, may be answered otherwise in a moment."""
    if answer.status_code == httpx2.codes.CONFLICT:
        return "retry-after" in answer.headers
    return answer.status_code in {429, 502, 503, 504}


def _report(service: str, summary: str) -> dict[str, Any]:
    return {
        "kind": "report",
        "service": service,
        "ward": WARD,
        "summary": summary,
        "description": "Seen on the way to the surgery this morning.",
        "location": "Layby at the end of Canary Terrace",
    }


def _reference_of(mail: dict[str, Any]) -> str:
    return str(mail["subject"]).partition("]")[0].lstrip("[")


def _opening(mail: dict[str, Any]) -> str:
    return " ".join(str(mail["text"]).split("\n\n", 1)[0].split())


async def play(url: str, say: Say, *, backlog: int = BACKLOG, begun: Callable[[Story], None] | None = None) -> None:
    """Play the story against a running development system; `begun` is handed it before its first step.

    Raises:
        StoryStopped: a step did not happen; it is the first that did not.
    """
    limits = httpx2.Limits(max_connections=_AT_ONCE)
    async with httpx2.AsyncClient(timeout=30, limits=limits, trust_env=False) as client:
        told = Story(url, say, client, backlog)
        if begun:
            begun(told)
        await told.play()
