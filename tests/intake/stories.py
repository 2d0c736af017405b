"""A small council, well-formed commands and a story teller for the tests of intake.

The people are invented; times and ids are given by the test or fixed here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from services.intake import domain
from services.intake.domain import Case, Facts, evolve
from services.intake.domain.guards import (
    Standing,
    colleagues,
    extension_bounds,
    parts_to_answer,
    receiving_teams,
    successors,
    teams_for_a_part,
)
from shared.calendar import gov_uk_calendar
from shared.commands import (
    Accept,
    Acknowledge,
    AddCc,
    AddProgress,
    Answer,
    AnswerTask,
    Assign,
    Command,
    Commit,
    Complete,
    Constituent,
    ExtendAutoClose,
    OpenTask,
    RaiseCase,
    Refusal,
    RemoveCc,
    ReturnCase,
    TakeOver,
    TransferOwner,
    reference_for,
)
from shared.council import (
    CalendarDays,
    Council,
    Councillor,
    Department,
    Directory,
    Grant,
    GrantedRole,
    Officer,
    Policies,
    Portfolio,
    ReasonCode,
    Seat,
    ServiceFlag,
    ServiceType,
    Team,
    Town,
    Ward,
)
from shared.events import ClockKind, Event, Fact, RoutingDecided, RoutingTriageNeeded, TimerDue, TimerReview
from shared.events.routing import TriageReason

OWNER, COLLEAGUE, THIRD, STRANGER, FORMER = "cllr-ash", "cllr-birch", "cllr-cedar", "cllr-dale", "cllr-elder"
OFFICER, OTHER_OFFICER, DEMOCRATIC = "off-hana", "off-sam", "off-dora"
MANAGER, SECRETARY, PLACING_OFFICER, CARER = "off-mara", "off-sven", "off-petra", "off-carl"
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TODAY = MONDAY.date()
REFERENCE = reference_for("testham", OWNER, "key-1")
CANARY = "Wilhelmina Quillfeather"


def make_council(**changes: Any) -> Council:
    calendar = gov_uk_calendar()
    council = Council(
        code="testham",
        name="Testham Council",
        version="2026.1",
        mail_domain="testham.example",
        calendar=CalendarDays(
            holidays=tuple(sorted(calendar.holidays)),
            known_from=calendar.known_from,
            known_until=calendar.known_until,
            version=calendar.version,
        ),
        towns=(Town(code="north", name="North"),),
        wards=(
            Ward(code="abbey", name="Abbey", town="north"),
            Ward(code="langley", name="Langley", town="north"),
            Ward(code="oldfield", name="Oldfield", town="north", valid_to=date(2024, 5, 2)),
        ),
        councillors=(
            _councillor(OWNER, "Alma Ashwick", Seat(ward="abbey")),
            _councillor(COLLEAGUE, "Bertram Birchley", Seat(ward="abbey")),
            _councillor(THIRD, "Cora Cedarham", Seat(ward="abbey")),
            _councillor(STRANGER, "Dorian Daleby", Seat(ward="langley")),
            _councillor(FORMER, "Edith Elderson", Seat(ward="abbey", valid_to=date(2025, 5, 1))),
        ),
        departments=(Department(id="place", name="Place"), Department(id="care", name="Care")),
        teams=(
            Team(id="housing", name="Housing Repairs", department="place", inbox="housing@testham.example"),
            Team(id="streets", name="Street Care", department="place", inbox="streets@testham.example"),
            Team(
                id="democratic",
                name="Democratic Services",
                department="place",
                inbox="democratic@testham.example",
                triage=True,
            ),
            Team(id="adults", name="Adult Care", department="care", inbox="adults@testham.example"),
            Team(
                id="lamps",
                name="Lamp Lighters",
                department="place",
                inbox="lamps@testham.example",
                valid_to=date(2025, 3, 31),
            ),
        ),
        officers=(
            _officer(OFFICER, "Hana Hollowby"),
            _officer(OTHER_OFFICER, "Sam Sorrelton"),
            _officer(DEMOCRATIC, "Dora Dunwell"),
            _officer(MANAGER, "Mara Marlowe"),
            _officer(SECRETARY, "Sven Swanley"),
            _officer(PLACING_OFFICER, "Petra Pinfold"),
            _officer(CARER, "Carl Corbridge"),
        ),
        grants=(
            _grant(OFFICER, "officer", "housing"),
            _grant(OTHER_OFFICER, "officer", "streets"),
            _grant(DEMOCRATIC, "democratic-services"),
            _grant(MANAGER, "manager", "housing"),
            _grant(SECRETARY, "cabinet-secretary"),
            _grant(PLACING_OFFICER, "officer", "democratic"),
            _grant(PLACING_OFFICER, "democratic-services"),
            _grant(CARER, "officer", "adults"),
        ),
        services=(
            ServiceType(code="repairs", name="Housing repairs", kind="case", answer="10wd", autoclose_days=10),
            ServiceType(code="trees", name="Trees", kind="case", answer="10wd", autoclose_days=None),
            ServiceType(
                code="fly-tipping",
                name="Fly-tipping",
                kind="report",
                answer="2wd",
                autoclose_days=5,
                location_required=True,
                flags=(
                    ServiceFlag(code="asbestos", label="Asbestos", danger=True, acknowledge="1h", answer="1wd"),
                    ServiceFlag(code="blocking", label="Blocks the way"),
                ),
            ),
            ServiceType(
                code="dangerous-waste",
                name="Dangerous waste",
                kind="report",
                danger=True,
                acknowledge="1h",
                answer="1wd",
                location_required=True,
            ),
            ServiceType(
                code="not-sure", name="I am not sure", kind="case", answer="10wd", autoclose_days=10, triage=True
            ),
            ServiceType(
                code="trains",
                name="Trains",
                kind="signpost",
                signpost="Write to the railway company, www.trains.example.",
            ),
        ),
        rules=(),
        policies=Policies(),
        portfolios=(Portfolio(code="homes", name="Homes"), Portfolio(code="roads", name="Roads")),
        reasons=(
            ReasonCode(id="other-team", list="return", label="Another team answers for this"),
            ReasonCode(id="paper", list="return", label="It came on paper", valid_to=date(2025, 12, 31)),
        ),
    )
    return council.model_copy(update=changes)


def _councillor(person: str, name: str, *seats: Seat) -> Councillor:
    return Councillor(id=person, name=name, email=f"{person}@testham.example", seats=seats)


def _officer(person: str, name: str) -> Officer:
    return Officer(id=person, name=name, email=f"{person}@testham.example")


def _grant(person: str, role: GrantedRole, team: str | None = None) -> Grant:
    return Grant(id=f"{person}-{role}", person=person, role=role, team=team)


DIRECTORY = Directory(make_council())

DECISIONS: Mapping[str, Callable[[Case | None, Any, Directory], Facts | Refusal]] = MappingProxyType(
    {
        "raise": domain.raise_case,
        "acknowledge": domain.acknowledge,
        "add-progress": domain.add_progress,
        "commit": domain.commit,
        "answer": domain.answer,
        "complete": domain.complete,
        "return": domain.return_case,
        "assign": domain.assign,
        "open-task": domain.open_task,
        "answer-task": domain.answer_task,
        "accept": domain.accept,
        "extend-auto-close": domain.extend_auto_close,
        "add-cc": domain.add_cc,
        "remove-cc": domain.remove_cc,
        "take-over": domain.take_over,
        "transfer-owner": domain.transfer_owner,
    }
)


def raising(**changes: Any) -> RaiseCase:
    """Give a well-formed request for a case."""
    given: dict[str, Any] = {
        "at": MONDAY,
        "actor": OWNER,
        "reference": REFERENCE,
        "body_hash": "0" * 64,
        "kind": "case",
        "service": "repairs",
        "ward": "abbey",
        "summary": "Damp in the bedroom",
        "description": "Water comes through the outer wall.",
    }
    return RaiseCase.model_validate(given | changes)


def reporting(**changes: Any) -> RaiseCase:
    """Give a well-formed report of a problem."""
    return raising(**({"kind": "report", "service": "fly-tipping", "location": "Mill Lane"} | changes))


def for_resident(**changes: Any) -> RaiseCase:
    """Give a case for a resident who is named."""
    resident = Constituent(name=CANARY, authority="constituent-asked", email="w@quill.example")
    return raising(**({"on_behalf": "named-constituent", "constituent": resident} | changes))


def order(kind: type[Command], actor: str, at: datetime, **fields: Any) -> Any:
    """Give a command on the case of these tests."""
    given = {"actor": actor, "at": at, "reference": REFERENCE, "body_hash": "1" * 64}
    return kind.model_validate(given | fields)


def well_formed(name: str, case: Case, actor: str, at: datetime, directory: Directory = DIRECTORY) -> Command:
    """Give a command of this name whose content nobody could object to."""
    today = directory.calendar.local_date(at)
    standing = Standing(case, "owner", actor, at, directory)
    first, last = extension_bounds(standing)
    others: Sequence[str] = sorted(colleagues(standing)) or [THIRD]
    heirs = sorted(successors(standing) - {case.public.owner}) or [THIRD]
    following = actor if actor in case.public.cc else next(iter(case.public.cc), COLLEAGUE)
    receiving = sorted(receiving_teams(standing)) or ["streets"]
    for_a_part = sorted(teams_for_a_part(standing)) or ["streets"]
    number = next((part.number for part in parts_to_answer(standing)), 1)
    known: Mapping[str, Callable[[], Command]] = {
        "acknowledge": lambda: order(Acknowledge, actor, at),
        "add-progress": lambda: order(AddProgress, actor, at, text="We have been to see it."),
        "commit": lambda: order(Commit, actor, at, promised=today + timedelta(days=30), text="By then."),
        "answer": lambda: order(Answer, actor, at, text="The wall has been sealed."),
        "complete": lambda: order(Complete, actor, at),
        "return": lambda: order(ReturnCase, actor, at, reason="other-team", text="This wall is a school's."),
        "assign": lambda: order(Assign, actor, at, team=receiving[0], text="Theirs, as far as I can see."),
        "open-task": lambda: order(OpenTask, actor, at, team=for_a_part[0], text="Please look at the drains."),
        "answer-task": lambda: order(AnswerTask, actor, at, number=number, text="The drains are clear."),
        "accept": lambda: order(Accept, actor, at),
        "extend-auto-close": lambda: order(ExtendAutoClose, actor, at, until=min(first, last), reason="Not yet."),
        "add-cc": lambda: order(AddCc, actor, at, person=others[0]),
        "remove-cc": lambda: order(RemoveCc, actor, at, person=following),
        "take-over": lambda: order(TakeOver, actor, at),
        "transfer-owner": lambda: order(TransferOwner, actor, at, person=heirs[0], text="She has moved away."),
    }
    return known[name]()


def routed(at: datetime = MONDAY, **changes: Any) -> RoutingDecided:
    given: dict[str, Any] = {
        "at": at,
        "lane": "normal",
        "service": "repairs",
        "ward": "abbey",
        "rules_version": "2026.1",
        "reason": "service-rule",
        "team": "housing",
        "rule": "repairs",
    }
    return RoutingDecided.model_validate(given | changes)


def undecided(at: datetime = MONDAY, reason: TriageReason = "no-rule") -> RoutingTriageNeeded:
    return RoutingTriageNeeded(
        at=at, lane="normal", service="repairs", ward="abbey", rules_version="2026.1", reason=reason
    )


def timer(kind: ClockKind, rev: int, at: datetime) -> TimerDue:
    return TimerDue(at=at, kind=kind, rev=rev, due=at, lane="normal", service="repairs", ward="abbey")


def review(at: datetime) -> TimerReview:
    """Let the scheduler ask for a look at the case."""
    return TimerReview(at=at, reason="owner-left", cause="term-ended", lane="normal", service="repairs", ward="abbey")


class Story:
    """A case as it is told: gives commands, hears events, keeps what was said."""

    def __init__(self, directory: Directory = DIRECTORY) -> None:
        self.directory = directory
        self.known: Case | None = None
        self.facts: list[Fact] = []
        self.causes: list[tuple[str, str]] = []
        """Per fact: id of the message that caused it, and who acted."""

    @property
    def case(self) -> Case:
        assert self.known is not None
        return self.known

    def give(self, command: Command) -> Facts | Refusal:
        """Give a command and let what was decided happen."""
        result = DECISIONS[command.name](self.known, command, self.directory)
        return result if isinstance(result, Refusal) else self._happen(result, command.actor)

    def hear(self, event: Event) -> Facts:
        """Hear routing, a timer or a review and let what was decided happen."""
        match event:
            case RoutingDecided():
                return self._happen(domain.route(self.known, event, self.directory), "system")
            case RoutingTriageNeeded():
                return self._happen(domain.send_to_triage(self.known, event, self.directory), "system")
            case TimerDue():
                return self._happen(domain.fire(self.known, event, self.directory), "system")
            case TimerReview():
                return self._happen(domain.review(self.known, event, self.directory), "system")
            case _:
                raise TypeError(event.type)

    def fire(self, kind: ClockKind, at: datetime | None = None) -> Facts:
        """Let the running clock of this kind fire, when it is due or later."""
        clock = self.case.public.clock(kind)
        assert clock is not None
        return self.hear(timer(kind, clock.rev, at or clock.due))

    def _happen(self, facts: Facts, actor: str) -> Facts:
        for fact in facts:
            told = fact if isinstance(fact, Fact) else Fact(fact)
            self.facts.append(told)
            self.causes.append((f"cause-{len(self.facts)}", actor))
            self.known = evolve(self.known, told.event, len(self.facts))
        return facts


def tell(state: str, *, report: bool = False, cc: tuple[str, ...] = ()) -> Story:
    """Tell a case up to a state."""
    story = Story()
    story.give(reporting(cc=cc) if report else raising(cc=cc))
    if state == "raised":
        return story
    if state == "triage":
        story.hear(undecided())
        return story
    story.hear(routed())
    for reached, name, actor in (
        ("in_progress", "acknowledge", OFFICER),
        ("committed", "commit", OFFICER),
        ("completed" if report else "answered", "complete" if report else "answer", OFFICER),
        ("closed", "accept", OWNER),
    ):
        if story.case.public.state == state:
            return story
        if name == "commit" and state != "committed":
            continue
        result = story.give(well_formed(name, story.case, actor, MONDAY))
        assert not isinstance(result, Refusal), (reached, result)
    return story
