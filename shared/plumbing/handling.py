"""Handlers: plain functions of one message, in three shapes behind one decorator; there is no fourth.

    commands = Handlers()

    @commands.into(CASES)                      # (a) the document the message is about: read, decided, compared and set
    def acknowledge(command: Acknowledge, case: Case | None, directory: Directory) -> Facts | Refusal: ...

    @routing.into("decisions")                 # (b) one document per event, `_id` = the event's id
    def route_case(event: CaseRaised, directory: Directory) -> Noted[RoutingDecided | RoutingTriageNeeded]: ...

    @notifier.into("notices")                  # (c) many documents, each under its own deterministic id
    def tell_of_answer(event: CaseAnswered, message: Envelope) -> list[Notice]: ...

A handler is told the time (`event.at`, `command.at`), does no I/O and returns what it decided; the plumbing reads,
writes, publishes, replies and acknowledges. It stays the plain function it was, so tests call it directly.
"""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

from shared.commands import Command, Refusal
from shared.events import Event, Fact
from shared.plumbing.envelope import Envelope

S = TypeVar("S", bound=BaseModel)
E = TypeVar("E", bound=Event)
F = TypeVar("F", bound=Callable[..., Any])
Facts: TypeAlias = Sequence[Event | Fact]
Message: TypeAlias = Event | Command
Provider: TypeAlias = Callable[[], Any]


class GiveUp(Exception):
    """The message can never be handled: to `.dead` at once, with this reason (a code, never quoting the message)."""


class Aggregate(NamedTuple, Generic[S]):
    """A document with a history: where it lies, what state it has, how a fact changes it."""

    collection: str
    state: type[S]
    evolve: Callable[[S | None, Event, int], S]
    """(state before or None, fact, its position in the history from 1) -> state after. Pure."""


class Noted(NamedTuple, Generic[E]):
    """A fact of shape (b) with notes: they lie beside it in its document, as they are, and never go on the bus."""

    event: E
    notes: Mapping[str, Any]


class Entry(BaseModel):
    """A document of shape (c): stored under `id`; a repeated insert finds it there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str


class Handler(NamedTuple):
    """One handler, as its annotations describe it."""

    function: Callable[..., Any]
    message: type[Message]
    says: tuple[type[Event], ...]
    collection: str
    aggregate: Aggregate[Any] | None
    entries: bool
    """True: shape (c)."""
    parameters: Mapping[str, Any]
    """Parameters after the message: the state, the envelope, and ports by their type."""

    def bind(self, ports: Mapping[Any, Provider]) -> Callable[[Message, Any, Envelope], Any]:
        """Close over the ports; they are asked anew for every message, so that council data is always current.

        Raises:
            TypeError: a parameter is neither the state, the envelope nor a known port.
        """
        states, envelopes, others = [], [], {}
        for name, kind in self.parameters.items():
            if self.aggregate and kind is self.aggregate.state:
                states.append(name)
            elif kind is Envelope:
                envelopes.append(name)
            elif kind in ports:
                others[name] = ports[kind]
            else:
                raise TypeError(f"{self.function.__name__}: nothing is known for parameter {name!r} of type {kind!r}")

        def call(message: Message, state: Any, envelope: Envelope) -> Any:
            arguments = {name: ask() for name, ask in others.items()}
            arguments.update(dict.fromkeys(states, state))
            arguments.update(dict.fromkeys(envelopes, envelope))
            return self.function(message, **arguments)

        return call


class Handlers(list[Handler]):
    """The handlers of one queue, in the order of their definition: the file that holds them is the table."""

    def into(self, where: Aggregate[Any] | str) -> Callable[[F], F]:
        """Register a handler; its shape follows from `where` and from what it returns."""
        return partial(self._add, where)

    def _add(self, where: Aggregate[Any] | str, function: F) -> F:
        hints = get_type_hints(function)
        result = hints.pop("return")
        first, *others = inspect.signature(function).parameters
        message = hints[first]
        if any(known.message is message for known in self):
            raise TypeError(f"{function.__name__}: {message.__name__} has a handler on this queue already")
        entries = get_origin(result) is list
        self.append(
            Handler(
                function=function,
                message=message,
                says=tuple(kind for kind in _said(result) if isinstance(kind, type) and issubclass(kind, Event)),
                collection=where if isinstance(where, str) else where.collection,
                aggregate=None if isinstance(where, str) else where,
                entries=entries,
                parameters={name: _present(hints[name]) for name in others},
            )
        )
        return function


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for choice in get_args(annotation) for part in _alternatives(choice))
    return (annotation,)


def _said(annotation: Any) -> tuple[Any, ...]:
    """`Noted[A | B] | None` -> `A`, `B`, `None`."""
    parts = (get_args(part) if get_origin(part) is Noted else (part,) for part in _alternatives(annotation))
    return tuple(said for part in parts for each in part for said in _alternatives(each))


def _present(annotation: Any) -> Any:
    """`Case | None` -> `Case`."""
    found = [part for part in _alternatives(annotation) if part is not type(None)]
    return found[0] if len(found) == 1 else annotation


__all__ = ["Aggregate", "Entry", "Facts", "GiveUp", "Handler", "Handlers", "Message", "Noted", "Provider", "Refusal"]
