"""When a command may be given: the guards that decisions and offered commands share.

An offer and a decision may never disagree, so whatever does not depend on a command's content is checked here.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from services.intake.domain import words
from services.intake.domain.case import Case
from services.intake.domain.clocks import autoclose_days, latest_extension, present_close
from services.intake.domain.policy import ORDER, Role, permits, role_of
from shared.commands import Command, Refusal, refuse_conflict
from shared.council import Directory
from shared.events import CaseKind, State

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
        "accept": frozenset({"answered", "completed"}),
        "extend-auto-close": frozenset({"committed", "answered", "completed"}),
        "add-cc": OPEN | {"closed"},
        "remove-cc": OPEN | {"closed"},
    }
)

ONLY: Mapping[str, CaseKind] = MappingProxyType({"answer": "case", "complete": "report"})

UNKNOWN_CASE = Refusal(
    code="unknown-case",
    kind="not_found",
    sentence="There is no case with this reference that you may see. Compare the reference with your e-mail, or ask "
    "the councillor who raised the case.",
)
"""The same words whether the case does not exist or is none of this person's business."""


class Standing(NamedTuple):
    """Somebody before a case: in which role, and when."""

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


def stand(case: Case | None, command: Command, directory: Directory) -> Standing | Refusal:
    """Let a person give a command, as far as anything but the command's content is concerned."""
    today = directory.calendar.local_date(command.at)
    role = role_of(case, command.actor, directory, today) if case else None
    if case is None or role is None:
        return UNKNOWN_CASE
    if command.on_behalf_of not in {None, command.actor}:
        return acting_for_another()
    standing = Standing(case, role, command.actor, command.at, directory)
    if not permits(role, command.name):
        instead = offered(case, command.actor, directory, command.at)
        return Refusal(
            code="not-permitted",
            kind="forbidden",
            sentence=f"{words.WHO_MAY[command.name]} {words.you_may(instead)}",
            instead=instead,
        )
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
    role = role_of(case, person, directory, directory.calendar.local_date(now))
    if role is None:
        return ()
    standing = Standing(case, role, person, now, directory)
    return tuple(name for name in ORDER if permits(role, name) and possible(name, standing) is None)


def colleagues(standing: Standing) -> frozenset[str]:
    """Name the councillors who may still be cc'd: of the case's ward today, neither the owner nor cc'd."""
    public = standing.case.public
    fellows = standing.directory.fellow_councillors(public.ward, standing.today)
    return fellows - {public.owner, *public.cc}


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


_MORE: Mapping[str, Callable[[Standing], Refusal | None]] = MappingProxyType(
    {"extend-auto-close": _can_be_extended, "add-cc": _has_a_colleague, "remove-cc": _has_a_cc}
)


def with_offers(refusal: Refusal, standing: Standing) -> Refusal:
    """Add to a conflict what this person may do now."""
    if refusal.kind != "conflict" or refusal.instead:
        return refusal
    instead = offered(standing.case, standing.person, standing.directory, standing.now)
    sentence = f"{refusal.sentence} {words.you_may(instead)}" if instead else refusal.sentence
    return refusal.model_copy(update={"instead": instead, "sentence": sentence})
