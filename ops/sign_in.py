"""Who may sign in at the development issuer, and what a code is worth.

The one rule: a code is worth tokens once, within a minute, to the client that asked for it and knows its verifier.
"""

import base64
import dataclasses
import difflib
import hashlib
import pathlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import pydantic

from ops.signing import LIFETIME, Signer

CODE_LIFETIME = 60  # seconds; RFC 6749 §4.1.2 allows ten minutes

_MOST_CODES = 1_000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # RFC 7636 §4.2: 32 bytes, base64url without padding


@dataclasses.dataclass(frozen=True)
class Client:
    """The one client the issuer serves.

    Attributes:
        id: its `client_id`.
        redirect_uris: where it may have people sent back to, exactly.
        audience: the `aud` of the access tokens it gets.
    """

    id: str
    redirect_uris: tuple[str, ...]
    audience: str = "casework-api"


class Person(pydantic.BaseModel):
    """Somebody who can be signed in."""

    model_config = pydantic.ConfigDict(frozen=True)

    id: str = pydantic.Field(min_length=1, max_length=200)
    name: str = pydantic.Field(min_length=1)
    about: str = ""


class AuthorizationRequest(pydantic.BaseModel):
    """What the client sends the browser here with (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3)."""

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    scope: str = ""
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""


class Choice(AuthorizationRequest):
    """The same, and the person picked."""

    sub: str = ""


class TokenRequest(pydantic.BaseModel):
    """What the client swaps for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

    grant_type: str = ""
    code: str = ""
    redirect_uri: str = ""
    client_id: str = ""
    code_verifier: str = ""


@dataclasses.dataclass(frozen=True)
class _Grant:
    person: Person
    request: AuthorizationRequest
    expires: float


class RefusedError(Exception):
    """A request that is answered with an OAuth error (RFC 6749 §4.1.2.1, §5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Issuer:
    """What the issuer decides: who may be sent where, and which code is worth which tokens."""

    def __init__(
        self, client: Client, people: Iterable[Person], signer: Signer, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self.signer = signer
        self.people = {person.id: person for person in people}
        self._now = now
        self._grants: dict[str, _Grant] = {}

    def person(self, identity: str) -> Person:
        """Return a person.

        Raises:
            RefusedError: nobody has that id; the message names the nearest ids.
        """
        if (person := self.people.get(identity)) is not None:
            return person
        near = difflib.get_close_matches(identity, self.people, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise RefusedError("unknown_person", f"nobody in the people file has the id {identity[:100]!r}{hint}")

    def check_client(self, request: AuthorizationRequest) -> None:
        """Refuse a client or an address that is not ours; such a request must not be redirected.

        Raises:
            RefusedError: as said.
        """
        if request.client_id != self.client.id:
            raise RefusedError("invalid_client", f"client_id must be {self.client.id}")
        if request.redirect_uri not in self.client.redirect_uris:
            raise RefusedError(
                "invalid_request",
                f"redirect_uri {request.redirect_uri[:200]!r} is not allowed; "
                "start the issuer with --redirect-uri for it",
            )

    def check(self, request: AuthorizationRequest) -> None:
        """Refuse what we do not do; the client is told by redirect.

        Raises:
            RefusedError: as said.
        """
        if request.response_type != "code":
            raise RefusedError("unsupported_response_type", "response_type must be code")
        if "openid" not in request.scope.split():
            raise RefusedError("invalid_scope", "scope must contain openid")
        if request.code_challenge_method != "S256" or not _CHALLENGE.match(request.code_challenge):
            raise RefusedError("invalid_request", "PKCE is required: code_challenge with code_challenge_method S256")

    def grant(self, request: AuthorizationRequest, person: Person) -> str:
        """Return a code the client may swap once within a minute."""
        now = self._now()
        self._grants = {code: grant for code, grant in self._grants.items() if grant.expires > now}
        while len(self._grants) >= _MOST_CODES:
            del self._grants[next(iter(self._grants))]
        code = secrets.token_urlsafe(32)
        self._grants[code] = _Grant(person, request, now + CODE_LIFETIME)
        return code

    def swap(self, request: TokenRequest) -> dict[str, Any]:
        """Return the tokens for a code; the code is used up, right or wrong.

        Raises:
            RefusedError: unknown, used or old code, another client or address, or a verifier that does not fit.
        """
        if request.grant_type != "authorization_code":
            raise RefusedError("unsupported_grant_type", "grant_type must be authorization_code")
        grant = self._grants.pop(request.code, None)
        if grant is None or grant.expires <= self._now():
            raise RefusedError("invalid_grant", "the code is unknown, used or older than a minute")
        if (request.client_id, request.redirect_uri) != (grant.request.client_id, grant.request.redirect_uri):
            raise RefusedError("invalid_grant", "client_id and redirect_uri must be those the code was asked for with")
        digest = hashlib.sha256(request.code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not secrets.compare_digest(challenge, grant.request.code_challenge):
            raise RefusedError("invalid_grant", "code_verifier does not fit the code_challenge")
        client = grant.request.client_id
        id_token = self.signer.id_token(grant.person.id, client, grant.request.nonce, grant.person.name)
        return {**self.access(grant.person, client), "id_token": id_token, "scope": "openid"}

    def access(self, person: Person, client: str) -> dict[str, Any]:
        """Return a token answer with an access token alone."""
        token = self.signer.access_token(person.id, self.client.audience, client)
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME}


def read_people(file: pathlib.Path) -> list[Person]:
    """Return the people of a JSON file.

    Raises:
        ValueError: the file is no list of people, or an id stands in it twice; the message names the place.
    """
    try:
        people = pydantic.TypeAdapter(list[Person]).validate_json(file.read_bytes())
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{file}: {place}: {first['msg']}") from None
    seen: set[str] = set()
    for person in people:
        if person.id in seen:
            raise ValueError(f"{file}: the id {person.id} stands in it twice")
        seen.add(person.id)
    return people
