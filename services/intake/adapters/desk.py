"""The desk: replies to those who gave commands, and answers those who ask.

A case that a person may not see and a case that does not exist are answered with the same emptiness.
"""

from collections.abc import Callable

from pydantic import BaseModel

from services.intake.adapters.case_file import open_file
from services.intake.domain import case_summary, case_view, event_views, membership, team_work
from services.intake.ports import CaseFile, Wish
from shared.commands import (
    CaseReply,
    CasesReply,
    Command,
    CommandReply,
    EventsReply,
    GetCase,
    GetEvents,
    ListCases,
    Query,
    RaiseCase,
    Refusal,
    RefusedCase,
    RefusedCommand,
)
from shared.council import Directory
from shared.plumbing.history import Document
from shared.plumbing.vault import Vault


class CaseDesk:
    """Answers for the case file; the council is asked for anew each time, so that it is current."""

    def __init__(self, case_file: CaseFile, vault: Vault, directory: Callable[[], Directory]) -> None:
        self._case_file = case_file
        self._vault = vault
        self._directory = directory

    async def reply(
        self,
        command: Command,
        command_id: str,  # noqa: ARG002  the plumbing's interface
        document: Document | None,
        refusal: Refusal | None,
        *,
        repeated: bool,
    ) -> CommandReply:
        """Say what became of a command; with a yes, show the case as it stands now."""
        if refusal is not None:
            return CommandReply(outcome="refused", repeated=repeated, refusal=refusal)
        view = None
        if document is not None:
            refused = await self._refused_commands(command)
            filed = open_file(document, self._vault)
            view = case_view(filed, command.actor, self._directory(), command.at, refused)
        return CommandReply(outcome="accepted", repeated=repeated, view=view)

    async def answer(self, query: Query) -> BaseModel:
        """Answer a question.

        Raises:
            TypeError: intake does not know the question.
        """
        match query:
            case GetCase():
                return await self._case(query)
            case ListCases():
                return await self._cases(query)
            case GetEvents():
                return await self._events(query)
            case _:
                raise TypeError(f"intake has no answer to {query.type}")

    async def _case(self, query: GetCase) -> CaseReply:
        filed = await self._case_file.find(query.reference)
        refusals = await self._case_file.refusals(query.reference, query.actor)
        others = [each for each in refusals if each.command != RaiseCase.name]
        view = case_view(filed, query.actor, self._directory(), query.at, others) if filed else None
        raising = next((each for each in refusals if each.command == RaiseCase.name), None)
        refused = None
        if view is None and raising is not None:
            refused = RefusedCase(reference=query.reference, refusal=raising.refusal, at=raising.at)
        own = {each.id for each in refusals}
        own.update(record.cause for record in (filed.records if filed else ()) if record.actor == query.actor)
        decided = tuple(command for command in query.commands if command in own)
        return CaseReply(view=view, refused=refused, decided=decided)

    async def _cases(self, query: ListCases) -> CasesReply:
        directory = self._directory()
        today = directory.calendar.local_date(query.at)
        work, member = team_work(query.actor, directory, today), membership(query.actor, directory, today)
        wish = Wish(query.actor, work, query.states, query.limit, query.after, member)
        page = await self._case_file.page(wish)
        lines = (case_summary(filed, query.actor, directory, today) for filed in page.cases)
        return CasesReply(cases=tuple(line for line in lines if line), next=page.next, total=page.total)

    async def _events(self, query: GetEvents) -> EventsReply:
        filed = await self._case_file.find(query.reference)
        directory = self._directory()
        today = directory.calendar.local_date(query.at)
        events = event_views(filed, query.actor, directory, today, query.after) if filed else None
        if filed is None or events is None:
            return EventsReply(found=False)
        return EventsReply(found=True, events=events[: query.limit], last=filed.case.seq)

    async def _refused_commands(self, command: Command) -> list[RefusedCommand]:
        if isinstance(command, RaiseCase):
            return []
        return list(await self._case_file.refusals(command.reference, command.actor))
