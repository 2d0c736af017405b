"""Quick look-ups over a council: who is who, who sits where, who answers for what.

Built once per published council and never changed: a new version of the council gets a new directory.
"""

from collections import defaultdict
from datetime import date

from shared.council.model import Council, Councillor, Officer, RoutingRule, Seat, ServiceType, Team, Ward

_TEAM_PREFIX = "team:"


class Directory:
    """The indexed council. One look-up that knows nothing gives None, a set that has nobody is empty."""

    def __init__(self, council: Council) -> None:
        """Index a council."""
        self.council = council
        self.calendar = council.working_calendar()
        self._councillors = {each.id: each for each in council.councillors}
        self._officers = {each.id: each for each in council.officers}
        self._teams = {each.id: each for each in council.teams}
        self._services = {each.code: each for each in council.services}
        self._wards = {each.code: each for each in council.wards}
        self._members: defaultdict[str, set[str]] = defaultdict(set)
        for officer in council.officers:
            for team in officer.teams:
                self._members[team].add(officer.id)
        self._seats: defaultdict[str, list[tuple[str, Seat]]] = defaultdict(list)
        for councillor in council.councillors:
            for seat in councillor.seats:
                self._seats[seat.ward].append((councillor.id, seat))
        self._rules: defaultdict[str, list[RoutingRule]] = defaultdict(list)
        for rule in council.rules:
            self._rules[rule.service].append(rule)

    def person(self, person_id: str) -> Councillor | Officer | None:
        """Find a councillor or an officer."""
        return self._councillors.get(person_id) or self._officers.get(person_id)

    def councillor(self, councillor_id: str) -> Councillor | None:
        """Find a councillor."""
        return self._councillors.get(councillor_id)

    def officer(self, officer_id: str) -> Officer | None:
        """Find an officer."""
        return self._officers.get(officer_id)

    def team(self, team_id: str) -> Team | None:
        """Find a team by its id, without the prefix `team:`."""
        return self._teams.get(team_id)

    def triage_team(self) -> Team:
        """Give the team that receives what no rule can route.

        Raises:
            LookupError: the council has none; a council read by `load_bundle` always has one.
        """
        for team in self.council.teams:
            if team.triage:
                return team
        raise LookupError(f"council {self.council.code} has no triage team: mark one team with `triage: true`")

    def service(self, code: str) -> ServiceType | None:
        """Find a service."""
        return self._services.get(code)

    def ward(self, code: str) -> Ward | None:
        """Find a ward."""
        return self._wards.get(code)

    def rules_for(self, service: str) -> tuple[RoutingRule, ...]:
        """Give every rule of a service, of whatever date, in the order of the file."""
        return tuple(self._rules.get(service, ()))

    def wards_of(self, councillor_id: str, on: date) -> frozenset[str]:
        """Give the wards a councillor sits for on a date."""
        councillor = self._councillors.get(councillor_id)
        if councillor is None:
            return frozenset()
        return frozenset(seat.ward for seat in councillor.seats if seat.holds_on(on))

    def fellow_councillors(self, ward: str, on: date) -> frozenset[str]:
        """Give the ids of all councillors who sit for a ward on a date."""
        return frozenset(councillor_id for councillor_id, seat in self._seats.get(ward, ()) if seat.holds_on(on))

    def serving(self, councillor_id: str, on: date) -> bool:
        """Say whether a councillor holds a seat on a date."""
        return bool(self.wards_of(councillor_id, on))

    def teams_of(self, officer_id: str) -> frozenset[str]:
        """Give the ids of an officer's teams."""
        officer = self._officers.get(officer_id)
        return frozenset(officer.teams) if officer else frozenset()

    def members_of_team(self, team_id: str) -> frozenset[str]:
        """Give the ids of a team's officers."""
        return frozenset(self._members.get(team_id, ()))

    def address_of(self, recipient_id: str) -> str | None:
        """Give the e-mail address of a person, or of a team written `team:<id>`."""
        if recipient_id.startswith(_TEAM_PREFIX):
            team = self._teams.get(recipient_id.removeprefix(_TEAM_PREFIX))
            return team.inbox if team else None
        person = self.person(recipient_id)
        return person.email if person else None
