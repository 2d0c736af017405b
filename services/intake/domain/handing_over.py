"""When the owner of a case can no longer act: it is offered to others, and somebody takes it over or is given it.

A case is never handed over unasked, nothing else about it changes meanwhile, and the former owner keeps no access.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

from services.intake.domain import words
from services.intake.domain.case import Case, Facts, Offer, OfferReason
from services.intake.domain.clocks import OF_THE_CLOSE, autoclose_clocks, closing_after, without
from services.intake.domain.decisions import decision
from services.intake.domain.guards import Standing, successors
from services.intake.domain.policy import is_ownerless, may_own
from shared.commands import Refusal, TakeOver, TransferOwner, refuse_invalid
from shared.council import Capacity, Directory
from shared.events import CaseHandoverOffered, CaseOwnerChanged, CaseState, Clock, Fact

REASON: Mapping[Capacity, OfferReason] = MappingProxyType({"ward": "left-office", "cabinet": "portfolio-moved"})


def offer(case: Case, at: datetime, directory: Directory) -> Facts:
    """Offer a case whose owner cannot act to those who could; once, until there are others or the owner has returned.

    With nobody to ask it is said all the same: Democratic Services must find somebody.
    """
    today = directory.calendar.local_date(at)
    if not is_ownerless(case, directory, today):
        return ()
    asked, reason = tuple(sorted(candidates(case, directory, today))), REASON[case.public.capacity]
    known = case.offered
    if known and known.to == asked and not _has_lapsed(case, known, directory, today):
        return ()
    return (CaseHandoverOffered(at=at, case=case.public, to=asked, reason=reason),)


def candidates(case: Case, directory: Directory, on: date) -> frozenset[str]:
    """Name those who are asked to take a case over.

    Of ward business: the colleagues who follow it, else those who sit for the ward or for what stands in its place. Of
    cabinet business: who holds the portfolio now.
    """
    public = case.public
    if public.capacity == "cabinet":
        holder = directory.holder_of(public.portfolio, on) if public.portfolio else None
        asked = frozenset({holder} if holder else ())
    else:
        asked = _of_those(public.cc, case, directory, on) or directory.fellow_councillors(public.ward, on)
    return _of_those(asked, case, directory, on) - {public.owner}


@decision
def take_over(standing: Standing, command: TakeOver) -> Facts | Refusal:
    """Take over a case that was offered."""
    fact = _owned_by(standing, standing.person, "taken-over")
    return (Fact(fact, {"consent": command.consent}),)


@decision
def transfer_owner(standing: Standing, command: TransferOwner) -> Facts | Refusal:
    """Give the case to a serving councillor; to the present owner only to record that the resident agrees."""
    public, directory = standing.case.public, standing.directory
    possible = successors(standing)
    if command.person not in possible:
        near = possible if public.capacity == "cabinet" else candidates(standing.case, directory, standing.today)
        known = words.named((each, person.full_name) for each in near if (person := directory.councillor(each)))
        choice = f" Choose for example among {known}." if near else ""
        sentence = f"{words.WHO_MAY_OWN[public.capacity]}{choice}"
        return refuse_invalid("not-a-possible-owner", "person", sentence)
    if command.person == public.owner and command.consent != "constituent-agrees":
        sentence = (
            "This councillor has the case already: name another one, or say `consent: constituent-agrees` to record "
            "that the resident agrees."
        )
        return refuse_invalid("owner-already", "person", sentence)
    fact = _owned_by(standing, command.person, "transferred")
    return (Fact(fact, {"consent": command.consent, "text": command.text}),)


def _of_those(people: frozenset[str] | tuple[str, ...], case: Case, directory: Directory, on: date) -> frozenset[str]:
    return frozenset(each for each in people if may_own(case, each, directory, on))


def _has_lapsed(case: Case, known: Offer, directory: Directory, today: date) -> bool:
    """Say whether the owner could act again after the offer, and so was asked to give the case up once more."""
    owner = directory.councillor(case.public.owner)
    since = directory.calendar.local_date(known.at)
    posts = (each for each in directory.council.posts if each.councillor == case.public.owner)
    began = [each.valid_from for each in (*(owner.seats if owner else ()), *posts) if each.valid_from]
    return any(may_own(case, case.public.owner, directory, day) for day in [since, *began] if since <= day <= today)


def _owned_by(standing: Standing, person: str, reason: Literal["taken-over", "transferred"]) -> CaseOwnerChanged:
    public = standing.case.public
    cc = tuple(each for each in public.cc if each != person)
    after = public.model_copy(update={"owner": person, "cc": cc, "clocks": _clocks_for_a_new_owner(standing, public)})
    return CaseOwnerChanged(at=standing.now, case=after, owner=person, former=public.owner, reason=reason)


def _clocks_for_a_new_owner(standing: Standing, public: CaseState) -> tuple[Clock, ...]:
    """Leave every clock but auto-close: who begins now gets the whole period for the answer, and its warnings."""
    closing = closing_after(standing.case, standing.now, standing.directory)
    running = public.clock("autoclose")
    if running is None or closing is None:
        return public.clocks
    if closing[0] <= standing.directory.calendar.local_date(running.due):
        return public.clocks
    fresh = autoclose_clocks(standing.case, closing, standing.now, standing.next_seq, standing.directory)
    return (*without(public.clocks, *OF_THE_CLOSE), *fresh)
