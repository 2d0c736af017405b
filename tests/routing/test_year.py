"""The enquiries of a council's first year (5,850 in 324 days), invented again and routed under the sample bundle."""

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from services.routing.domain import Decision, route
from shared.calendar import LONDON
from shared.commands import case_id_for, reference_for
from shared.council import Council, Directory, Impact, ServiceType, load_bundle
from shared.council.table import Question, is_urgent
from shared.events import CaseRaised, CaseState, RoutingDecided, RoutingTriageNeeded
from shared.events.routing import TriageReason

SAMPLE = Path(__file__).parents[2] / "council"
MONTHS = (  # year, month, enquiries, members who raise some, last day
    (2021, 3, 180, 30, 31),
    (2021, 4, 260, 36, 30),
    (2021, 5, 340, 42, 31),
    (2021, 6, 440, 47, 30),
    (2021, 7, 520, 51, 31),
    (2021, 8, 540, 52, 31),
    (2021, 9, 640, 54, 30),
    (2021, 10, 760, 58, 31),
    (2021, 11, 820, 60, 30),
    (2021, 12, 770, 60, 31),
    (2022, 1, 580, 60, 18),
)
CASES, REPORTS, MEMBERS = 4_446, 1_404, 65
CABINET, ANXIOUS = 0.03, {"safeguarding": 0.01, "danger": 0.02, "daily-life": 0.2}


class Year:
    """Invents the enquiries, the same ones for the same seed."""

    def __init__(self, council: Council, seed: int) -> None:
        self.council, self.directory, self.chance = council, Directory(council, 1), Random(seed)  # noqa: S311  no secret
        self.kinds = ["case"] * CASES + ["report"] * REPORTS
        self.chance.shuffle(self.kinds)
        self.members = self.chance.sample(council.councillors, MEMBERS)

    def enquiries(self) -> Iterator[CaseRaised]:
        number = 0
        for year, month, enquiries, active, last in MONTHS:
            assert last in {monthrange(year, month)[1], 18}
            # The later members joined later; every one of them raises something each month from then on.
            owners = [*range(active), *self.chance.choices(range(active), k=enquiries - active)]
            if active == 60:  # not always the same sixty
                owners = [(owner + month) % MEMBERS for owner in owners]
            for owner in owners:
                number += 1
                yield self._enquiry(number, owner, date(year, month, self.chance.randint(1, last)))

    def _enquiry(self, number: int, owner: int, on: date) -> CaseRaised:
        member, kind = self.members[owner], self.kinds[number - 1]
        services = [service for service in self.council.services if service.kind == kind]
        service: ServiceType = self.chance.choice(services)
        flags = tuple(flag.code for flag in service.flags if self.chance.random() < 0.1)
        impacts = get_args(Impact)
        weights = [ANXIOUS.get(impact, 0.77) for impact in impacts]
        impact: Impact = self.chance.choices(impacts, weights)[0]
        at = datetime.combine(on, time(self.chance.randrange(24), self.chance.randrange(60)), LONDON).astimezone(UTC)
        question = Question(service.code, member.seats[0].ward, on, frozenset(flags), impact)
        reference = reference_for(self.council.code, member.id, str(number))
        return CaseRaised(
            at=at,
            raised_on=on,
            flags=flags,
            case=CaseState(
                id=case_id_for(reference),
                reference=reference,
                kind="case" if kind == "case" else "report",
                state="raised",
                owner=member.id,
                service=service.code,
                ward=member.seats[0].ward,
                lane="urgent" if is_urgent(question, self.directory) else "normal",
                impact=impact,
                capacity="cabinet" if self.chance.random() < CABINET else "ward",
            ),
        )


@pytest.fixture(scope="module")
def year() -> Year:
    return Year(load_bundle(SAMPLE), 4_446)


def test_every_enquiry_of_the_year_is_routed_or_in_triage_with_a_reason(
    year: Year, record_property: Callable[[str, object], None]
) -> None:
    enquiries = list(year.enquiries())
    decisions: list[Decision] = [route(enquiry, year.directory) for enquiry in enquiries]

    assert Counter(enquiry.case.kind for enquiry in enquiries) == {"case": CASES, "report": REPORTS}
    assert Counter((each.raised_on.year, each.raised_on.month) for each in enquiries) == {
        (at, month): count for at, month, count, *_ in MONTHS
    }
    assert len({enquiry.case.owner for enquiry in enquiries}) == MEMBERS
    split: Counter[str] = Counter()
    for enquiry, (event, notes) in zip(enquiries, decisions, strict=True):
        assert notes["reference"] == enquiry.case.reference
        assert notes["sentence"].endswith(".")
        assert event.lane == enquiry.case.lane
        if isinstance(event, RoutingDecided):
            team = year.directory.team(event.team)
            assert team is not None
            assert team.holds_on(enquiry.raised_on)
            assert event.rule in {rule.id for rule in year.directory.rules_for(enquiry.case.service)}
            split["by the duty rota" if event.duty else f"by {event.reason}"] += 1
        else:
            assert isinstance(event, RoutingTriageNeeded)
            assert event.reason in get_args(TriageReason)
            split[f"triage: {event.reason}"] += 1
    assert split.total() == 5_850
    # The sample has one service for those who are not sure, and no gap: nothing else goes to triage.
    assert {each for each in split if each.startswith("triage")} == {"triage: triage-service"}
    assert split["by the duty rota"] > 0
    teams = Counter(event.team for event, _ in decisions if isinstance(event, RoutingDecided))
    most = ", ".join(f"{team} {count}" for team, count in teams.most_common(3))
    said = "; ".join(f"{count} {how}" for how, count in sorted(split.items()))
    record_property("measured", f"5,850 enquiries, {len(teams)} teams: {said}; most: {most}")


def test_the_year_is_decided_the_same_again(year: Year) -> None:
    first, second = (
        [route(enquiry, year.directory) for enquiry in Year(year.council, 7).enquiries()] for _ in range(2)
    )

    assert first == second
