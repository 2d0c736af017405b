"""What the gateway decides by itself: who somebody is today, what a key is, which lane, where a person may be sent.

Pure and told the time. It decides nothing about a case: every yes and no to a command comes from intake.
"""

import hmac
import json
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from shared.calendar import Target
from shared.council import URGENT_IMPACTS, Councillor, Directory, ListeningSystem
from shared.council.finding import Finder
from shared.events import Impact, Lane

KEY_HEADER = "Idempotency-Key"
HOME = "/casework"
MAX_KEY = 128

_UNITS: Mapping[str, str] = MappingProxyType({"wd": "working day", "h": "hour", "m": "minute"})
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
# The only places a sign-in may lead back to (an allow list, so no address of another site can be smuggled in).
_LOCAL = re.compile(r"/casework(/[A-Za-z0-9-]{1,24})?")


class GatewayError(Exception):
    """An answer that is a problem: its HTTP status, a code for programs and a sentence for people.

    The sentence says what is wrong and what to do, and never quotes what was sent.
    """

    status = 500
    code = "internal"
    title = "Something went wrong"

    def __init__(  # noqa: PLR0913  the members of a problem document
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        title: str | None = None,
        field: str | None = None,
        instead: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code or self.code)
        self.detail = detail
        self.code = code or self.code
        self.status = status or self.status
        self.title = title or self.title
        self.field = field
        self.instead = instead
        self.headers = dict(headers or {})


class BadRequest(GatewayError):
    """The request cannot be read."""

    status, code, title = 400, "bad-request", "The request cannot be read"


class Unauthenticated(GatewayError):
    """Nobody we know is asking; says how to sign in, as RFC 6750 section 3 wants it."""

    status, code, title = 401, "invalid-token", "Sign in first"

    def __init__(self, detail: str, *, code: str = "invalid-token") -> None:
        challenge = 'Bearer realm="casework"'
        if code != "missing-token":
            challenge += ', error="invalid_token"'
        super().__init__(detail, code=code, headers={"WWW-Authenticate": challenge})


class NotFound(GatewayError):
    """There is no such thing, or this person may not know of it: the two are told the same way."""

    status, code, title = 404, "not-found", "Not found"


class Invalid(GatewayError):
    """A field breaks its rule."""

    status, code, title = 422, "invalid-request", "A field is wrong"


class Away(GatewayError):
    """A part that is needed cannot be reached now."""

    status, code, title = 503, "unavailable", "Not available at the moment"

    def __init__(self, detail: str, *, code: str = "unavailable", retry_after: int = 5) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})


class Person(NamedTuple):
    """Somebody the council knows today, with what the council says about them today."""

    id: str
    name: str
    email: str
    kind: Literal["councillor", "officer", "system"]
    roles: tuple[str, ...]
    wards: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


def person_today(directory: Directory, person_id: str, today: date) -> Person | None:
    """Find a person who holds a seat or works for the council today; rights come from here, never from a token."""
    found = directory.person(person_id)
    if found is None:
        return None
    if isinstance(found, Councillor):
        wards = tuple(sorted(directory.wards_of(person_id, today)))
        if not wards:
            return None
        return Person(
            person_id,
            found.full_name,
            found.email,
            "councillor",
            tuple(sorted(directory.roles_of(person_id, today))),
            wards=wards,
        )
    roles = tuple(sorted(directory.roles_of(person_id, today)))
    if not roles:
        return None
    if isinstance(found, ListeningSystem):
        return Person(person_id, found.full_name, "", "system", roles)
    return Person(
        person_id,
        found.full_name,
        found.email,
        "officer",
        roles,
        teams=tuple(sorted(directory.works_for(person_id, today))),
    )


def lane_for(directory: Directory, service: str, flags: frozenset[str], impact: Impact = "routine") -> Lane:
    """Choose the lane: urgent if the service, a ticked flag or the impact is dangerous. Intake computes it again."""
    found = directory.service(service)
    dangerous = found is not None and found.is_danger(flags)
    return "urgent" if dangerous or impact in URGENT_IMPACTS else "normal"


def read_key(text: str | None) -> str:
    """Read the idempotency key.

    Raises:
        BadRequest: there is none, or it is not 1 to 128 visible ASCII characters.
    """
    if text is None:
        raise BadRequest(
            f"Add the header {KEY_HEADER}: a new random value for each new order, the same value when you repeat one.",
            code="key-missing",
            field=KEY_HEADER,
        )
    if not _KEY.fullmatch(text):
        raise BadRequest(
            f"The header {KEY_HEADER} must be 1 to {MAX_KEY} visible ASCII characters without spaces, such as a UUID.",
            code="key-malformed",
            field=KEY_HEADER,
        )
    return text


def body_hash(command: str, reference: str, body: Any, key: str) -> str:
    """Give a fingerprint of command name, reference and body (as parsed JSON), equal however the JSON was written.

    It travels and is kept in the clear, so it is an HMAC-SHA-256 under the request's idempotency key, which is neither
    sent on nor stored: without it nobody can try out what a short text may have said.
    """
    canonical = json.dumps([command, reference, body], sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), canonical.encode(), "sha256").hexdigest()


def local_path(text: str | None) -> str:
    """Give the page to go to after sign-in: one of ours, or the home page."""
    return text if text and _LOCAL.fullmatch(text) else HOME


@lru_cache(maxsize=4)
def finder_of(directory: Directory, on: date) -> Finder:
    """Give the finder over the services that are offered on a date; made once for each published council and day."""
    council = directory.council
    return Finder((service for service in council.services if service.holds_on(on)), council.lgsl)


def in_words(target: str) -> str:
    """Write a target as people say it: `2wd` is 2 working days."""
    parsed = Target.parse(target)
    unit = _UNITS[parsed.unit]
    return f"{parsed.amount} {unit}" if parsed.amount == 1 else f"{parsed.amount} {unit}s"
