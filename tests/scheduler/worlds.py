"""Small councils, random ones, and a picture of a council that is drawn from facts alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from services.scheduler.domain import Seen, Version, World, begin, first_seen, move, next_seen
from shared.calendar import LONDON
from shared.council import (
    CabinetPost,
    CalendarDays,
    Council,
    Councillor,
    Directory,
    Grant,
    ListeningSystem,
    Officer,
    Seat,
    Ward,
)
from shared.events import (
    CouncilPortfolioMoved,
    CouncilRoleEnded,
    CouncilRoleGranted,
    CouncilTermBegan,
    CouncilTermEnded,
    CouncilWardBegan,
    CouncilWardEnded,
    Event,
)

MAY = date(2026, 5, 1)
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=LONDON)


def may(day: int) -> date:
    return date(2026, 5, day)


def at(day: int, hour: int = 12, minute: int = 0) -> datetime:
    """A moment in May 2026, in council time."""
    return datetime(2026, 5, day, hour, minute, tzinfo=LONDON).astimezone(UTC)


def council(**parts: Any) -> Council:
    """A council that has these parts and no others."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("towns", "wards", "councillors", "departments", "teams", "officers", "services", "rules"), ()
    )
    known = CalendarDays(holidays=(), known_from=date(2026, 1, 1), known_until=date(2026, 12, 31), version="1")
    return Council.model_validate(
        {
            "code": "smallham",
            "name": "Smallham Council",
            "version": "1",
            "mail_domain": "smallham.example",
            "calendar": known,
            **nothing,
            **parts,
        }
    )


def world(of: Council, on: date, number: int = 1) -> World:
    return World(Directory(of, number), on)


def ward(code: str, begins: date | None = None, ends: date | None = None, **more: Any) -> Ward:
    return Ward(code=code, name=code.title(), town="smallham", valid_from=begins, valid_to=ends, **more)


def member(name: str, *seats: Seat) -> Councillor:
    return Councillor(id=f"cllr-{name}", name=name.title(), email=f"{name}@smallham.example", seats=seats)


def seat(of: str, begins: date | None = None, ends: date | None = None, why: Any = None) -> Seat:
    return Seat(ward=of, valid_from=begins, valid_to=ends, end_reason=why)


def officer(name: str, begins: date | None = None, ends: date | None = None) -> Officer:
    email = f"{name}@smallham.example"
    return Officer(id=f"off-{name}", name=name.title(), email=email, valid_from=begins, valid_to=ends)


def grant(name: str, person: str, role: Any, begins: date | None = None, ends: date | None = None) -> Grant:
    return Grant(id=name, person=person, role=role, valid_from=begins, valid_to=ends)


def post(portfolio: str, holder: str, begins: date | None = None, ends: date | None = None) -> CabinetPost:
    name = f"{portfolio}-{holder}-{begins}".lower()
    return CabinetPost(id=name, portfolio=portfolio, councillor=f"cllr-{holder}", valid_from=begins, valid_to=ends)


# --- the picture ---


@dataclass
class Picture:
    """What somebody knows of a council who was told how it was once, and has heard every fact since."""

    sitting: set[tuple[str, str]]
    wards: set[str]
    holders: dict[str, str]
    roles: dict[str, tuple[str, str, str | None]]

    @classmethod
    def of(cls, seen: World) -> "Picture":
        """Look at the council itself, and not by the way the facts were found."""
        directory, on = seen
        people = [who.id for who in directory.council.officers] + [it.id for it in directory.council.systems]
        portfolios = {each.portfolio for each in directory.council.posts}
        holders = {code: directory.holder_of(code, on) for code in portfolios}
        return cls(
            sitting={
                (who.id, code) for who in directory.council.councillors for code in directory.wards_of(who.id, on)
            },
            wards={each.code for each in directory.council.wards if each.holds_on(on)},
            holders={code: holder for code, holder in holders.items() if holder},
            roles={
                each.id: (each.person, each.role, each.team)
                for person in people
                for each in directory.grants_of(person, on)
            },
        )

    def hear(self, fact: Event) -> None:
        """Draw a fact in; whoever hears of what was known already was told twice."""
        match fact:
            case CouncilTermBegan():
                assert (fact.councillor, fact.ward) not in self.sitting
                self.sitting.add((fact.councillor, fact.ward))
            case CouncilTermEnded():
                self.sitting.remove((fact.councillor, fact.ward))
            case CouncilWardBegan():
                assert fact.ward not in self.wards
                self.wards.add(fact.ward)
            case CouncilWardEnded():
                self.wards.remove(fact.ward)
            case CouncilPortfolioMoved():
                assert (fact.former, fact.holder) == (self.holders.get(fact.portfolio), fact.holder)
                assert fact.former != fact.holder
                self.holders = {code: who for code, who in self.holders.items() if code != fact.portfolio}
                self.holders |= {fact.portfolio: fact.holder} if fact.holder else {}
            case CouncilRoleGranted():
                assert fact.grant not in self.roles
                self.roles[fact.grant] = (fact.person, fact.role, fact.team)
            case CouncilRoleEnded():
                assert self.roles.pop(fact.grant) == (fact.person, fact.role, fact.team)
            case _:
                pass

    def empty(self, seats: dict[str, int]) -> Counter[str]:
        """Count the empty seats by ward."""
        filled = Counter(code for _, code in self.sitting)
        return Counter({code: max(0, seats[code] - filled[code]) for code in self.wards})


# --- random councils ---

DAYS = st.dates(may(1), may(14))
BOUNDS = st.none() | DAYS


@st.composite
def spans(draw: st.DrawFn, most: int) -> list[dict[str, Any]]:
    """Periods that do not overlap, some of them without a gap between."""
    days: list[date] = sorted(draw(st.sets(DAYS, max_size=2 * most)))
    found: list[dict[str, Any]] = [
        {"valid_from": begins, "valid_to": ends - timedelta(days=1)}
        for begins, ends in pairwise(days)
        if draw(st.booleans())
    ]
    if draw(st.booleans()) and days:
        found.append({"valid_from": days[-1], "valid_to": None})
    if draw(st.booleans()):
        ends = days[0] - timedelta(days=1) if days else None
        found.insert(0, {"valid_from": None, "valid_to": ends})
    return found[:most]


@st.composite
def councils(draw: st.DrawFn) -> Council:
    """Any council: what is in one need not be in the next."""
    wards = [
        Ward(code=code, name=code, town="smallham", seats=draw(st.integers(1, 2)), successors=("elm",), **span)
        for code in draw(st.sets(st.sampled_from(("ash", "elm", "oak"))))
        for span in draw(spans(1))
    ]
    members = [
        Councillor(
            id=f"cllr-{name}",
            name=name,
            email=f"{name}@smallham.example",
            seats=tuple(Seat(ward=code, **span) for code in ("ash", "elm", "oak") for span in draw(spans(2))),
        )
        for name in draw(st.sets(st.sampled_from(("a", "b", "c"))))
    ]
    officers = [
        Officer(id=f"off-{name}", name=name, email=f"{name}@smallham.example", **span)
        for name in draw(st.sets(st.sampled_from(("x", "y"))))
        for span in draw(spans(1))
    ]
    systems = [ListeningSystem(id="sys-p", name="Portal", **span) for span in draw(spans(1))]
    grants = [
        Grant(id=name, person=draw(_people), role=draw(st.sampled_from(("auditor", "operator"))), **span)
        for name in draw(st.sets(st.sampled_from(("g1", "g2", "g3"))))
        for span in draw(spans(1))
    ]
    grants += [Grant(id="g4", person="sys-p", role="subscriber", **span) for span in draw(spans(1))]
    posts = [
        CabinetPost(id=f"{code}-{number}", portfolio=code, councillor=f"cllr-{draw(st.sampled_from('ab'))}", **span)
        for code in ("housing", "parks")
        for number, span in enumerate(draw(spans(2)))
    ]
    return council(wards=wards, councillors=members, officers=officers, systems=systems, grants=grants, posts=posts)


_people = st.sampled_from(("off-x", "off-y"))


# --- those who look ---


def walk(councils_of: dict[int, Council], versions: Sequence[Version], looks: Iterable[datetime]) -> list[list[Event]]:
    """Look at these moments, and give what each transition says."""
    last: World | None = None
    said: list[list[Event]] = []
    for now in sorted(looks):
        while True:
            seen = (
                next_seen(Seen(last.directory.number, last.on), last.directory, versions, now)
                if last
                else first_seen(versions, now)
            )
            if seen is None:
                break
            then = World(Directory(councils_of[seen.number], seen.number), seen.on)
            said.append(list(move(last, then, now)) if last else begin(then, now))
            last = then
    return said
