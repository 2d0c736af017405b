"""A small fictional council, cases in it, and honest stand-ins for the notifier's ports."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.notifier import domain
from services.notifier.domain import AT_ONCE, Channel, Notice, Status, notices_for
from services.notifier.ports import (
    BookAway,
    Call,
    CannotBeWritten,
    Claim,
    Kept,
    Letter,
    Outcome,
    Taken,
)
from shared.council import (
    CalendarDays,
    Council,
    Councillor,
    Department,
    Directory,
    DutyTurn,
    Grant,
    Officer,
    Seat,
    ServiceType,
    Team,
    Town,
    Ward,
)
from shared.events import CaseAlerted, CaseAnswered, CaseEvent, CaseState, Clock, Event

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REFERENCE = "CW-7K2M9-Q4T1X"
CASE = "5b0c9c0e-0000-5000-8000-000000000001"
EVENT = "9d3f5a52-0000-5000-8000-000000000002"

COUNCIL = Council(
    code="exampleton",
    name="Exampleton Borough Council",
    version="7",
    mail_domain="exampleton.example",
    calendar=CalendarDays(holidays=(), known_from=date(2026, 1, 1), known_until=date(2026, 12, 31), version="test"),
    towns=(Town(code="north", name="North"),),
    wards=(Ward(code="elm", name="Elm Hill", town="north"),),
    councillors=(
        Councillor(id="cllr-alder", name="Ada Alder", email="ada.alder@exampleton.example", seats=(Seat(ward="elm"),)),
        Councillor(id="cllr-birch", name="Ben Birch", email="ben.birch@exampleton.example", seats=(Seat(ward="elm"),)),
        Councillor(id="cllr-dogwood", name="Di Dogwood", email="di.dogwood@exampleton.example"),
    ),
    departments=(Department(id="streets", name="Streets"),),
    teams=(
        Team(
            id="lighting",
            name="Street Lighting",
            department="streets",
            inbox="lighting@exampleton.example",
            duty_inbox="lighting-duty@exampleton.example",
        ),
        Team(id="drains", name="Drains", department="streets", inbox="drains@exampleton.example"),
        Team(
            id="members-desk",
            name="Members' Desk",
            department="streets",
            inbox="desk@exampleton.example",
            duty_inbox="desk-duty@exampleton.example",
            triage=True,
        ),
    ),
    officers=(Officer(id="off-cedar", name="Cleo Cedar", email="cleo.cedar@exampleton.example"),),
    grants=(Grant(id="cedar", person="off-cedar", role="officer", team="lighting"),),
    services=(ServiceType(code="lamps", name="Street lamps", kind="report", answer="2wd"),),
    rules=(),
    duty=(DutyTurn(id="nights", covers="lighting", team="lighting", officer="off-cedar", start="17:30", end="08:30"),),
)


def renamed(field: str, name: str) -> Directory:
    """Give one thing of the council another name, as if nobody had checked it."""
    if field == "name":
        return Directory(COUNCIL.model_copy(update={"name": name}))
    first, *rest = getattr(COUNCIL, field)
    changed = (first.model_copy(update={"name": name}), *rest)
    return Directory(COUNCIL.model_copy(update={field: changed}))


def with_duty_inbox(address: str | None) -> Directory:
    """Give every team this duty inbox, or none, as if nobody had checked it."""
    teams = tuple(team.model_copy(update={"duty_inbox": address}) for team in COUNCIL.teams)
    return Directory(COUNCIL.model_copy(update={"teams": teams}))


DIRECTORY = Directory(COUNCIL)

CLOCKS = (
    Clock(kind="acknowledge", due=datetime(2026, 3, 3, 23, 59, 59, tzinfo=UTC), rule="1wd", rev=1),
    Clock(kind="answer", due=datetime(2026, 4, 1, 22, 59, 59, tzinfo=UTC), rule="10wd", rev=1),
)


def case(**changes: Any) -> CaseState:
    """Describe a case; the changes are those that matter to the test."""
    return CaseState.model_validate(
        {
            "id": CASE,
            "reference": REFERENCE,
            "kind": "report",
            "state": "with_team",
            "owner": "cllr-alder",
            "cc": ("cllr-birch",),
            "team": "lighting",
            "service": "lamps",
            "ward": "elm",
            "clocks": CLOCKS,
        }
        | changes
    )


def notices(event: CaseEvent, event_id: str = EVENT, directory: Directory = DIRECTORY) -> list[Notice]:
    """List the notices of an event in the fictional council."""
    return notices_for(event, event_id=event_id, caseseq=3, correlation="c-1", directory=directory)


def notice(number: int = 1, **changes: Any) -> Notice:
    """Give the owner's notice of an answer."""
    told = notices(CaseAnswered(at=AT, case=case()), f"event-{number}")[0]
    return told.model_copy(update=changes)


def call(number: int = 1, **changes: Any) -> Notice:
    """Give the call that a danger nobody has taken on makes."""
    event = CaseAlerted(at=AT, case=case(lane="urgent"), round=1, level=1, team="lighting", officer="off-cedar")
    told = next(each for each in notices(event, f"event-{number}") if each.channel == "call")
    return told.model_copy(update=changes)


class AllChannels:
    """Every notice can be sent."""

    def usable(self, notices: list[Notice]) -> list[Notice]:
        return notices


class Watch:
    """A clock the test moves."""

    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    async def business(self) -> datetime:
        return self.now + timedelta(days=100)

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Patience:
    """Sleeps without sleeping and remembers for how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


class PlainWriter:
    """Writes the notice's id as a letter."""

    def __init__(self, unwritable: Sequence[str] = ()) -> None:
        self.unwritable = unwritable

    def write(self, notice: Notice) -> Letter:
        if notice.id in self.unwritable:
            raise CannotBeWritten("no-address")
        return Letter("noreply@exampleton.example", "ada@exampleton.example", notice.id.encode())


class FakePostbox:
    """A mail server in memory; `troubles` says what the next calls meet."""

    def __init__(self) -> None:
        self.delivered: list[str] = []
        self.opening: list[Exception] = []
        self.answers: list[Outcome | Exception] = []
        self.closed = False

    async def open(self) -> None:
        if self.opening:
            raise self.opening.pop(0)

    async def post(self, written: Letter, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        answer = self.answers.pop(0) if self.answers else Taken()
        await asyncio.sleep(0)  # as a server does, it lets others go on meanwhile
        if isinstance(answer, Exception):
            raise answer
        if not await hand_over():
            return Kept()
        if isinstance(answer, Taken):
            self.delivered.append(written.content.decode())
        return answer

    async def close(self) -> None:
        self.closed = True


class PlainCallWriter:
    """Writes a call that says the notice's id."""

    def write(self, notice: Notice) -> Call:
        team = ("lighting", "Street Lighting")
        return Call(notice.id, "unacknowledged", notice.reference, "http://x/", "s", "w", team, None, level=1, round=1)


class FakeDutyCaller:
    """Whoever makes calls, in memory; `answers` says what the next ones meet."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.answers: list[Outcome] = []
        self.closed = False

    async def open(self) -> None:
        pass

    async def post(self, written: Call, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        if not await hand_over():
            return Kept()
        answer = self.answers.pop(0) if self.answers else Taken()
        if isinstance(answer, Taken):
            self.made.append(written.id)
        return answer

    async def close(self) -> None:
        self.closed = True


class FakeNoticeBook:
    """Notices in memory, after the same rules."""

    def __init__(self, watch: Watch, claim_for: timedelta = timedelta(seconds=120)) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.said: list[Event] = []
        self.away = 0
        """How many of the next calls find the store away."""
        self._watch = watch
        self._claim_for = claim_for

    def put(self, *notices: Notice) -> None:
        for each in notices:
            document = {"version": 1, "created": self._watch.now, "notice": each}
            self.documents.setdefault(each.id, document)

    def notice(self, notice_id: str) -> Notice:
        found: Notice = self.documents[notice_id]["notice"]
        return found

    async def claim(self, limit: int, channel: Channel = "mail", *, urgent_only: bool = False) -> Sequence[Claim]:
        self._reach()
        due = [
            document
            for document in self.documents.values()
            if document["notice"].status == "queued"
            and document["notice"].channel == channel
            and (document["notice"].lane == "urgent" or not urgent_only)
            and document["notice"].next_at <= self._watch.now
        ]
        due.sort(key=lambda document: (document["notice"].lane != "urgent", document["created"]))
        until = self._watch.now + self._claim_for
        return [self._set(document, status="sending", claimed_until=until) for document in due[:limit]]

    async def hand_over(self, claim: Claim) -> Claim | None:
        self._reach()
        if claim.notice.claimed_until <= self._watch.now or not self._ours(claim):
            return None
        changes = {"claimed_until": self._watch.now + self._claim_for, "attempts": claim.notice.attempts + 1}
        return self._set(self.documents[claim.notice.id], status="handed_over", **changes)

    async def sent(self, claim: Claim) -> bool:
        return self._end(claim, "sent", domain.sent(claim.notice, await self._watch.business()))

    async def failed(self, claim: Claim, reason: str) -> bool:
        return self._end(claim, "failed", domain.failed(claim.notice, await self._watch.business(), reason), reason)

    async def in_doubt(self, claim: Claim, reason: str) -> bool:
        return self._end(claim, "in_doubt", domain.in_doubt(claim.notice, await self._watch.business()), reason)

    async def delay(self, claim: Claim, reason: str) -> bool:
        self._reach()
        if domain.is_given_up(claim.created, self._watch.now, claim.notice.channel):
            return await self.failed(claim, reason)
        if not self._ours(claim):
            return False
        attempts = claim.notice.attempts + (claim.notice.status != "handed_over")
        self._set(
            self.documents[claim.notice.id],
            status="queued",
            reason=reason,
            attempts=attempts,
            claimed_until=AT_ONCE,
            next_at=self._watch.now + domain.pause_after(attempts, claim.notice.channel),
        )
        return True

    async def release(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if self._ours(claim):
                self._set(self.documents[claim.notice.id], status="queued", claimed_until=AT_ONCE)

    async def count(self, *statuses: Status) -> int:
        return sum(document["notice"].status in statuses for document in self.documents.values())

    async def recover(self) -> tuple[int, int]:
        self._reach()
        out = [
            document
            for document in self.documents.values()
            if document["notice"].status in ("sending", "handed_over")
            and document["notice"].claimed_until < self._watch.now
        ]
        put_back = doubtful = 0
        for document in out:
            if document["notice"].status == "sending":
                self._set(document, status="queued", claimed_until=AT_ONCE)
                put_back += 1
            else:
                claim = Claim(document["notice"], document["created"], {"version": document["version"]})
                doubtful += await self.in_doubt(claim, "process-died")
        return put_back, doubtful

    def _reach(self) -> None:
        if self.away:
            self.away -= 1
            raise BookAway("away")

    def _ours(self, claim: Claim) -> bool:
        return bool(self.documents[claim.notice.id]["version"] == claim.document["version"])

    def _end(self, claim: Claim, status: Status, fact: Event, reason: str = "") -> bool:
        self._reach()
        if not self._ours(claim):
            return False
        self._set(self.documents[claim.notice.id], status=status, reason=reason, claimed_until=AT_ONCE)
        self.said.append(fact)
        return True

    @staticmethod
    def _set(document: dict[str, Any], **changes: Any) -> Claim:
        document["version"] += 1
        document["notice"] = document["notice"].model_copy(update=changes)
        return Claim(document["notice"], document["created"], {"version": document["version"]})


class Tally:
    """Counts what the claim loop counts."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.server = ""
        self.waiting = self.in_doubt = -1

    def ended(self, template: str, outcome: str) -> None:
        self.outcomes.append(outcome)

    def mail_server(self, state: str) -> None:
        self.server = state

    def notices(self, waiting: int, in_doubt: int) -> None:
        self.waiting, self.in_doubt = waiting, in_doubt
