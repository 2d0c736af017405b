"""Says who of a source is who in the council's record: by id, else by name and ward.

The one rule: nobody becomes somebody else by a guess. Where two could be meant, both stay as they are, and a person
decides.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ops.importing.records import Member
from ops.importing.register import Register
from ops.importing.rows import Row
from ops.importing.words import person_key


@dataclass(slots=True)
class Matches:
    """The outcome: pairs of a member and an id of the record, newcomers, and those a person must decide about."""

    known: list[tuple[Member, str, str]] = field(default_factory=list)
    """Member, code of the ward, id in the record."""
    new: list[tuple[Member, str]] = field(default_factory=list)
    """Member and code of the ward."""
    untouched: set[str] = field(default_factory=set)
    """Ids in the record that must stay as they are, because somebody of the source might be them."""
    undecided: list[Member] = field(default_factory=list)
    """Who is left out."""
    left_out: list[str] = field(default_factory=list)
    """Why, and what to do."""


def match(register: Register, listed: list[tuple[Member, str]]) -> Matches:
    """Find everybody of a source, given with the codes of their wards, in the record."""
    matching = _Matching(register)
    waiting = matching.refuse_two_wards(_once(listed))
    waiting = matching.by_id(waiting)
    waiting = matching.by_name_and_ward(waiting)
    waiting = matching.by_name_and_address(waiting)
    matching.found.new = waiting
    return matching.found


def _once(listed: list[tuple[Member, str]]) -> list[tuple[Member, str]]:
    """Drop what stands twice: the same id in the same ward."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for member, ward in listed:
        same = (member.external_id or person_key(member.name), ward)
        if member.external_id and same in seen:
            continue
        seen.add(same)
        kept.append((member, ward))
    return kept


class _Matching:
    def __init__(self, register: Register) -> None:
        self._register = register
        self._rows = dict(register.people())
        self._free = set(self._rows)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        for person, row in self._rows.items():
            if external_id := register.external_id_of(row):
                self._ids[external_id].append(person)
        self.found = Matches()

    def _take(self, member: Member, ward: str, person: str) -> None:
        self._free.discard(person)
        self.found.known.append((member, ward, person))

    def _leave(self, member: Member, why: str, people: list[str]) -> None:
        self._free.difference_update(people)
        self.found.untouched.update(people)
        self.found.undecided.append(member)
        self.found.left_out.append(f"{member.label}: {why}")

    def refuse_two_wards(self, listed: list[tuple[Member, str]]) -> list[tuple[Member, str]]:
        """Leave out whom the source lists in two wards."""
        wards = Counter(member.external_id for member, _ in listed if member.external_id)
        kept, told = [], set[str]()
        for member, ward in listed:
            if member.external_id in told:
                continue
            if wards[member.external_id] > 1:
                told.add(member.external_id)
                why = "the source lists this id in more than one ward; have that corrected, or correct a saved copy"
                self._leave(member, why, self._ids.get(member.external_id, []))
            else:
                kept.append((member, ward))
        return kept

    def by_id(self, listed: list[tuple[Member, str]]) -> list[tuple[Member, str]]:
        """Find those whose id the record holds."""
        waiting = []
        for member, ward in listed:
            same = self._ids.get(member.external_id, [])
            if len(same) > 1:
                why = f"{' and '.join(same)} have this external_id; leave it with one of them in councillors.csv"
                self._leave(member, why, same)
            elif same:
                self._take(member, ward, same[0])
            else:
                waiting.append((member, ward))
        return waiting

    def by_name_and_ward(self, listed: list[tuple[Member, str]]) -> list[tuple[Member, str]]:
        """Find those who sit for the ward under the same name, today or soon."""
        here: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for person in self._rows:
            if person in self._free:
                key = self._key(self._rows[person])
                for code in {self._register.ward_of(seat) for seat in self._register.sitting_or_to_come(person)}:
                    here[key, code].append(person)
        there = Counter((person_key(member.name), ward) for member, ward in listed)
        waiting = []
        for member, ward in listed:
            same = (person_key(member.name), ward)
            people = here.get(same, [])
            if len(people) == there[same] == 1 and self._is_no_namesake(member, people[0]):
                self._take(member, ward, people[0])
            elif people:
                who = " or ".join(people)
                why = (
                    f"this could be {who}; if so, write the id as external_id of the right one in councillors.csv, if "
                    "not, end the old seat in seats.csv"
                )
                self._leave(member, why, people)
            else:
                waiting.append((member, ward))
        return waiting

    def _is_no_namesake(self, member: Member, person: str) -> bool:
        """Say whether nothing speaks against one person; another id does, unless the address is the same."""
        row = self._rows[person]
        known = self._register.external_id_of(row)
        own = {address.casefold() for address in member.emails}
        return not known or not member.external_id or self._register.email_of(row).casefold() in own

    def by_name_and_address(self, listed: list[tuple[Member, str]]) -> list[tuple[Member, str]]:
        """Find those who sat before, or sit elsewhere, under the same name and with the same address."""
        waiting = []
        for member, ward in listed:
            own = {address.casefold() for address in member.emails}
            same = [
                person
                for person in sorted(self._free)
                if self._key(self._rows[person]) == person_key(member.name)
                and self._register.email_of(self._rows[person]).casefold() in own
            ]
            if same:  # an address is one person's: there is no second
                self._take(member, ward, same[0])
            else:
                waiting.append((member, ward))
        return waiting

    def _key(self, row: Row) -> str:
        return self._register.key_of(row)
