"""What intake does when a command, a suggestion or a timer arrives: this file is the table.

A handler decides through the domain and returns the facts; it never writes, publishes or acknowledges by itself.
"""

from collections.abc import Callable
from typing import TypeVar

from services.intake import domain, ports
from services.intake.domain import Case
from shared.commands import (
    Accept,
    Acknowledge,
    AddCc,
    AddProgress,
    Answer,
    AnswerTask,
    Assign,
    Commit,
    Complete,
    ExtendAutoClose,
    OpenTask,
    RaiseCase,
    Refusal,
    RemoveCc,
    ReturnCase,
    TakeOver,
    TransferOwner,
)
from shared.council import Directory
from shared.events import Event, RoutingDecided, RoutingTriageNeeded, TimerDue, TimerReview
from shared.plumbing.handling import Aggregate, Facts, GiveUp, Handlers

E = TypeVar("E", bound=Event)
CASES = Aggregate(ports.CASES, Case, domain.evolve)
commands = Handlers()
events = Handlers()


@commands.into(CASES)
def raise_case(command: RaiseCase, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Raise a case, or report a problem."""
    return domain.raise_case(case, command, directory)


@commands.into(CASES)
def acknowledge(command: Acknowledge, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team take the case on."""
    return domain.acknowledge(case, command, directory)


@commands.into(CASES)
def add_progress(command: AddProgress, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team tell how it stands."""
    return domain.add_progress(case, command, directory)


@commands.into(CASES)
def commit(command: Commit, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team promise a date."""
    return domain.commit(case, command, directory)


@commands.into(CASES)
def answer(command: Answer, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team give its final response."""
    return domain.answer(case, command, directory)


@commands.into(CASES)
def complete(command: Complete, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team say the job is done."""
    return domain.complete(case, command, directory)


@commands.into(CASES)
def return_case(command: ReturnCase, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the team give the case back."""
    return domain.return_case(case, command, directory)


@commands.into(CASES)
def assign(command: Assign, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let people give the case to a team."""
    return domain.assign(case, command, directory)


@commands.into(CASES)
def open_task(command: OpenTask, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let another team have a part of the case."""
    return domain.open_task(case, command, directory)


@commands.into(CASES)
def answer_task(command: AnswerTask, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let a team say that its part is done."""
    return domain.answer_task(case, command, directory)


@commands.into(CASES)
def accept(command: Accept, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the councillor accept, and close."""
    return domain.accept(case, command, directory)


@commands.into(CASES)
def extend_auto_close(command: ExtendAutoClose, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let the councillor keep the case open for longer."""
    return domain.extend_auto_close(case, command, directory)


@commands.into(CASES)
def add_cc(command: AddCc, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let a colleague follow the case."""
    return domain.add_cc(case, command, directory)


@commands.into(CASES)
def remove_cc(command: RemoveCc, case: Case | None, directory: Directory) -> Facts | Refusal:
    """End a colleague's following."""
    return domain.remove_cc(case, command, directory)


@commands.into(CASES)
def take_over(command: TakeOver, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let a councillor take over a case that was offered."""
    return domain.take_over(case, command, directory)


@commands.into(CASES)
def transfer_owner(command: TransferOwner, case: Case | None, directory: Directory) -> Facts | Refusal:
    """Let Democratic Services give the case to another councillor."""
    return domain.transfer_owner(case, command, directory)


@events.into(CASES)
def give_to_team(event: RoutingDecided, case: Case | None, directory: Directory) -> Facts:
    """Give the case to the team that routing names."""
    return _unless_out_of_place(domain.route, case, event, directory)


@events.into(CASES)
def give_to_triage(event: RoutingTriageNeeded, case: Case | None, directory: Directory) -> Facts:
    """Give the case to Democratic Services, where routing names no team."""
    return _unless_out_of_place(domain.send_to_triage, case, event, directory)


@events.into(CASES)
def keep_time(event: TimerDue, case: Case | None, directory: Directory) -> Facts:
    """Do what the clock that ran out was set for."""
    return _unless_out_of_place(domain.fire, case, event, directory)


@events.into(CASES)
def look_at_owner(event: TimerReview, case: Case | None, directory: Directory) -> Facts:
    """Offer the case to others where its owner can no longer act."""
    return _unless_out_of_place(domain.review, case, event, directory)


def _unless_out_of_place(
    react: Callable[[Case | None, E, Directory], Facts], case: Case | None, event: E, directory: Directory
) -> Facts:
    """Set aside at once what no repetition can make true."""
    try:
        return react(case, event, directory)
    except domain.OutOfPlace as reason:
        raise GiveUp(str(reason)) from reason
