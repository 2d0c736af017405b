"""Merges a list of members into the council's files: who is new, who has moved, who is gone.

The one rule: nobody is deleted. A seat that is over gets its last day, and the councillor keeps the id that cases know.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from ops.importing.matching import Matches, match
from ops.importing.posts import holders_on, suggestions
from ops.importing.proposal import Asked, Proposal
from ops.importing.records import Member, Roll, Term
from ops.importing.refusals import ImportRefused
from ops.importing.register import Register
from ops.importing.rows import Row
from ops.importing.words import listed, person_key, ward_key
from shared.council import Council

_DAY = timedelta(days=1)


def merge_members(
    council: Council, folder: Path, roll: Roll, asked: Asked, step: Callable[[], None] = lambda: None
) -> Proposal:
    """Propose the files that the council would have with these members; `step` is called after each of them.

    Raises:
        ImportRefused: a ward is unknown, or too many people would lose their seats.
    """
    merging = _Merging(council, folder, roll, asked)
    merging.run(step)
    return merging.proposal


class _Merging:
    def __init__(self, council: Council, folder: Path, roll: Roll, asked: Asked) -> None:
        self._council, self._asked, self._roll = council, asked, roll
        self._register = Register(folder, asked.on)
        self._before = {person for person, _ in self._register.people() if self._register.sitting(person)}
        self._arrivals: defaultdict[str, list[date]] = defaultdict(list)
        self._leaving: list[tuple[Row, date | None]] = []
        self.proposal = Proposal([self._register.councillors, self._register.seats], list(roll.notes))

    def run(self, step: Callable[[], None]) -> None:
        """Do everything, in the order of the source."""
        wards = self._wards()
        members = [
            (member, wards[ward.title]) for ward in self._roll.wards if ward.title in wards for member in ward.members
        ]
        matches = match(self._register, members)
        self.proposal.left_out += matches.left_out
        shared = _shared_addresses([member for member, _ in members])
        for member, ward, person in matches.known:
            self._update(member, person)
            self._seat(member, ward, person)
            step()
        self._settle_addresses(matches, shared)
        newcomers = self._take_newcomers(matches, shared, step)
        self._end_absent(matches, set(wards.values()), newcomers)
        self._end_leaving()
        self._refuse_a_purge()
        self._say(wards, matches, newcomers)

    def _wards(self) -> dict[str, str]:
        """Find the code of each ward of the source, those left out apart.

        Raises:
            ImportRefused: the council does not have one of them.
        """
        places, said = self._register.places, self._asked.wards
        places.refuse_unknown([], list(said.values()))
        codes = {ward.title: said.get(ward_key(ward.title), places.code_of(ward.title)) for ward in self._roll.wards}
        places.refuse_unknown([title for title, code in codes.items() if code is None], [])
        return {title: code for title, code in codes.items() if code}

    # --- people -----------------------------------------------------------------------------------------------------

    def _update(self, member: Member, person: str) -> None:
        """Bring a councillor's row up to date: what the source does not say stays."""
        register = self._register
        row = register.row_of(person)
        if register.key_of(row) != person_key(member.name):
            register.councillors.put(row, "name", member.name)
        if member.party:
            register.councillors.put(row, "party", member.party)
        known = register.external_id_of(row)
        if member.external_id and known != member.external_id:
            if known:
                name = register.name_of(person)
                self.proposal.told.append(f"{name}: the source had the id {known} for them, now {member.external_id}")
            register.councillors.put(row, "external_id", member.external_id)

    def _settle_addresses(self, matches: Matches, shared: set[str]) -> None:
        """Bring addresses up to date, until one more round changes none: an address may have to become free first."""
        for _ in range(len(matches.known) + 1):
            changed = False
            for member, _ward, person in matches.known:
                row, address = self._register.row_of(person), self._address(member, person, shared)
                if address and self._register.email_of(row) != address:
                    self._register.councillors.put(row, "email", address)
                    changed = True
            if not changed:
                return

    def _address(self, member: Member, person: str | None, shared: set[str]) -> str | None:
        """Choose a member's address: what was said with the command, else the best that is nobody else's.

        An address that the record has already stays if it is one of them, or the only one of the council's own domain.
        """
        said = self._asked.emails
        if address := said.get(member.external_id) or said.get(person_key(member.name)):
            return address
        mine = [
            address
            for address in member.emails
            if address.casefold() not in shared and self._register.owner_of(address) in {None, person}
        ]
        own = [address for address in mine if self._is_own(address)]
        if person:
            kept = self._register.email_of(self._register.row_of(person))
            if kept.casefold() in {address.casefold() for address in mine} or (self._is_own(kept) and not own):
                return kept
        return next(iter([*own, *mine]), None)

    def _is_own(self, address: str) -> bool:
        return address.casefold().endswith(f"@{self._council.mail_domain}")

    def _take_newcomers(self, matches: Matches, shared: set[str], step: Callable[[], None]) -> dict[str, Member]:
        """Give every newcomer a row and a seat; gives their ids."""
        taken = {}
        for member, ward in matches.new:
            step()
            if over := _over_since(member, self._asked.on):
                self.proposal.told.append(f"{member.label}: listed, but the last term ended on {over}; not imported")
                continue
            address = self._address(member, None, shared)
            if address is None:
                self._leave_out(member, matches, shared)
                continue
            person = self._register.add(member.name, address, member.party, member.external_id)
            taken[person] = member
            self._seat(member, ward, person)
        return taken

    def _leave_out(self, member: Member, matches: Matches, shared: set[str]) -> None:
        """Say why a newcomer without an address of their own is not imported, and what to do."""
        key = member.external_id or member.name
        fix = f"give one with --email '{key}=ADDRESS'"
        owners = {address: self._register.owner_of(address) for address in member.emails}
        taken = {address: owner for address, owner in owners.items() if owner}
        if taken:
            address, owner = next(iter(taken.items()))
            why = f"{address} is already the address of {self._register.name_of(owner)}; "
            if member.external_id and self._register.is_councillor(owner):
                why += f"if they are one person, write {key} as external_id in councillors.csv, else "
            why += fix
        elif any(address.casefold() in shared for address in member.emails):
            why = f"{member.emails[0]} is the address of several members, and one alone may read a case; {fix}"
        else:
            why = f"the source has no address for work; {fix}"
        matches.undecided.append(member)
        self.proposal.left_out.append(f"{member.label}: {why}")

    # --- seats ------------------------------------------------------------------------------------------------------

    def _seat(self, member: Member, ward: str, person: str) -> None:
        """See to it that a member sits for one ward, and for no other."""
        register, on = self._register, self._asked.on
        held = register.sitting(person)
        if over := _over_since(member, on):
            # A seat that began after that end is newer than what the source knows of terms.
            self._leaving += [(seat, over) for seat in held if register.begins(seat) <= over]
            return
        elsewhere = [seat for seat in held if register.ward_of(seat) != ward]
        here = [seat for seat in register.sitting_or_to_come(person) if register.ward_of(seat) == ward]
        if here:
            begins = min(map(register.begins, here))
            for seat in elsewhere:
                if begins <= on:
                    self._leaving.append((seat, None))
                elif register.ends(seat) >= begins:  # until the seat to come begins
                    register.end(seat, begins - _DAY)
            return
        today = [seat for seat in elsewhere if register.begins(seat) == on]
        if today:  # it has not lasted a day: the wrong ward is corrected, not ended
            register.seats.put(today[0], "ward", ward)
            return
        begins = self._first_day(member, ward, person)
        for seat in elsewhere:
            register.end(seat, begins - _DAY)
        register.begin(person, ward, begins)
        self._arrivals[ward].append(begins)

    def _first_day(self, member: Member, ward: str, person: str) -> date:
        """Say from which day a new seat holds: its term's, unless the member still sat elsewhere then."""
        register, on = self._register, self._asked.on
        term = _term_of(member, on)
        begins = term.begins if term and term.begins else on
        for seat in register.seats_of(person):
            sits = register.ends(seat) >= on
            if (register.begins(seat) if sits else register.ends(seat)) >= begins:
                begins = max(on, begins)
        return max(begins, register.places.first_day(ward))

    def _end_absent(self, matches: Matches, covered: set[str], newcomers: dict[str, Member]) -> None:
        """Have the seats end of those the source no longer lists, in the wards it does list."""
        there = {person for _, _, person in matches.known} | set(newcomers) | matches.untouched
        # Who has the address of somebody undecided may be the same person.
        addresses = {address for member in matches.undecided for address in member.emails}
        there |= {owner for address in addresses if (owner := self._register.owner_of(address))}
        for person in sorted(self._before - there):
            self._leaving += [
                (seat, None) for seat in self._register.sitting(person) if self._register.ward_of(seat) in covered
            ]

    def _end_leaving(self) -> None:
        """Give each seat that is over its last day: the one known, else before a successor came, else yesterday."""
        by_ward: defaultdict[str, list[Row]] = defaultdict(list)
        yesterday = self._asked.on - _DAY
        for seat, known in self._leaving:
            if known:
                self._register.end(seat, known)
            else:
                by_ward[self._register.ward_of(seat)].append(seat)
        for ward, seats in by_ward.items():
            before = [day - _DAY for day in self._successions(ward)]
            for index, seat in enumerate(sorted(seats, key=self._register.begins)):
                last = min(before[index], yesterday) if index < len(before) else yesterday
                self._register.end(seat, last if last >= self._register.begins(seat) else yesterday)

    def _successions(self, ward: str) -> list[date]:
        """Give the days on which newcomers took seats of a ward that somebody had."""
        arrived = sorted(self._arrivals[ward])
        sat = len(self._register.sitting_in(ward)) - sum(day <= self._asked.on for day in arrived)
        succeeded = max(0, sat + len(arrived) - self._register.places.seats(ward))
        return arrived[len(arrived) - succeeded :]

    def _refuse_a_purge(self) -> None:
        """Refuse to end the seats of more people than was said.

        Raises:
            ImportRefused: it would.
        """
        ended = self._ended()
        most = self._asked.max_ended
        if len(ended) * 100 > len(self._before) * most:
            share = len(ended) * 100 / len(self._before)
            raise ImportRefused(
                f"this would end the seats of {len(ended)} of {len(self._before)} sitting members ({share:.0f} %), "
                f"more than --max-ended {most}: {listed(map(self._register.name_of, ended))}. Is the source whole? "
                f"If it is, say --max-ended {-(-len(ended) * 100 // len(self._before))}"
            )

    def _ended(self) -> list[str]:
        """Name who sat and will sit no longer: nobody's last day lies ahead or is open."""
        register = self._register
        return sorted(
            person
            for person in self._before
            if not any(register.ends(seat) >= self._asked.on for seat in register.seats_of(person))
        )

    # --- what to say ------------------------------------------------------------------------------------------------

    def _say(self, wards: dict[str, str], matches: Matches, newcomers: dict[str, Member]) -> None:
        """Collect what a reader should know, and what the source suggests."""
        told, register = self.proposal.told, self._register
        told += [f"{ward.title}: {ward.vacant} vacant" for ward in self._roll.wards if ward.vacant]
        silent = [code for code in register.places.codes if code not in wards.values()]
        if silent:
            told.append(f"the source says nothing of {listed(silent)}: who sits there stays")
        left = [title for title in (ward.title for ward in self._roll.wards) if title not in wards]
        if left:
            told.append(f"left out as asked: {listed(left)}")
        held = holders_on(self._council, self._asked.on)
        for person in self._ended():
            told.append(f"{register.name_of(person)} sits no longer: write why under end_reason in seats.csv")
            if person in held:
                told.append(f"{register.name_of(person)} still holds {listed(sorted(held[person]))}: see cabinet.yaml")
        members = {person: member for member, _, person in matches.known} | newcomers
        leaving = [register.name_of(person) for person, member in members.items() if member.standing_down]
        if leaving:
            told.append(f"standing down at the next election: {listed(leaving)}")
        ends: defaultdict[date, int] = defaultdict(int)
        for member in members.values():
            term = _term_of(member, self._asked.on)
            if term and term.ends:
                ends[term.ends] += 1
        if ends:
            dates = listed(f"{day} ({number})" for day, number in sorted(ends.items()))
            told.append(f"terms planned to end: {dates}; written only once somebody is gone")
        for person, member in members.items():
            name = register.name_of(person).removesuffix(f" ({person})")
            self.proposal.suggested += suggestions(self._council, held, person, name, member.posts)


def _term_of(member: Member, on: date) -> Term | None:
    """Choose the term that runs on a day; without one the next that begins."""
    terms = [term for term in member.terms if not (term.begins and term.ends and term.ends < term.begins)]
    running = [term for term in terms if (term.begins or date.min) <= on <= (term.ends or date.max)]
    if running:
        return max(running, key=lambda term: term.begins or date.min)
    coming = [term for term in terms if term.begins and term.begins > on]
    return min(coming, key=lambda term: term.begins or date.max, default=None)


def _over_since(member: Member, on: date) -> date | None:
    """Say when the last term of a member ended who is still listed; None for a term that runs, comes or is unknown."""
    if not member.terms or _term_of(member, on):
        return None
    return max((term.ends for term in member.terms if term.ends), default=None)


def _shared_addresses(members: list[Member]) -> set[str]:
    """Give the addresses that several members of a source have."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for member in members:
        for address in member.emails:
            owners[address.casefold()].add(member.external_id or member.name)
    return {address for address, people in owners.items() if len(people) > 1}
