"""An issuer that runs inside the test, its keys, and good and bad tokens."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

TECHNICAL = 1_795_000_000.0
"""Real time of tokens, in seconds since 1970."""
ISSUER = "http://issuer.example"
AUDIENCE = "casework"


@cache
def rsa_key(name: str = "key-1") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@cache
def ec_key(name: str = "ec-1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})


def claims(sub: str = "cllr-moss", **changed: Any) -> dict[str, Any]:
    """Give the claims of a good access token; a claim set to None is left out."""
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "iat": int(TECHNICAL),
        "nbf": int(TECHNICAL),
        "exp": int(TECHNICAL) + 600,
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(sub: str = "cllr-moss", **changed: Any) -> str:
    """Make a good access token, or one with changed claims."""
    header = {"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}
    return jwt.encode(header, claims(sub, **changed), rsa_key())


def raw_token(header: Mapping[str, Any], payload: Mapping[str, Any], signature: bytes = b"x") -> str:
    """Write a token as nobody's library would."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class FakeIssuer:
    """An OpenID provider for one person at a time, with its keys; counts how often the keys were fetched."""

    def __init__(self) -> None:
        self.fetches = 0
        self.away = False
        self.person = "cllr-moss"
        self.keys: list[RSAKey | ECKey] = [rsa_key()]
        self.codes: dict[str, dict[str, str]] = {}
        self.nonce: str | None = None
        """If set, what stands in the ID token instead of what was asked for."""
        self.app = Starlette(
            routes=[
                Route("/jwks", self._jwks),
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    @property
    def transport(self) -> httpx2.AsyncBaseTransport:
        return httpx2.ASGITransport(app=self.app)

    async def _jwks(self, _: Request) -> Response:
        self.fetches += 1
        if self.away:
            return Response(status_code=503)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _metadata(self, _: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return JSONResponse({"issuer": ISSUER} | {name: f"{ISSUER}/{path}" for name, path in names.items()})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(sent.get("code", ""), None)
        verifier = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != sent["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(datetime.now(UTC).timestamp())  # noqa: TID251  Authlib checks ID tokens against real time
        id_claims = {
            "iss": ISSUER,
            "aud": asked["client_id"],
            "sub": self.person,
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce or asked["nonce"],
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "key-1"}, id_claims, rsa_key())
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "id_token": id_token})
