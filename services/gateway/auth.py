"""Who sent a token: access tokens of one issuer, checked against the keys at one configured address.

Nothing in a token chooses how it is checked: algorithms, key types, issuer, audience and the address of the keys come
from the settings. A token says who somebody is and nothing more; what they may do comes from the council.
"""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.domain import Away, Unauthenticated

SKEW: Final = 60
"""Seconds a clock may be wrong."""
FRESH_FOR: Final = 3600.0
UNKNOWN_KEY_EVERY: Final = 60.0
"""Seconds between two fetches for the sake of an unknown key id."""
FAILED_EVERY: Final = 1.0
"""Seconds between two attempts while there are no keys at all."""
STALE_EVERY: Final = 30.0
"""Seconds between two attempts while old keys serve: somebody waits for each attempt."""
MAX_TOKEN: Final = 8192
MAX_KEYS: Final = 262_144

_KEY_TYPES: Final[Mapping[str, type[RSAKey] | type[ECKey]]] = {"RS256": RSAKey, "ES256": ECKey}
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
_REFUSED_HEADERS: Final = ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip")
_PARTS: Final = 3
"""Header, claims, signature (RFC 7515)."""
_MIN_RSA_BITS: Final = 2048


class KeyFetchFailed(Exception):
    """The keys cannot be had, and there are none from before."""


class Jwks:
    """The issuer's public keys, fetched when needed, kept an hour, served stale while the issuer is away."""

    def __init__(self, url: str, client: httpx2.AsyncClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._client = client
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._failed = float("-inf")
        self._fetched_for_unknown = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None) -> RSAKey | ECKey | None:
        """Find a key by its id; without an id only if there is exactly one key.

        Raises:
            KeyFetchFailed: there are no keys at all.
        """
        keys = await self._current()
        found = _pick(keys, kid)
        if found is None and kid is not None:
            async with self._lock:
                due = self._fetched_for_unknown + UNKNOWN_KEY_EVERY <= self._monotonic()
                if self._keys is not None and due:
                    self._fetched_for_unknown = self._monotonic()
                    await self._fetch()
                found = _pick(self._keys, kid) if self._keys is not None else None
        return found

    async def _current(self) -> KeySet:
        if self._keys is None or self._monotonic() - self._fetched > FRESH_FOR:
            async with self._lock:
                now = self._monotonic()
                pause = FAILED_EVERY if self._keys is None else STALE_EVERY
                if (self._keys is None or now - self._fetched > FRESH_FOR) and now - self._failed >= pause:
                    await self._fetch()
        if self._keys is None:
            raise KeyFetchFailed
        return self._keys

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(3), self._client.stream("GET", self._url, follow_redirects=False) as response:
                response.raise_for_status()
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_KEYS:  # cut off, it is no JSON any more: refused below
                        break
            self._keys = KeySet.import_key_set(json.loads(body))
        except (httpx2.HTTPError, JoseError, ValueError, KeyError, TypeError, TimeoutError):
            self._failed = self._monotonic()  # what was known stays known
        else:
            self._fetched = self._monotonic()


def _pick(keys: KeySet, kid: str | None) -> RSAKey | ECKey | None:
    candidates = [key for key in keys.keys if kid is None or key.kid == kid]
    found = candidates[0] if len(candidates) == 1 else None
    return found if isinstance(found, RSAKey | ECKey) else None


class Tokens:
    """Checks access tokens."""

    def __init__(  # noqa: PLR0913  what a token is held to
        self,
        *,
        issuer: str,
        audience: str,
        algorithms: tuple[str, ...],
        keys: Jwks,
        person_claim: str = "sub",
        now: Callable[[], float] = time.time,
    ) -> None:
        unknown = set(algorithms) - set(_KEY_TYPES)
        if unknown or not algorithms:
            raise ValueError(f"token algorithms must be some of {', '.join(_KEY_TYPES)}")
        self._algorithms = algorithms
        self._keys = keys
        self._person_claim = person_claim
        self._now = now
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=SKEW,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            nbf={"essential": True},
            iat={"essential": True},
        )

    async def person_of(self, authorization: str | None) -> str:
        """Say whose token stands in the Authorization header.

        Raises:
            Unauthenticated: no token, or not one of ours, or no longer or not yet valid.
            Away: the issuer's keys cannot be had.
        """
        token = _bearer(authorization)
        algorithm, kid = self._read_header(token)
        try:
            key = await self._keys.find(kid)
        except KeyFetchFailed:
            raise Away("The sign-in service cannot be reached: try again shortly.", code="issuer-away") from None
        if key is None or not _fits(key, algorithm):
            raise Unauthenticated("The token was not signed with a key of our issuer: get a new token.")
        try:
            found = jwt.decode(token, key, algorithms=[algorithm])
            self._claims.validate(found.claims)
        except (JoseError, ValueError) as error:
            # The error's text may quote the token, so only its kind is told.
            expired = getattr(error, "error", "") == "expired_token"
            raise Unauthenticated(
                "The token has expired: get a new one."
                if expired
                else "The token is not valid here: issuer, audience, times or signature are wrong. Get a new token.",
                code="expired-token" if expired else "invalid-token",
            ) from None
        if "nonce" in found.claims or "at_hash" in found.claims:
            raise Unauthenticated("This is an ID token: send an access token.")
        person = found.claims.get(self._person_claim)
        if not isinstance(person, str) or not person:
            raise Unauthenticated("The token does not say who you are: get a new token.")
        return person

    def _read_header(self, token: str) -> tuple[str, str | None]:
        header = _header(token)
        if any(name in header for name in _REFUSED_HEADERS):
            raise Unauthenticated("The token's header holds a member that is not allowed here: get a new token.")
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise Unauthenticated("The token is signed with an algorithm that is not allowed here: get a new token.")
        if not isinstance(kind, str) or kind.casefold() not in _TYPES:
            raise Unauthenticated("The token is not an access token (typ must be at+jwt or JWT): get a new token.")
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated("The token's key id is malformed: get a new token.")
        return algorithm, kid


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise Unauthenticated("Send an access token in the header Authorization: Bearer <token>.", code="missing-token")
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.casefold() != "bearer" or not token or len(token) > MAX_TOKEN:
        raise Unauthenticated("The header must read Authorization: Bearer <token>, with one token of normal size.")
    return token


def _header(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        header = json.loads(urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or len(parts) != _PARTS:
        raise Unauthenticated("The token is not a signed JSON web token: get a new token.")
    return header


def _fits(key: RSAKey | ECKey, algorithm: str) -> bool:
    """Say whether a key may be used with an algorithm: kind, size, curve and what its owner meant it for."""
    if not isinstance(key, _KEY_TYPES[algorithm]):
        return False
    document = key.as_dict(private=False)
    if document.get("use", "sig") != "sig" or document.get("alg", algorithm) != algorithm:
        return False
    if isinstance(key, RSAKey):
        return key.raw_value.key_size >= _MIN_RSA_BITS
    return document.get("crv") == "P-256"


class SignInAway(Exception):
    """The issuer cannot be reached, or is not the one of the settings."""


class SignInFailed(Exception):
    """The browser came back without what a sign-in needs: begin again."""


class SignIn:
    """Signs a browser in at the issuer: authorization code with PKCE, state and nonce (OpenID Connect Core 3.1)."""

    def __init__(  # noqa: PLR0913  what an issuer and its client are
        self,
        *,
        issuer: str,
        discovery_url: str,
        client_id: str,
        client_secret: str | None,
        algorithm: str,
        person_claim: str = "sub",
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._issuer, self._algorithm, self._person_claim = issuer, algorithm, person_claim
        about: dict[str, Any] = {"scope": "openid", "code_challenge_method": "S256", "timeout": 5.0}
        if client_secret is None:
            about["token_endpoint_auth_method"] = "none"  # noqa: S105  the name of a method
        if transport is not None:
            about["transport"] = transport
        self._client = OAuth().register(
            "issuer",
            server_metadata_url=discovery_url,
            client_id=client_id,
            client_secret=client_secret,
            client_kwargs=about,
        )

    async def redirect(self, request: Request, callback: str) -> Response:
        """Send the browser to the issuer.

        Raises:
            SignInAway: the issuer cannot be reached.
        """
        await self._metadata()
        answer: Response = await self._client.authorize_redirect(request, callback)
        return answer

    async def person_of(self, request: Request) -> str:
        """Say who came back from the issuer.

        Raises:
            SignInAway: the issuer cannot be reached.
            SignInFailed: state, code, nonce or token are not in order.
        """
        await self._metadata()
        try:
            token = await self._client.authorize_access_token(request, leeway=SKEW)
        except (httpx2.TransportError, TimeoutError) as error:
            raise SignInAway from error
        except (OAuthError, JoseError, httpx2.HTTPError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise SignInFailed from error
        person = (token.get("userinfo") or {}).get(self._person_claim)
        if not isinstance(person, str) or not person:
            raise SignInFailed
        return person

    async def _metadata(self) -> None:
        """Read the issuer's metadata, and hold it to the settings: its name, and the one algorithm."""
        try:
            metadata = await self._client.load_server_metadata()
        except (httpx2.HTTPError, ValueError) as error:
            raise SignInAway from error
        if metadata.get("issuer") != self._issuer:
            raise SignInAway
        metadata["id_token_signing_alg_values_supported"] = [self._algorithm]
