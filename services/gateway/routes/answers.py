"""From a command to its answer: 200, 201, 202, 409 or intake's refusal (architecture: answers)."""

from typing import Any, NamedTuple, TypeAlias

from fastapi import Response
from pydantic import ValidationError

from services.gateway.domain import Away, GatewayError, Invalid, NotFound, body_hash, lane_for
from services.gateway.ports import Decided, InFlight, Unavailable
from services.gateway.routes.forms import FormRefused, judge_form
from services.gateway.routes.look import look
from services.gateway.routes.parts import Caller, Parts
from services.gateway.routes.problems import field_problems, refused
from services.gateway.schemas import CaseOut, Done, PendingCase, PendingCommandOut, Sent
from shared.calendar import LONDON
from shared.commands import COMMANDS, Command, RaiseCase, command_id_for

CASES = "/v1/cases"
Answer: TypeAlias = CaseOut | PendingCase | Done


class Desk(NamedTuple):
    """Where a command is given: by whom, about which case, and the answer to be written."""

    parts: Parts
    caller: Caller
    reference: str
    response: Response

    async def give(self, name: str, body: Sent | None) -> Answer:
        """Give a command on a case and await what becomes of it."""
        return await self._give(name, body.model_dump(mode="json") if body else {})

    async def raise_case(self, body: Sent) -> Answer:
        """Give the order to raise a case, by the lane its service, flags and impact ask for."""
        fields = body.model_dump(mode="json")
        today = self.caller.now.astimezone(LONDON).date()
        judged = judge_form(self.parts.directory, fields, today)
        if isinstance(judged, FormRefused):
            if not await self._raised_before():
                raise judged
        else:
            fields["form_version"] = judged
        fields["lane"] = lane_for(self.parts.directory, fields["service"], frozenset(fields["flags"]), fields["impact"])
        self.parts.lanes.note(self.reference, fields["lane"])
        answer = await self._give(RaiseCase.name, fields)
        self.response.headers["Location"] = f"{CASES}/{self.reference}"
        return answer

    async def _raised_before(self) -> bool:
        """Say whether this request was sent on before: then its repetition finds what became of it."""
        try:
            await look(self.parts, self.caller, self.reference)
        except (NotFound, Unavailable):
            return False
        return True

    async def _give(self, name: str, fields: dict[str, Any]) -> Answer:
        parts, caller, reference, response = self
        command = _command(name, fields, caller, reference)
        urgent = parts.lanes.is_urgent(reference)
        command_id = command_id_for(parts.council_code, caller.person.id, caller.key)
        try:
            outcome = await parts.intake.command(command, command_id=command_id, urgent=urgent)
        except Unavailable:
            raise Away(
                "Nothing has been stored: repeat the request with the same Idempotency-Key.", code="not-taken"
            ) from None
        if isinstance(outcome, InFlight):
            raise GatewayError(
                "The same request is being worked on: repeat it in a second, with the same Idempotency-Key.",
                status=409,
                code="in-flight",
                title="Being worked on",
                headers={"Retry-After": "1"},
            )
        if not isinstance(outcome, Decided):
            response.status_code = 202
            response.headers["Location"] = f"{CASES}/{reference}"
            pending = PendingCommandOut(id=command_id, command=name, at=caller.now)
            return PendingCase(reference=reference, pending=(pending,))
        reply = outcome.reply
        if reply.refusal is not None:
            raise refused(reply.refusal)
        if name == RaiseCase.name and not reply.repeated:
            response.status_code = 201
        if reply.view is None:
            return Done(reference=reference)
        parts.lanes.note(reference, reply.view.lane)
        return CaseOut.model_validate(dict(reply.view))


def _command(name: str, fields: dict[str, Any], caller: Caller, reference: str) -> Command:
    stamped = {
        "at": caller.now,
        "actor": caller.person.id,
        "reference": reference,
        "body_hash": body_hash(name, reference, caller.body, caller.key),
    }
    try:
        return COMMANDS[name].model_validate(fields | stamped)
    except ValidationError as error:
        # The command's own rules are at least as strict as the body's schema.
        found = field_problems(error.errors(include_input=False, include_url=False))
        detail = " ".join(f"{each.field}: {each.problem} {each.fix}" for each in found[:3])
        raise Invalid(detail, field=found[0].field) from None
