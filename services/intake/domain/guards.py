"""When a command may be given: the guards that decisions and offered commands share.

An offer and a decision may never disagree, so whatever does not depend on a command's content is checked here.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from services.intake.domain import words
from services.intake.domain.case import Case, lead_is_done, open_parts
from services.intake.domain.clocks import autoclose_days, latest_extension, present_close
from services.intake.domain.policy import ORDER, Role, may_own, permitted_as, roles_in
from shared.commands import Command, Refusal, refuse_conflict
from shared.council import Directory, Team
from shared.events import CaseKind, State, Task

OPEN: frozenset[State] = frozenset(
    {
        "raised",
        "triage",
        "with_team",
        "in_progress",
        "information_requested",
        "committed",
        "answered",
        "escalated",
        "completed",
    }
)

FROM: Mapping[str, frozenset[State]] = MappingProxyType(
    {
        # Domain table 2.2.
        "acknowledge": frozenset({"with_team", "escalated"}),
        "add-progress": OPEN,
        "commit": frozenset({"in_progress"}),
        "answer": frozenset({"in_progress", "committed"}),
        "complete": frozenset({"in_progress", "committed"}),
        "return": frozenset({"with_team", "in_progress"}),
        "assign": OPEN,
        "open-task": OPEN - {"raised", "answered", "completed"},
        "answer-task": OPEN - {"answered", "completed"},
        "accept": frozenset({"answered", "completed"}),
        "extend-auto-close": frozenset({"committed", "answered", "completed"}),
        "add-cc": OPEN | {"closed"},
        "remove-cc": OPEN | {"closed"},
        "take-over": OPEN,
        "transfer-owner": OPEN,
    }
)

MOST_PARTS = 99
"""As many numbers as a command can name."""

ONLY: Mapping[str, CaseKind] = MappingProxyType({"answer": "case", "complete": "report"})

UNKNOWN_CASE = Refusal(
    code="unknown-case",
    kind="not_found",
    sentence="There is no case with this reference that you may see. Compare the reference with your e-mail, or ask "
    "the councillor who has the case.",
)
"""The same words whether the case does not exist or is none of this person's business."""


class Standing(NamedTuple):
    """Somebody before a case: in which role the command is given, and when."""

    case: Case
    role: Role
    person: str
    now: datetime
    directory: Directory

    @property
    def today(self) -> date:
        """The local date."""
        return self.directory.calendar.local_date(self.now)

    @property
    def next_seq(self) -> int:
        """`caseseq` of the fact that is being decided."""
        return self.case.seq + 1

    @property
    def places(self) -> bool:
        """Say whether this person places cases for Democratic Services, whatever else the person is to the case."""
        return "admin" in roles_in(self.case, self.person, self.directory, self.today)


def stand(case: Case | None, command: Command, directory: Directory) -> Standing | Refusal:
    """Let a person give a command, as far as anything but the command's content is concerned."""
    today = directory.calendar.local_date(command.at)
    roles = roles_in(case, command.actor, directory, today) if case else ()
    if case is None or not roles:
        return UNKNOWN_CASE
    if command.on_behalf_of not in {None, command.actor}:
        return acting_for_another()
    role = permitted_as(roles, command.name)
    if role is None or not is_switched_on(case, command.name, directory, today):
        instead = offered(case, command.actor, directory, command.at)
        code, why = (
            ("not-switched-on", words.NOT_SWITCHED_ON) if role else ("not-permitted", words.WHO_MAY[command.name])
        )
        return Refusal(code=code, kind="forbidden", sentence=f"{why} {words.you_may(instead)}", instead=instead)
    standing = Standing(case, role, command.actor, command.at, directory)
    refusal = possible(command.name, standing)
    return with_offers(refusal, standing) if refusal else standing


def acting_for_another() -> Refusal:
    """Refuse to act on behalf of somebody who has not granted it."""
    return Refusal(
        code="not-delegated",
        kind="forbidden",
        field="on_behalf_of",
        sentence="You hold no right to act for this person. Leave out `on_behalf_of`, or ask Democratic Services to "
        "record the delegation.",
    )


def possible(command: str, standing: Standing) -> Refusal | None:
    """Say why the case as it stands does not take a command; None if it does."""
    case = standing.case
    state, kind = case.public.state, case.public.kind
    if state == "closed" and state not in FROM[command]:
        return refuse_conflict("closed", "The case is closed: if something is still to be done, raise a new case.")
    if ONLY.get(command, kind) != kind:
        return refuse_conflict("wrong-kind", words.WRONG_KIND[command])
    if state not in FROM[command]:
        return refuse_conflict(f"not-in-{state.replace('_', '-')}", f"{words.WHEN[command]} {words.IT_IS[state]}")
    check = _MORE.get(command)
    return check(standing) if check else None


def offered(case: Case, person: str, directory: Directory, now: datetime) -> tuple[str, ...]:
    """Name the commands that this person may give now and that would be accepted if they are well formed."""
    today = directory.calendar.local_date(now)
    roles = roles_in(case, person, directory, today)
    mine = ((name, role) for name in ORDER if (role := permitted_as(roles, name)))
    return tuple(
        name
        for name, role in mine
        if is_switched_on(case, name, directory, today)
        and possible(name, Standing(case, role, person, now, directory)) is None
    )


def is_switched_on(case: Case, command: str, directory: Directory, on: date) -> bool:
    """Say whether no feature keeps a command from a case; a case keeps the features it was raised under.

    One that was raised before features were kept has those its owner has now.
    """
    feature = directory.feature_of(command)
    if feature is None:
        return True
    return feature in (case.features if case.targets else directory.features_of(case.public.owner, on))


def receiving_teams(standing: Standing) -> frozenset[str]:
    """Name the teams of today that this person may give the case to: a manager those of the department, others any."""
    public, directory = standing.case.public, standing.directory
    present = directory.team(public.team) if public.team else None
    return frozenset(
        team.id
        for team in _teams_today(standing)
        if (team.id != public.team or public.state == "triage")  # what waits in triage may be for that team itself
        and (standing.places or (present is not None and team.department == present.department))
    )


def teams_for_a_part(standing: Standing) -> frozenset[str]:
    """Name the teams of today that may get a part: not the one that has the case, nor one whose part is still open."""
    public = standing.case.public
    busy = {public.team, *(task.team for task in open_parts(public))}
    return frozenset(team.id for team in _teams_today(standing)) - busy


def parts_to_answer(standing: Standing) -> tuple[Task, ...]:
    """Give the open parts this person may say are done: those of their own teams, Democratic Services any."""
    parts = open_parts(standing.case.public)
    if standing.places:
        return parts
    own = standing.directory.teams_of(standing.person, standing.today)
    return tuple(task for task in parts if task.team in own)


def _teams_today(standing: Standing) -> tuple[Team, ...]:
    return tuple(team for team in standing.directory.council.teams if team.holds_on(standing.today))


def colleagues(standing: Standing) -> frozenset[str]:
    """Name the councillors who may still be cc'd: of the case's ward today, neither the owner nor cc'd."""
    public = standing.case.public
    fellows = standing.directory.fellow_councillors(public.ward, standing.today)
    return fellows - {public.owner, *public.cc}


def successors(standing: Standing) -> frozenset[str]:
    """Name the councillors who could act as the owner of the case today, the present one among them."""
    case, directory = standing.case, standing.directory
    people = (each.id for each in directory.council.councillors)
    return frozenset(each for each in people if may_own(case, each, directory, standing.today))


def extension_bounds(standing: Standing) -> tuple[date, date]:
    """Give the first and the last day an extension may name now."""
    present = present_close(standing.case, standing.directory) or standing.today
    first = max(present, standing.today) + timedelta(days=1)
    return first, latest_extension(standing.now, standing.directory)


def _can_be_extended(standing: Standing) -> Refusal | None:
    never_armed = autoclose_days(standing.case, standing.directory) is None
    if never_armed and standing.case.public.clock("autoclose") is None:
        return refuse_conflict("never-closes", "This one never closes by itself, so there is nothing to extend.")
    first, last = extension_bounds(standing)
    if first > last:
        return refuse_conflict(
            "extended-to-the-limit",
            f"The case stays open until {words.day(first - timedelta(days=1))} already, the furthest that can be set "
            "now: extend it again nearer the time.",
        )
    return None


def _has_a_colleague(standing: Standing) -> Refusal | None:
    if colleagues(standing):
        return None
    return refuse_conflict("nobody-to-cc", "Every councillor of the ward follows the case already.")


def _has_a_cc(standing: Standing) -> Refusal | None:
    if standing.case.public.cc:
        return None
    return refuse_conflict("nobody-cc", "Nobody is cc'd on this case, so there is nobody to remove.")


def _has_a_successor(standing: Standing) -> Refusal | None:
    if successors(standing):
        return None
    return refuse_conflict(
        "nobody-to-own", "Nobody holds the portfolio today: publish who holds it in the council data first."
    )


def _owes_its_own_part(standing: Standing) -> Refusal | None:
    public = standing.case.public
    if not lead_is_done(public):
        return None
    waiting = words.teams((task.team for task in open_parts(public)), standing.directory)
    return refuse_conflict(
        "own-part-done", f"The part of your team is done: the case is answered when the others are, too: {waiting}."
    )


def _has_no_open_part(standing: Standing) -> Refusal | None:
    parts = open_parts(standing.case.public)
    if not parts:
        return None
    waiting = words.teams((task.team for task in parts), standing.directory)
    return refuse_conflict("parts-open", f"Other teams have not done their parts of it yet: {waiting}.")


def _has_a_reason(standing: Standing) -> Refusal | None:
    if standing.directory.reasons("return", standing.today):
        return None
    sentence = "The council has no reasons for giving a case back: ask Democratic Services to move it."
    return refuse_conflict("no-reasons", sentence)


def _has_a_receiver(standing: Standing) -> Refusal | None:
    if receiving_teams(standing):
        return None
    sentence = "Your department has no other team today: ask Democratic Services to move the case."
    return refuse_conflict("nobody-to-assign", sentence)


def _can_have_a_part(standing: Standing) -> Refusal | None:
    if len(standing.case.parts) >= MOST_PARTS:
        return refuse_conflict("too-many-parts", f"A case has at most {MOST_PARTS} parts: raise a new case for more.")
    if teams_for_a_part(standing):
        return None
    return refuse_conflict("nobody-for-a-part", "Every other team has a part of this case already.")


def _has_a_part_to_answer(standing: Standing) -> Refusal | None:
    if parts_to_answer(standing):
        return None
    return refuse_conflict("no-open-part", "No part of this case waits for you.")


_MORE: Mapping[str, Callable[[Standing], Refusal | None]] = MappingProxyType(
    {
        "answer": _owes_its_own_part,
        "complete": _owes_its_own_part,
        "return": _has_a_reason,
        "assign": _has_a_receiver,
        "open-task": _can_have_a_part,
        "answer-task": _has_a_part_to_answer,
        "accept": _has_no_open_part,
        "extend-auto-close": _can_be_extended,
        "add-cc": _has_a_colleague,
        "remove-cc": _has_a_cc,
        "transfer-owner": _has_a_successor,
    }
)


def with_offers(refusal: Refusal, standing: Standing) -> Refusal:
    """Add to a conflict what this person may do now."""
    if refusal.kind != "conflict" or refusal.instead:
        return refusal
    instead = offered(standing.case, standing.person, standing.directory, standing.now)
    sentence = f"{refusal.sentence} {words.you_may(instead)}" if instead else refusal.sentence
    return refusal.model_copy(update={"instead": instead, "sentence": sentence})
