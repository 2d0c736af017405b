"""Looking at one case: what intake says, and what of this person's commands is still undecided."""

from services.gateway.domain import NotFound
from services.gateway.ports import PendingCommand, Unavailable
from services.gateway.routes.parts import Caller, Parts
from services.gateway.schemas import CaseOut, PendingCase, PendingCommandOut, RefusedOut
from shared.commands import CaseReply, CasesReply, GetCase, ListCases, RaiseCase

_MOST = 50
"""Commands asked about at once: a message stays small."""


async def look(parts: Parts, caller: Caller, reference: str) -> CaseOut | PendingCase | RefusedOut:
    """Show a case, or that it is pending or was refused.

    Raises:
        NotFound: there is no such case, or this person may not know of it.
        Unavailable: intake cannot be asked, and nothing is known here.
    """
    pending = tuple(await parts.outbasket.pending(reference, caller.person.id))[:_MOST]
    asked = GetCase(
        at=caller.now, actor=caller.person.id, reference=reference, commands=tuple(each.id for each in pending)
    )
    try:
        reply = await parts.intake.ask(asked, CaseReply)
    except Unavailable:
        if not _raising(pending):
            raise
        return PendingCase(reference=reference, pending=pending_out(pending))  # what 202 promised holds meanwhile
    if reply.decided:
        await parts.outbasket.decided(reply.decided)
    open_ = tuple(each for each in pending if each.id not in reply.decided)
    if reply.view is not None:
        parts.lanes.note(reference, reply.view.lane)
        return CaseOut.model_validate(dict(reply.view) | {"pending": pending_out(open_)})
    if reply.refused is not None:
        refused = reply.refused
        return RefusedOut(reference=refused.reference, at=refused.at, refusal=refused.refusal)
    if _raising(open_):
        return PendingCase(reference=reference, pending=pending_out(open_))
    raise NotFound("There is no such case, or it is not yours to see.", code="no-such-case")


async def look_through(parts: Parts, asked: ListCases) -> CasesReply:
    """Show a page of a person's cases.

    Raises:
        Unavailable: intake cannot be asked.
    """
    reply = await parts.intake.ask(asked, CasesReply)
    for line in reply.cases:
        parts.lanes.note(line.reference, line.lane)
    return reply


def pending_out(commands: tuple[PendingCommand, ...]) -> tuple[PendingCommandOut, ...]:
    """List undecided commands as they are shown."""
    return tuple(PendingCommandOut(id=each.id, command=each.command, at=each.at) for each in commands)


def _raising(pending: tuple[PendingCommand, ...]) -> bool:
    return any(each.command == RaiseCase.name for each in pending)
