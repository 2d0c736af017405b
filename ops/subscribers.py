"""Other systems that hear events: each has its own broker user, its own queue, and a right to its patterns alone.

The one rule: a user of ours has its topic right before it may read the exchange, for RabbitMQ lets a user without one
bind anything (https://www.rabbitmq.com/docs/access-control#topic-authorisation).
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from ops.connections import System, as_user
from ops.stack.management import Management, ManagementError, quoted
from shared.events import CATALOGUE
from shared.events.base import PREFIX
from shared.plumbing.topology import DEAD_DELIVERY_LIMIT, EVENTS, SUBSCRIBER_MAX

OWN = "subscriber."
"""What the names of every subscriber's user and queue begin with; both have the same name."""
_ARGUMENTS = {
    "x-queue-type": "quorum",
    "x-max-length": SUBSCRIBER_MAX,
    "x-overflow": "drop-head",
    # No dead letters here: a subscriber that crashes on a message all night must still find it in the morning.
    "x-delivery-limit": DEAD_DELIVERY_LIMIT,
}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_MOST = 40
_WORD = re.compile(r"[A-Za-z0-9_-]+|\*|#")
_KEY_MOST = 255  # octets of an AMQP 0-9-1 short string
_NOT_FOUND = 404


class SubscriberRefused(RuntimeError):
    """A subscriber cannot be added or removed; the message names the part that is wrong and the fix."""


@dataclass(frozen=True)
class Subscriber:
    """A system that hears events of ours.

    Attributes:
        name: as it was added.
        queue: the queue it reads from.
        patterns: what the queue is bound to.
    """

    name: str
    queue: str
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Credentials(Subscriber):
    """What a new subscriber is given, once: the password in `url` is kept nowhere."""

    url: str = field(repr=False)


def add(system: System, name: str, patterns: Sequence[str]) -> Credentials:
    """Give another system a user, a queue bound to these patterns, and the right to read that alone.

    Args:
        system: the running system.
        name: small letters, digits and dashes.
        patterns: of routing keys `<noun>.<fact>.v<major>.<lane>.<service-type>.<ward>`, with `*` and `#`.

    Raises:
        SubscriberRefused: the name or a pattern is wrong, the name is in use, or the broker refused.
    """
    user = _user(name)
    wanted = tuple(dict.fromkeys(patterns))
    if not wanted:
        raise SubscriberRefused("patterns: name at least one, e.g. case.#")
    for pattern in wanted:
        _check(pattern)
    with _management(system) as management:
        if _exists(management, f"users/{user}") or _exists(management, _queue_path(system, user)):
            raise SubscriberRefused(
                f"name: {name} is in use: choose another, or end it with `casework subscriber remove {name}` first "
                "(its queue goes, too; a forgotten password cannot be read again)"
            )
        password = secrets.token_urlsafe(24)
        try:
            _create(management, system, user, password, wanted)
        except ManagementError:
            _delete(management, system, user)
            raise
    return Credentials(name, user, wanted, as_user(system.rabbit_url, user, password))


def remove(system: System, name: str) -> None:
    """Take a subscriber's user and queue away, with what waits in it; its connections are closed.

    Raises:
        SubscriberRefused: there is no such subscriber, or the broker refused.
    """
    user = _user(name)
    with _management(system) as management:
        if not _exists(management, f"users/{user}") and not _exists(management, _queue_path(system, user)):
            names = ", ".join(subscriber.name for subscriber in _known(management, system)) or "none"
            raise SubscriberRefused(f"name: there is no subscriber {name} (there are: {names})")
        _delete(management, system, user)


def known(system: System) -> list[Subscriber]:
    """List the subscribers by name.

    Raises:
        SubscriberRefused: the broker refused.
    """
    with _management(system) as management:
        return _known(management, system)


def right_to(patterns: Sequence[str]) -> str:
    """Write the topic right to these patterns as a regular expression.

    RabbitMQ holds it against the *text* of a binding's key, wildcards and all. So it must match a narrower pattern and
    never a wider one: a word matches itself, `*` one word or `*`, only `#` matches a `#`.
    """
    return f"^({'|'.join(_expression(pattern) for pattern in patterns)})$"


def _expression(pattern: str) -> str:
    words = pattern.split(".")
    if words == ["#"]:
        return ".*"
    parts = [r"([^.]+\.)*"] if words[0] == "#" else [_one(words[0])]
    for before, word in pairwise(words):
        if word == "#":
            parts.append(r"(\.[^.]+)*")
        else:
            leading = len(parts) == 1 and before == "#"
            parts.append(_one(word) if leading else rf"\.{_one(word)}")
    return "".join(parts)


def _one(word: str) -> str:
    return "[^.#]+" if word == "*" else re.escape(word)


def _user(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _NAME_MOST:
        raise SubscriberRefused(
            f"name: {name!r} will not do: use small letters, digits and single dashes, a letter first, "
            f"at most {_NAME_MOST} characters, e.g. housing-repairs"
        )
    return f"{OWN}{name}"


def _check(pattern: str) -> None:
    words = pattern.split(".")
    if wrong := [word for word in words if not _WORD.fullmatch(word)]:
        raise SubscriberRefused(
            f"pattern {pattern!r}: {wrong[0]!r} is no word: use letters, digits, - and _, or * or # alone, between dots"
        )
    if len(pattern) > _KEY_MOST:
        raise SubscriberRefused(f"pattern {pattern!r}: at most {_KEY_MOST} characters")
    if ("#", "#") in pairwise(words):
        raise SubscriberRefused(f"pattern {pattern!r}: # stands for any number of words already: write it once")
    if not any(_could_match(words, key) for key in _keys()):
        facts = sorted({".".join(key[:2]) for key in _keys()})
        raise SubscriberRefused(
            f"pattern {pattern!r}: no event has such a key. Its six words are <noun>.<fact>.v<major>.<lane>."
            f"<service-type>.<ward>; end with .# to mean all that follow. The facts: {', '.join(facts)}"
        )


def _keys() -> Iterator[list[str]]:
    """Give the routing key of every event we say; an empty word stands for any service type or ward."""
    for kind, event in CATALOGUE.items():
        if event.said:
            for lane in ("normal", "urgent"):
                yield [*kind.removeprefix(PREFIX).split("."), lane, "", ""]


def _could_match(pattern: Sequence[str], key: Sequence[str]) -> bool:
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_could_match(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and (pattern[0] == "*" or key[0] in {"", pattern[0]}) and _could_match(pattern[1:], key[1:])


@contextmanager
def _management(system: System) -> Iterator[Management]:
    with Management(system.management_url) as management:
        try:
            yield management
        except ManagementError as error:
            raise SubscriberRefused(f"the broker's management API: {error}") from error


def _exists(management: Management, path: str) -> bool:
    try:
        management.get(path)
    except ManagementError as error:
        if error.status == _NOT_FOUND:
            return False
        raise
    return True


def _queue_path(system: System, queue: str) -> str:
    return f"queues/{quoted(system.vhost)}/{quoted(queue)}"


def _create(management: Management, system: System, user: str, password: str, patterns: Sequence[str]) -> None:
    vhost = quoted(system.vhost)
    own = re.escape(user)
    management.put(_queue_path(system, user), {"durable": True, "auto_delete": False, "arguments": _ARGUMENTS})
    for pattern in patterns:
        management.post(f"bindings/{vhost}/e/{EVENTS}/q/{user}", {"routing_key": pattern, "arguments": {}})
    management.put(f"users/{user}", {"password": password, "tags": ""})
    management.put(f"topic-permissions/{vhost}/{user}", {"exchange": EVENTS, "write": "^$", "read": right_to(patterns)})
    # Writing to its own queue and reading the exchange is what binding asks for. Neither lets it publish: the default
    # exchange is a name of its own, and not among these.
    management.put(
        f"permissions/{vhost}/{user}",
        {"configure": "^$", "write": f"^{own}$", "read": f"^({re.escape(EVENTS)}|{own})$"},
    )


def _delete(management: Management, system: System, user: str) -> None:
    management.delete(f"users/{user}")
    management.delete(_queue_path(system, user))


def _known(management: Management, system: System) -> list[Subscriber]:
    vhost = quoted(system.vhost)
    bound = management.get(f"bindings/{vhost}")
    return [
        Subscriber(
            queue["name"].removeprefix(OWN),
            queue["name"],
            tuple(
                sorted(
                    binding["routing_key"]
                    for binding in bound
                    if binding["source"] == EVENTS and binding["destination"] == queue["name"]
                )
            ),
        )
        for queue in sorted(management.queues(system.vhost), key=lambda queue: str(queue["name"]))
        if queue["name"].startswith(OWN)
    ]
