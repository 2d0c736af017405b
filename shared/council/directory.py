"""Quick look-ups over a council: who is who, who sits where, who may do what, who answers for what.

Built once per published council and never changed: a new version of the council gets a new directory. What can change
with time is asked for a date.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from shared.calendar import LONDON, BeyondHorizon
from shared.council.catalogue import MailText, ReasonCode, RoutingRule, ServiceType
from shared.council.model import Council
from shared.council.people import TEAM_ROLES, Councillor, Grant, ListeningSystem, Officer, Role, Seat
from shared.council.places import DutyTurn, Team, Ward

_TEAM_PREFIX = "team:"
_SATURDAY = 5


class Directory:
    """The indexed council. One look-up that knows nothing gives None, a set that has nobody is empty.

    `number` is that of the published version; 0: a council that was never published.
    """

    def __init__(self, council: Council, number: int = 0) -> None:
        """Index a council."""
        self.council, self.number = council, number
        self.calendar = council.working_calendar()
        self._councillors = {each.id: each for each in council.councillors}
        self._officers = {each.id: each for each in council.officers}
        self._systems = {each.id: each for each in council.systems}
        self._teams = {each.id: each for each in council.teams}
        self._services = {each.code: each for each in council.services}
        self._wards = {each.code: each for each in council.wards}
        self._triage = next((team for team in council.teams if team.triage), None)
        self._reasons: dict[tuple[str, str], ReasonCode] = {(each.list, each.id): each for each in council.reasons}
        self._grants: defaultdict[str, list[Grant]] = defaultdict(list)
        self._members: defaultdict[str, list[Grant]] = defaultdict(list)
        for grant in council.grants:
            self._grants[grant.person].append(grant)
            if grant.team:
                self._members[grant.team].append(grant)
        self._seats: defaultdict[str, list[tuple[str, Seat]]] = defaultdict(list)
        for councillor in council.councillors:
            for seat in councillor.seats:
                self._seats[seat.ward].append((councillor.id, seat))
        self._rules: defaultdict[str, list[RoutingRule]] = defaultdict(list)
        for rule in council.rules:
            self._rules[rule.service].append(rule)
        self._turns: defaultdict[str, list[DutyTurn]] = defaultdict(list)
        for turn in council.duty:
            self._turns[turn.covers].append(turn)

    def person(self, person_id: str) -> Councillor | Officer | ListeningSystem | None:
        """Find a councillor, an officer or a listening system, whether or not of today."""
        return self._councillors.get(person_id) or self._officers.get(person_id) or self._systems.get(person_id)

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
        if self._triage is None:
            raise LookupError(f"council {self.council.code} has no triage team: mark one team with `triage: true`")
        return self._triage

    def service(self, code: str) -> ServiceType | None:
        """Find a service, whether or not it is offered today."""
        return self._services.get(code)

    def ward(self, code: str) -> Ward | None:
        """Find a ward, of whatever date."""
        return self._wards.get(code)

    def wards_now(self, code: str, on: date) -> frozenset[str]:
        """Follow a ward to what stands in its place on a date: itself, or its successors, or nothing."""
        found: set[str] = set()
        seen: set[str] = set()
        ahead = [code]
        while ahead:
            ward = self._wards.get(ahead.pop())
            if ward is None or ward.code in seen:
                continue
            seen.add(ward.code)
            if ward.holds_on(on):
                found.add(ward.code)
            else:
                ahead += ward.successors
        return frozenset(found)

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
        """Give the ids of all councillors who sit on a date for a ward, or for what stands in its place."""
        return frozenset(
            councillor_id
            for code in self.wards_now(ward, on) | {ward}
            for councillor_id, seat in self._seats.get(code, ())
            if seat.holds_on(on)
        )

    def serving(self, councillor_id: str, on: date) -> bool:
        """Say whether a councillor holds a seat on a date."""
        return bool(self.wards_of(councillor_id, on))

    def grants_of(self, person: str, on: date) -> tuple[Grant, ...]:
        """Give the grants somebody employed by the council holds on a date."""
        employed = self._officers.get(person) or self._systems.get(person)
        if employed is None or not employed.holds_on(on):
            return ()
        return tuple(grant for grant in self._grants.get(person, ()) if grant.holds_on(on))

    def roles_of(self, person: str, on: date) -> frozenset[Role]:
        """Give what somebody is on a date: by grant, by seat or by post."""
        roles: set[Role] = {grant.role for grant in self.grants_of(person, on)}
        if self.serving(person, on):
            roles.add("councillor")
            if self.portfolios_of(person, on):
                roles.add("cabinet-member")
        return frozenset(roles)

    def portfolios_of(self, councillor: str, on: date) -> frozenset[str]:
        """Give the portfolios a councillor holds on a date."""
        return frozenset(
            post.portfolio for post in self.council.posts if post.councillor == councillor and post.holds_on(on)
        )

    def holder_of(self, portfolio: str, on: date) -> str | None:
        """Give the id of the councillor who holds a portfolio on a date."""
        return next(
            (post.councillor for post in self.council.posts if post.portfolio == portfolio and post.holds_on(on)), None
        )

    def teams_of(self, person: str, on: date, roles: Iterable[str] = TEAM_ROLES) -> frozenset[str]:
        """Give the ids of the teams in which somebody has one of these roles on a date."""
        wanted = frozenset(roles)
        return frozenset(
            grant.team for grant in self.grants_of(person, on) if grant.team is not None and grant.role in wanted
        )

    def members_of_team(self, team_id: str, on: date) -> frozenset[str]:
        """Give the ids of a team's officers and managers on a date; of the triage team those who place cases, too."""
        members = {grant.person for grant in self._members.get(team_id, ()) if grant.holds_on(on)}
        if self._triage is not None and self._triage.id == team_id:
            members |= {grant.person for grant in self.council.grants if grant.role == "democratic-services"}
        return frozenset(person for person in members if team_id in self.works_for(person, on))

    def works_for(self, person: str, on: date) -> frozenset[str]:
        """Give the teams somebody works for on a date; those who place cases work for triage."""
        teams = self.teams_of(person, on)
        places = self._triage is not None and "democratic-services" in self.roles_of(person, on)
        return teams | {self._triage.id} if places and self._triage is not None else teams

    def features_of(self, councillor: str, on: date) -> frozenset[str]:
        """Give the features that are on for a councillor on a date."""
        wards = self.wards_of(councillor, on)
        return frozenset(each.code for each in self.council.features if each.is_on(councillor, wards, on))

    def feature_of(self, command: str) -> str | None:
        """Name the feature that switches a command; None: the command is everybody's."""
        return next((each.code for each in self.council.features if command in each.commands), None)

    def in_office_hours(self, moment: datetime) -> bool:
        """Say whether the council's offices are open at a moment."""
        local, policies = moment.astimezone(LONDON), self.council.policies
        try:
            if not self.calendar.is_working_day(local.date()):
                return False
        except BeyondHorizon:  # danger is dealt with beyond the known calendar, too: its weeks are ordinary ones
            if local.weekday() >= _SATURDAY:
                return False
        return policies.office_opens <= f"{local:%H:%M}" < policies.office_closes

    def duty(self, team_id: str, moment: datetime) -> DutyTurn | None:
        """Find the turn of the duty rota that covers a team's danger at a moment outside office hours."""
        if self.in_office_hours(moment):
            return None
        local = moment.astimezone(LONDON)
        return next((turn for turn in self._turns.get(team_id, ()) if turn.is_on(local.date(), local.time())), None)

    def reason(self, of: str, code: str, on: date) -> ReasonCode | None:
        """Find a reason of a list that may be given on a date."""
        found = self._reasons.get((of, code))
        return found if found and found.holds_on(on) else None

    def reasons(self, of: str, on: date) -> tuple[ReasonCode, ...]:
        """List the reasons of a list that may be given on a date."""
        return tuple(each for each in self.council.reasons if each.list == of and each.holds_on(on))

    def text_of(self, template: str, on: date) -> MailText | None:
        """Find the council's own words for a mail on a date."""
        return next((each for each in self.council.texts if each.template == template and each.holds_on(on)), None)

    def address_of(self, recipient_id: str) -> str | None:
        """Give the e-mail address of a person, or of a team written `team:<id>`."""
        if recipient_id.startswith(_TEAM_PREFIX):
            team = self._teams.get(recipient_id.removeprefix(_TEAM_PREFIX))
            return team.inbox if team else None
        person = self._councillors.get(recipient_id) or self._officers.get(recipient_id)
        return person.email if person else None
