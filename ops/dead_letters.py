"""Dead letters: look at what could not be handled, and send it home once the cause is mended.

The one rule: a letter is acknowledged only after the broker has confirmed its copy on the retry ladder. Whoever dies in
between leaves it twice, and its service finds the effect of the first; none is ever lost.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from rich.console import Group, RenderableType
from rich.text import Text

from ops.connections import System
from shared.commands import COMMANDS, QUERIES, Asked
from shared.events import CATALOGUE, Lane
from shared.plumbing.envelope import ATTEMPT, FIRST_FAILED, HEADER
from shared.plumbing.sealed import FIELD as SEALED
from shared.plumbing.setting_aside import ERROR, FAILED_AT, QUEUE, REASON
from shared.plumbing.topology import CONSUMERS, RETRY, STEP, WORK_QUEUES, dead_queue

FIRST_STEP = "5s"
"""The step of the ladder a replayed message goes home by."""
_FORGOTTEN = (REASON, ERROR, FAILED_AT, ATTEMPT, STEP)
"""Headers that go with a replay: the message may climb the whole ladder again. When it first failed stays."""
_SHOWN = 200
WITHIN = 10.0
"""Seconds to reach the broker."""

Progress = Callable[[int, int], None]
"""Told how many letters have been looked at, and of how many."""


class DeadLetterRefused(RuntimeError):
    """What was asked cannot be done; the message says why, and nothing was lost."""


class DeadLetter(BaseModel):
    """A message that could not be handled, as far as it is public."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The message's own id; what came without one is known by a digest, `no-id-…`."""
    type: str
    service: str
    reason: str
    """`malformed`, `unknown-type`, `forged`, `crashed`, `gave-up:…`, `exhausted:…`; `broker:…`: the broker moved it."""
    error: str
    """Type of the error, or the places that break a rule; never what was sent."""
    attempt: int
    queue: str
    """The work queue it came from."""
    first_failed: str
    failed_at: str
    lane: Lane
    case: str
    correlation: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None
    """Its public fields, None where nobody knows which these are; what is sealed is not shown."""
    size: int
    """Bytes of the whole body."""


async def list_dead(system: System, service: str | None = None) -> list[DeadLetter]:
    """List the dead letters of a service, or of all, oldest first.

    They are taken from their queue and put back in their place: nobody else sees them meanwhile.

    Raises:
        DeadLetterRefused: there is no such service, or the broker does not answer.
    """
    services = _services(service)
    async with _channel(system) as channel:
        return [_read(message, each) for each in services async for message in _each(channel, each)]


async def show(system: System, message_id: str, service: str | None = None) -> DeadLetter:
    """Give one dead letter.

    Raises:
        DeadLetterRefused: no letter has this id, or those of several services have; or the broker does not answer.
    """
    found = [letter for letter in await list_dead(system, service) if letter.id == message_id]
    if not found:
        raise DeadLetterRefused(f"there is no dead letter {message_id}: see `casework dead list`")
    if others := {letter.service for letter in found[1:]} - {found[0].service}:
        names = ", ".join(sorted({found[0].service, *others}))
        raise DeadLetterRefused(f"{message_id} is a dead letter of {names}: name the service, too")
    return found[0]


async def replay(
    system: System,
    *,
    ids: Collection[str] = (),
    service: str | None = None,
    reason: str | None = None,
    progress: Progress = lambda _looked_at, _of: None,
) -> int:
    """Send letters back to the queues they came from, where they arrive within seconds; how many were sent.

    Args:
        system: the running system.
        ids: these only; without ids all there are.
        service: of this service only.
        reason: with this reason only, e.g. `failed` (also `exhausted:failed`).
        progress: told after each letter.

    Raises:
        DeadLetterRefused: an id is unknown, or a letter does not say where it came from (all others have been sent);
            or the broker does not answer.
    """
    services = _services(service)
    sent, homeless = 0, 0
    missing = set(ids)
    async with _channel(system) as channel:
        retry = await channel.get_exchange(RETRY)
        counts = {each: await _count(channel, each) for each in services}
        looked_at, total = 0, sum(counts.values())
        for each in services:
            async for message in _each(channel, each, counts[each]):
                letter = _read(message, each)
                if (not ids or letter.id in ids) and (reason is None or _is(letter.reason, reason)):
                    missing.discard(letter.id)
                    if letter.queue in _homes(each):
                        await _send_home(message, letter.queue, retry)
                        sent += 1
                    else:
                        homeless += 1
                looked_at += 1
                progress(looked_at, total)
    if homeless:
        raise DeadLetterRefused(f"{sent} replayed; {homeless} do not say which queue they came from, and stay")
    if missing:
        raise DeadLetterRefused(f"{sent} replayed; there is no dead letter {', '.join(sorted(missing))}")
    return sent


def render(letters: Sequence[DeadLetter]) -> RenderableType:
    """Show a list to a person, two lines each: the id, which the next command needs, where from, what and why."""
    lines = []
    for letter in letters:
        why = f"{letter.reason} ({letter.error})" if letter.error else letter.reason
        lines.append(Text(f"{letter.id}  {letter.queue}", style="bold"))
        lines.append(Text(f"    {letter.type}  {why}  first failed {letter.first_failed[:19]}"))
    return Group(*lines)


async def _send_home(message: AbstractIncomingMessage, queue: str, retry: AbstractExchange) -> None:
    """Copy a letter to the ladder, wait for the confirm, and only then acknowledge it."""
    headers = {
        name: value
        for name, value in message.headers.items()
        if name not in _FORGOTTEN and not name.startswith("x-")  # x-…: the broker's own
    }
    copy = aio_pika.Message(
        message.body,
        headers={**headers, STEP: FIRST_STEP},
        content_type=message.content_type,
        type=message.type,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        timestamp=message.timestamp,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await retry.publish(copy, routing_key=queue, mandatory=True, timeout=WITHIN)
    await message.ack()


@asynccontextmanager
async def _channel(system: System) -> AsyncIterator[AbstractChannel]:
    try:
        async with (
            await aio_pika.connect(system.rabbit_url, timeout=WITHIN) as connection,
            connection.channel(publisher_confirms=True, on_return_raises=True) as channel,
        ):
            yield channel
    except (AMQPError, OSError, TimeoutError) as error:
        raise DeadLetterRefused(f"the broker: {type(error).__name__}: {error}") from error


async def _count(channel: AbstractChannel, service: str) -> int:
    queue = await channel.declare_queue(dead_queue(service), passive=True)
    return queue.declaration_result.message_count or 0


async def _each(
    channel: AbstractChannel, service: str, at_most: int | None = None
) -> AsyncIterator[AbstractIncomingMessage]:
    """Give the letters that are there now, in order; what was not acknowledged goes back to its place at the end.

    A look counts as a delivery, which is why the delivery limit of these queues is a million.
    """
    queue = await channel.get_queue(dead_queue(service), ensure=False)
    taken: list[AbstractIncomingMessage] = []
    for _ in range(await _count(channel, service) if at_most is None else at_most):
        message = await queue.get(fail=False, timeout=WITHIN)
        if message is None:
            break
        taken.append(message)
        yield message
    if kept := [message for message in taken if not message.processed]:
        await kept[-1].nack(multiple=True, requeue=True)


def _services(service: str | None) -> Collection[str]:
    if service is None:
        return CONSUMERS
    if service not in CONSUMERS:
        raise DeadLetterRefused(f"service: {service} has no dead letters; choose one of {', '.join(CONSUMERS)}")
    return (service,)


def _homes(service: str) -> Iterable[str]:
    return (work.name for work in WORK_QUEUES if work.service == service)


def _is(reason: str, wanted: str) -> bool:
    return wanted in reason.split(":") or wanted == reason


def _read(message: AbstractIncomingMessage, service: str) -> DeadLetter:
    headers = {_text(name): _text(value) for name, value in sorted(message.headers.items())}
    kind = message.type or headers.get(f"{HEADER}type", "")
    moved = headers.get("x-first-death-reason")
    queue = headers.get(QUEUE) or headers.get("x-first-death-queue", "")
    return DeadLetter(
        id=_text(message.message_id or headers.get(f"{HEADER}id") or _digest(message)),
        type=_text(kind),
        service=service,
        reason=headers.get(REASON) or (f"broker:{moved}" if moved else ""),
        error=headers.get(ERROR, ""),
        attempt=int(attempt) if (attempt := headers.get(ATTEMPT, "")).isdecimal() else 0,
        queue=queue,
        first_failed=headers.get(FIRST_FAILED, ""),
        failed_at=headers.get(FAILED_AT, ""),
        lane="urgent" if queue.endswith(".urgent") else "normal",
        case=headers.get(f"{HEADER}subject", ""),
        correlation=_text(message.correlation_id or ""),
        headers=headers,
        body=_public(kind, message.body),
        size=len(message.body),
    )


def _digest(message: AbstractIncomingMessage) -> str:
    """Name a letter that came without an id; the broker's own headers change each time it is looked at."""
    named = sorted((name, str(value)) for name, value in message.headers.items() if not name.startswith("x-"))
    return f"no-id-{hashlib.sha256(message.body + repr(named).encode()).hexdigest()[:16]}"


def _text(value: object) -> str:
    """Write anything so that it cannot play with a terminal: it may have been forged."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value)[:_SHOWN])


def _public(kind: str, body: bytes) -> Mapping[str, Any] | None:
    """Give the fields that are public by their type; a body of another shape may hold anything, so none of it."""
    if (event := CATALOGUE.get(kind)) is not None:
        try:
            return event.model_validate_json(body).model_dump(mode="json")
        except ValidationError:
            return None
    asked = {model.type: model for model in (*COMMANDS.values(), *QUERIES.values())}.get(kind)
    if asked is None:
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if _is_public(asked, name, value)} | {SEALED: "(sealed)"}


def _is_public(asked: type[Asked], name: str, value: object) -> bool:
    """Say whether this is a field in clear that holds what its rule allows; whoever forges one could write anything."""
    field = asked.model_fields.get(name)
    if field is None or name in asked.confidential:
        return False
    rule: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter(rule).validate_python(value)
    except ValidationError:
        return False
    return True
