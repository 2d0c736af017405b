"""What becomes of each command on a case: facts, or a refusal that says what to do.

A decision is told the time by its command. It never changes a case: it says what the case looks like after each fact.
"""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, TypeVar

from services.intake.domain import words
from services.intake.domain.case import Case, Facts
from services.intake.domain.clocks import (
    LEAVE_AFTER_PROMISE,
    autoclose_clocks,
    commitment_clock,
    present_close,
)
from services.intake.domain.ending import lead_has_done
from services.intake.domain.guards import (
    Standing,
    colleagues,
    extension_bounds,
    stand,
    with_offers,
)
from shared.calendar import BeyondHorizon
from shared.commands import (
    Accept,
    Acknowledge,
    AddCc,
    AddProgress,
    Answer,
    Command,
    Commit,
    Complete,
    ExtendAutoClose,
    Refusal,
    RemoveCc,
    refuse_conflict,
    refuse_invalid,
)
from shared.council import Directory
from shared.events import (
    CaseAcknowledged,
    CaseAutocloseExtended,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCommitted,
    CaseProgressed,
    CaseState,
    Fact,
)

C = TypeVar("C", bound=Command)


def decision(
    decide: Callable[[Standing, C], Facts | Refusal],
) -> Callable[[Case | None, C, Directory], Facts | Refusal]:
    """Let a decision be asked only by those who may, and tell the refused what they may do instead."""

    @wraps(decide)
    def decided(case: Case | None, command: C, directory: Directory) -> Facts | Refusal:
        standing = stand(case, command, directory)
        if isinstance(standing, Refusal):
            return standing
        try:
            result = decide(standing, command)
        except BeyondHorizon as beyond:
            return _beyond(beyond.known_until)
        return with_offers(result, standing) if isinstance(result, Refusal) else result

    return decided


@decision
def acknowledge(standing: Standing, command: Acknowledge) -> Facts | Refusal:
    """Take the case on: the acknowledge clock stops, and nobody is called out again."""
    public = standing.case.public
    clocks = tuple(clock for clock in public.clocks if clock.kind not in {"acknowledge", "alert"})
    after = _after(public, state="in_progress", clocks=clocks)
    return (CaseAcknowledged(at=command.at, case=after, team=_team(public)),)


@decision
def add_progress(standing: Standing, command: AddProgress) -> Facts | Refusal:
    """Tell how it stands; nothing else changes."""
    return (Fact(CaseProgressed(at=command.at, case=standing.case.public), {"text": command.text}),)


@decision
def commit(standing: Standing, command: Commit) -> Facts | Refusal:
    """Promise a date: the answer clock stops, the commitment clock runs to the end of that day."""
    known_until = standing.directory.calendar.known_until
    if command.promised < standing.today:
        return refuse_invalid(
            "promise-in-the-past", "promised", f"The promised day is past: name {words.day(standing.today)} or later."
        )
    if command.promised > known_until:
        return refuse_invalid(
            "promise-too-far",
            "promised",
            f"The council's calendar is known until {words.day(known_until)}: promise a day up to then.",
        )
    if command.not_before and command.not_before > command.promised:
        return refuse_invalid(
            "range-reversed", "not_before", "The range ends before it begins: give `not_before` a day up to `promised`."
        )
    clock = commitment_clock(command.promised, standing.next_seq, standing.directory)
    parts = (each for each in standing.case.public.clocks if each.kind == "task")
    after = _after(standing.case.public, state="committed", clocks=(clock, *parts))
    fact = CaseCommitted(at=command.at, case=after, promised=command.promised, not_before=command.not_before)
    return (Fact(fact, {"text": command.text}),)


@decision
def answer(standing: Standing, command: Answer) -> Facts | Refusal:
    """Give the final response, or the part of it that is the team's own: the councillor reviews it, auto-close runs."""
    return lead_has_done(standing, command.text)


@decision
def complete(standing: Standing, command: Complete) -> Facts | Refusal:
    """Say the reported job is done, or the team's own part of it: auto-close runs."""
    return lead_has_done(standing, command.text, command.reason)


@decision
def accept(standing: Standing, command: Accept) -> Facts | Refusal:
    """Accept the response or completion, and close."""
    after = _after(standing.case.public, state="closed", clocks=())
    return (CaseClosed(at=command.at, case=after, reason="accepted", outcome=command.outcome),)


@decision
def extend_auto_close(standing: Standing, command: ExtendAutoClose) -> Facts | Refusal:
    """Keep the case open until a later day; while auto-close runs, it and its warnings move to that day."""
    until = _extended_to(standing, command)
    if isinstance(until, Refusal):
        return until
    first, last = extension_bounds(standing)
    field = "to_commitment" if command.to_commitment else "until"
    if until <= standing.today:
        sentence = f"The day must lie ahead: name one from {words.day(first)} to {words.day(last)}."
        return refuse_invalid("extension-into-the-past", field, sentence)
    if until < first:
        present = present_close(standing.case, standing.directory)
        reason = f"The case stays open until {words.day(present)} already: " if present else ""
        sentence = f"{reason}name a day from {words.day(first)} to {words.day(last)}."
        return refuse_invalid("not-an-extension", field, sentence)
    if until > last:
        sentence = (
            f"A case can be kept open until {words.day(last)} for now: name a day up to then, and extend again later."
        )
        return refuse_invalid("extension-too-far", field, sentence)
    public = standing.case.public
    if public.clock("autoclose"):
        seq = standing.next_seq
        clocks = autoclose_clocks(standing.case, (until, "date"), standing.now, seq, standing.directory)
        public = _after(public, clocks=clocks)
    return (Fact(CaseAutocloseExtended(at=command.at, case=public, until=until), {"reason": command.reason}),)


@decision
def add_cc(standing: Standing, command: AddCc) -> Facts | Refusal:
    """Let a fellow ward councillor follow the case."""
    public, directory = standing.case.public, standing.directory
    if command.person in public.cc:
        return refuse_conflict("cc-already", "This colleague follows the case already.")
    candidates = colleagues(standing)
    if command.person not in candidates:
        known = [(each, person.full_name) for each in candidates if (person := directory.councillor(each))]
        sentence = f"Only fellow councillors of the case's ward can be cc'd: choose among {words.named(known)}."
        return refuse_invalid("not-a-fellow-councillor", "person", sentence)
    after = _after(public, cc=(*public.cc, command.person))
    return (CaseCcAdded(at=command.at, case=after, person=command.person),)


@decision
def remove_cc(standing: Standing, command: RemoveCc) -> Facts | Refusal:
    """End a colleague's following; the colleague may do so alone."""
    public = standing.case.public
    if standing.role == "cc" and command.person != standing.person:
        sentence = "You can leave the case yourself; only the councillor who has it can remove somebody else."
        return Refusal(code="not-yourself", kind="forbidden", field="person", sentence=sentence)
    if command.person not in public.cc:
        following = [(each, person.full_name) for each in public.cc if (person := standing.directory.councillor(each))]
        sentence = f"This person does not follow the case: choose among {words.named(following)}."
        return refuse_invalid("not-cc", "person", sentence)
    after = _after(public, cc=tuple(each for each in public.cc if each != command.person))
    return (CaseCcRemoved(at=command.at, case=after, person=command.person),)


def _after(public: CaseState, **changes: Any) -> CaseState:
    return public.model_copy(update=changes)


def _team(public: CaseState) -> str:
    if public.team is None:
        raise ValueError("a case that waits for its team has none")  # no state allows it
    return public.team


def _extended_to(standing: Standing, command: ExtendAutoClose) -> date | Refusal:
    """Read which day is meant."""
    if (command.until is not None) == command.to_commitment:
        sentence = "Say until when: either a day in `until`, or `to_commitment: true`, and not both."
        return refuse_invalid("until-when", "until", sentence)
    if command.until is not None:
        return command.until
    promised = standing.case.promised
    if promised is None:
        sentence = "The team has promised no date yet: name a day in `until` instead."
        return refuse_invalid("no-promise", "to_commitment", sentence)
    return standing.directory.calendar.add_working_days(promised, LEAVE_AFTER_PROMISE)


def _beyond(known_until: date) -> Refusal:
    return refuse_conflict(
        "calendar-ends",
        f"The day would lie beyond {words.day(known_until)}, where the council's calendar ends: choose an earlier day, "
        "or ask Democratic Services to publish the next calendar.",
    )
