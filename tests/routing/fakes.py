"""A small fictional council with a rule table of one's own, and a case raised in it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from shared.council import (
    CalendarDays,
    Council,
    Department,
    Directory,
    RoutingRule,
    ServiceFlag,
    ServiceType,
    Team,
    Town,
    Ward,
)
from shared.events import CaseRaised, CaseState, Lane

RECEIVED = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FLAGS = ("bare-wires", "blocked", "leaning")

SERVICES = (
    ServiceType(
        code="lamps",
        name="Street lamps",
        kind="report",
        answer="2wd",
        flags=tuple(ServiceFlag(code=flag, label=flag) for flag in FLAGS),
    ),
    ServiceType(code="ponds", name="Ponds", kind="case", answer="10wd"),
    ServiceType(code="anything-else", name="Anything else", kind="case", answer="10wd", triage=True),
)


def directory(rules: Sequence[RoutingRule], version: str = "7") -> Directory:
    return Directory(
        Council(
            code="exampleton",
            name="Exampleton",
            version=version,
            mail_domain="exampleton.example",
            calendar=CalendarDays(
                holidays=(), known_from=date(2026, 1, 1), known_until=date(2026, 12, 31), version="test"
            ),
            towns=(Town(code="north", name="North"), Town(code="south", name="South")),
            wards=(
                Ward(code="elm", name="Elm", town="north"),
                Ward(code="oak", name="Oak", town="north"),
                Ward(code="ash", name="Ash", town="south"),
                Ward(code="gone", name="Gone", town="south", valid_to=date(2026, 2, 28)),
            ),
            councillors=(),
            departments=(Department(id="streets", name="Streets"),),
            teams=tuple(
                Team(id=team, name=team, department="streets", inbox=f"{team}@exampleton.example")
                for team in ("red", "green", "blue")
            ),
            officers=(),
            services=SERVICES,
            rules=tuple(rules),
        )
    )


def raised(
    *,
    service: str = "lamps",
    ward: str = "elm",
    flags: Sequence[str] = (),
    on: date = RECEIVED,
    lane: Lane = "normal",
) -> CaseRaised:
    return CaseRaised(
        at=AT,
        raised_on=on,
        flags=tuple(flags),
        case=CaseState(
            id="case-1",
            reference="CW-00000-00000",
            kind="report",
            state="raised",
            owner="cllr-moss",
            service=service,
            ward=ward,
            lane=lane,
        ),
    )
