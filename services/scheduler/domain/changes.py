"""What changed in the council between two worlds, said as facts.

Whoever knows the first world and applies the facts knows the second: who sits where, which wards there are, who holds
which portfolio, who was granted what. Each fact names the day in the data on which it became true, and where the data
names none, the day it was seen.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import TypeAlias, TypeVar

from services.scheduler.domain.world import World
from shared.council import CabinetPost, Grant, Seat, Ward
from shared.council.base import Dated
from shared.events import (
    CouncilPortfolioMoved,
    CouncilRoleEnded,
    CouncilRoleGranted,
    CouncilSeatVacated,
    CouncilTermBegan,
    CouncilTermEnded,
    CouncilWardBegan,
    CouncilWardEnded,
    Moment,
)

Part = TypeVar("Part", bound=Dated)
Change: TypeAlias = (
    CouncilTermBegan
    | CouncilTermEnded
    | CouncilSeatVacated
    | CouncilWardBegan
    | CouncilWardEnded
    | CouncilPortfolioMoved
    | CouncilRoleGranted
    | CouncilRoleEnded
)


def changes(before: World, after: World, at: Moment) -> list[Change]:
    """List what changed, by day; within a day what ended comes before what began."""
    terms_ended = list(_terms_ended(before, after, at))
    facts: list[Change] = [
        *_roles_ended(before, after, at),
        *terms_ended,
        *_wards_ended(before, after, at),
        *_wards_began(before, after, at),
        *_terms_began(before, after, at),
        *_seats_vacated(before, after, terms_ended, at),
        *_portfolios_moved(before, after, at),
        *_roles_granted(before, after, at),
    ]
    return sorted(facts, key=lambda fact: fact.on)


# --- terms, wards and empty seats ---


def sitting(world: World) -> dict[tuple[str, str], Seat]:
    """Give the seats that are held, by councillor and ward."""
    return {
        (councillor.id, seat.ward): seat
        for councillor in world.directory.council.councillors
        for seat in councillor.seats
        if seat.holds_on(world.on)
    }


def standing(world: World) -> dict[str, Ward]:
    """Give the wards there are, by code."""
    return {ward.code: ward for ward in world.directory.council.wards if ward.holds_on(world.on)}


def _terms_ended(before: World, after: World, at: Moment) -> Iterator[CouncilTermEnded]:
    was, still = sitting(before), sitting(after)
    for who, ward in sorted(was.keys() - still.keys()):
        councillor = after.directory.councillor(who)
        seats = (seat for seat in (councillor.seats if councillor else ()) if seat.ward == ward)
        ended = _ended(was[who, ward], seats, after)
        yield CouncilTermEnded(
            at=at,
            number=after.directory.number,
            councillor=who,
            ward=ward,
            on=_day_after(ended, after),
            reason=ended.end_reason if ended else None,
            left_office=not after.directory.serving(who, after.on),
        )


def _terms_began(before: World, after: World, at: Moment) -> Iterator[CouncilTermBegan]:
    now = sitting(after)
    for who, ward in sorted(now.keys() - sitting(before).keys()):
        on = now[who, ward].valid_from or after.on
        yield CouncilTermBegan(at=at, number=after.directory.number, councillor=who, ward=ward, on=on)


def _wards_ended(before: World, after: World, at: Moment) -> Iterator[CouncilWardEnded]:
    was, still = standing(before), standing(after)
    for code in sorted(was.keys() - still.keys()):
        known = after.directory.ward(code)
        yield CouncilWardEnded(
            at=at,
            number=after.directory.number,
            ward=code,
            on=_day_after(_ended(was[code], [known] if known else [], after), after),
            successors=(known or was[code]).successors,
        )


def _wards_began(before: World, after: World, at: Moment) -> Iterator[CouncilWardBegan]:
    now = standing(after)
    for code in sorted(now.keys() - standing(before).keys()):
        on = now[code].valid_from or after.on
        yield CouncilWardBegan(at=at, number=after.directory.number, ward=code, on=on)


def _seats_vacated(
    before: World, after: World, terms_ended: Iterable[CouncilTermEnded], at: Moment
) -> Iterator[CouncilSeatVacated]:
    """Name the wards with more empty seats than before; a new ward had none."""
    was, wards = _empty(before), standing(after)
    left = {fact.ward: fact.on for fact in sorted(terms_ended, key=lambda fact: fact.on)}
    for code, empty in sorted(_empty(after).items()):
        if empty > was.get(code, 0):
            began = after.on if code in was else wards[code].valid_from or after.on
            yield CouncilSeatVacated(
                at=at,
                number=after.directory.number,
                ward=code,
                on=left.get(code, began),
                seats=wards[code].seats,
                filled=wards[code].seats - empty,
            )


def _empty(world: World) -> dict[str, int]:
    """Count the empty seats of each ward there is."""
    filled = Counter(ward for _, ward in sitting(world))
    return {code: max(0, ward.seats - filled[code]) for code, ward in standing(world).items()}


# --- the cabinet ---


def posts(world: World) -> dict[str, CabinetPost]:
    """Give the post by which each portfolio is held; a portfolio that nobody holds has none."""
    return {post.portfolio: post for post in reversed(world.directory.council.posts) if post.holds_on(world.on)}


def _portfolios_moved(before: World, after: World, at: Moment) -> Iterator[CouncilPortfolioMoved]:
    was, now = posts(before), posts(after)
    for code in sorted(was.keys() | now.keys()):
        former, holder = _holder(was, code), _holder(now, code)
        if former == holder:
            continue
        if code in now:
            on = now[code].valid_from or after.on
        else:
            held = (post for post in after.directory.council.posts if post.portfolio == code)
            on = _day_after(_ended(was[code], held, after), after)
        yield CouncilPortfolioMoved(
            at=at, number=after.directory.number, portfolio=code, on=on, holder=holder, former=former
        )


def _holder(of: Mapping[str, CabinetPost], portfolio: str) -> str | None:
    return of[portfolio].councillor if portfolio in of else None


# --- roles ---


def granted(world: World) -> dict[str, Grant]:
    """Give the grants that hold, by id; those of people who do not work for the council do not."""
    people = {grant.person for grant in world.directory.council.grants}
    return {grant.id: grant for person in people for grant in world.directory.grants_of(person, world.on)}


def _roles_ended(before: World, after: World, at: Moment) -> Iterator[CouncilRoleEnded]:
    now, known = granted(after), {grant.id: grant for grant in after.directory.council.grants}
    for name, was in sorted(granted(before).items()):
        if name in now and _same(was, now[name]):
            continue
        on = after.on
        if name in known and _same(was, known[name]):
            ends = (_ended(was, [part], after) for part in _needed(known[name], after))
            on = min((_day_after(part, after) for part in ends if part), default=after.on)
        yield CouncilRoleEnded(
            at=at,
            number=after.directory.number,
            grant=name,
            person=was.person,
            role=was.role,
            team=was.team,
            on=on,
        )


def _roles_granted(before: World, after: World, at: Moment) -> Iterator[CouncilRoleGranted]:
    was = granted(before)
    for name, grant in sorted(granted(after).items()):
        if name in was and _same(was[name], grant):
            continue
        begins = (part.valid_from for part in _needed(grant, after) if part.valid_from)
        # An id that means another role now: the former ends on the day this is seen, and not after the new one begins.
        on = after.on if name in was else max(begins, default=after.on)
        yield CouncilRoleGranted(
            at=at,
            number=after.directory.number,
            grant=name,
            person=grant.person,
            role=grant.role,
            team=grant.team,
            on=on,
        )


def _same(one: Grant, other: Grant) -> bool:
    return (one.person, one.role, one.team) == (other.person, other.role, other.team)


def _needed(grant: Grant, world: World) -> list[Dated]:
    """List what must hold for a grant to hold: the grant, and whoever has it."""
    person = world.directory.person(grant.person)
    return [grant, person] if person else [grant]


# --- days ---


def _ended(was: Dated, now: Iterable[Part], world: World) -> Part | None:
    """Find what became of a part that held: the last, among those given, that is over and held when it did."""
    over = (part for part in now if part.valid_to and part.valid_to < world.on and part.overlaps(was))
    return max(over, key=lambda part: part.valid_to or date.max, default=None)


def _day_after(part: Dated | None, world: World) -> date:
    """Give the first day after a part that is over; the day it was seen where no end is known."""
    return part.valid_to + timedelta(days=1) if part and part.valid_to else world.on
