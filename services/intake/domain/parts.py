"""Parts of a case that other teams do: each has a team, a time and an end of its own; the councillor sees one case.

A part stays with its team whatever becomes of the case's own team.
"""

from datetime import datetime

from services.intake.domain import words
from services.intake.domain.case import LEAD, Case, Facts
from services.intake.domain.clocks import targets_of, task_clock
from services.intake.domain.decisions import decision
from services.intake.domain.ending import other_has_done
from services.intake.domain.guards import Standing, parts_to_answer, teams_for_a_part
from shared.commands import AnswerTask, OpenTask, Refusal, refuse_conflict, refuse_invalid
from shared.council import Directory
from shared.events import CaseState, CaseTaskOpened, Clock, Fact, RoutingDecided, Task


@decision
def open_task(standing: Standing, command: OpenTask) -> Facts | Refusal:
    """Give another team a part of the case, with a time that counts from now."""
    directory, choice = standing.directory, teams_for_a_part(standing)
    if command.team not in choice:
        known = words.named((each, team.name) for each in choice if (team := directory.team(each)))
        sentence = f"This team cannot have a part of the case: choose among {known}."
        return refuse_invalid("not-a-team-for-a-part", "team", sentence)
    target = f"{command.days}wd" if command.days else targets_of(standing.case, directory).answer
    clock = task_clock(target, standing.now, standing.next_seq, directory)
    return (Fact(_opened(standing.case.public, command.team, clock, standing.now), {"text": command.text}),)


@decision
def answer_task(standing: Standing, command: AnswerTask) -> Facts | Refusal:
    """Say that a part is done; the last one ends the case, if its own team has done its part."""
    mine = parts_to_answer(standing)
    task = next((each for each in mine if each.number == command.number), None)
    if task:
        return other_has_done(standing, task, command.text)
    if any(each.number == command.number and each.done for each in standing.case.public.tasks):
        return refuse_conflict("part-done", "This part is done already.")
    choice = ", ".join(f"{each.number} ({words.teams([each.team], standing.directory)})" for each in mine)
    sentence = f"No part with this number waits for you: choose among {choice}."
    return refuse_invalid("not-your-part", "number", sentence)


def open_parts_for(case: Case, routed: CaseState, event: RoutingDecided, directory: Directory) -> Facts:
    """Open the parts a rule gives to further teams, right after the fact of routing and with the public state after it.

    A team that has or had a part gets no other: the case may have been routed before.
    """
    facts: list[CaseTaskOpened] = []
    public, seq = routed, case.seq + 1
    for part in event.also:
        if part.team in {public.team, *(task.team for task in public.tasks)}:
            continue
        seq += 1
        clock = task_clock(part.target or targets_of(case, directory).answer, event.at, seq, directory)
        facts.append(_opened(public, part.team, clock, event.at))
        public = facts[-1].case
    return facts


def _opened(public: CaseState, team: str, clock: Clock, at: datetime) -> CaseTaskOpened:
    number = max((task.number for task in public.tasks), default=LEAD) + 1
    tasks = (*public.tasks, Task(number=number, team=team))
    after = public.model_copy(update={"tasks": tasks, "clocks": (*public.clocks, clock)})
    return CaseTaskOpened(at=at, case=after, number=number, team=team, due=clock.due)
