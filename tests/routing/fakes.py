"""A small fictional council with a rule table of one's own, and a case raised in it or given back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from shared.council import (
    CalendarDays,
    Capacity,
    Council,
    Department,
    Directory,
    DutyTurn,
    Impact,
    ImpactChoice,
    Officer,
    ReasonCode,
    RoutingRule,
    ServiceFlag,
    ServiceType,
    Team,
    Town,
    Ward,
)
from shared.events import CaseRaised, CaseReturned, CaseState, Lane

RECEIVED = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AT_NIGHT = datetime(2026, 3, 2, 22, 15, tzinfo=UTC)
FLAGS = ("bare-wires", "blocked", "leaning")

SERVICES = (
    ServiceType(
        code="lamps",
        name="Street lamps",
        kind="report",
        answer="2wd",
        flags=tuple(ServiceFlag(code=flag, label=flag.replace("-", " ").capitalize()) for flag in FLAGS),
    ),
    ServiceType(code="ponds", name="Ponds", kind="case", answer="10wd"),
    ServiceType(code="spills", name="Spills", kind="report", acknowledge="1h", answer="1wd", danger=True),
    ServiceType(code="past", name="Past things", kind="case", answer="10wd", valid_to=date(2026, 2, 28)),
    ServiceType(code="anything-else", name="Anything else", kind="case", answer="10wd", triage=True),
)
WARDS = (
    Ward(code="elm", name="Elm", town="north"),
    Ward(code="oak", name="Oak", town="north"),
    Ward(code="ash", name="Ash", town="south"),
    Ward(code="gone", name="Gone", town="south", valid_to=date(2026, 2, 28)),
)
TEAMS = (
    *(
        Team(id=team, name=f"{team.capitalize()} Team", department="streets", inbox=f"{team}@exampleton.example")
        for team in ("red", "green", "blue")
    ),
    Team(
        id="former",
        name="Former Team",
        department="streets",
        inbox="former@exampleton.example",
        valid_to=date(2026, 2, 28),
    ),
    Team(id="helpers", name="Member Helpers", department="streets", inbox="helpers@exampleton.example", triage=True),
)
NIGHTS = DutyTurn(id="nights", covers="red", team="red", officer="off-1", start="17:30", end="08:30")
"""The red team is on duty for its own danger at night."""


COUNCIL = Council(
    code="exampleton",
    name="Exampleton",
    version="7",
    mail_domain="exampleton.example",
    impacts=(ImpactChoice(code="danger", label="Danger", definition="People may be hurt."),),
    calendar=CalendarDays(holidays=(), known_from=date(2026, 1, 1), known_until=date(2026, 12, 31), version="test"),
    towns=(Town(code="north", name="North"), Town(code="south", name="South")),
    wards=WARDS,
    councillors=(),
    departments=(Department(id="streets", name="Streets"),),
    teams=TEAMS,
    officers=(Officer(id="off-1", name="Ada Ashpenny", email="ada@exampleton.example"),),
    services=SERVICES,
    rules=(),
    reasons=(ReasonCode(id="other-team", list="return", label="Another team answers for this"),),
)


def directory(
    rules: Sequence[RoutingRule] = (), *, version: str = "7", duty: Sequence[DutyTurn] = (), number: int = 3
) -> Directory:
    changes = {"rules": tuple(rules), "version": version, "duty": tuple(duty)}
    return Directory(COUNCIL.model_copy(update=changes), number)


def state(  # noqa: PLR0913  what of a case routing reads
    *,
    service: str = "lamps",
    ward: str = "elm",
    lane: Lane = "normal",
    impact: Impact = "routine",
    capacity: Capacity = "ward",
    case: str = "case-1",
    reference: str = "CW-00000-00000",
) -> CaseState:
    return CaseState(
        id=case,
        reference=reference,
        kind="report",
        state="raised",
        owner="cllr-moss",
        service=service,
        ward=ward,
        lane=lane,
        impact=impact,
        capacity=capacity,
    )


def raised(  # noqa: PLR0913  what of a case routing reads
    *,
    service: str = "lamps",
    ward: str = "elm",
    flags: Sequence[str] = (),
    on: date = RECEIVED,
    lane: Lane = "normal",
    impact: Impact = "routine",
    capacity: Capacity = "ward",
    at: datetime = AT,
) -> CaseRaised:
    return CaseRaised(
        at=at,
        raised_on=on,
        flags=tuple(flags),
        case=state(service=service, ward=ward, lane=lane, impact=impact, capacity=capacity),
    )


def returned(  # noqa: PLR0913  what a return says
    suggestion: str | None = None,
    *,
    team: str = "red",
    times: int = 1,
    at: datetime = AT,
    lane: Lane = "normal",
    rule: str | None = "lamps",
    rules_version: str | None = "7",
) -> CaseReturned:
    return CaseReturned(
        at=at,
        case=state(lane=lane),
        team=team,
        reason="other-team",
        suggestion=suggestion,
        times=times,
        rule=rule,
        rules_version=rules_version,
    )
