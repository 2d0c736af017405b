"""The development issuer's key and the tokens it signs.

The one rule: the private key stands in one file only its owner may read, and in no log, page or answer.
"""

import json
import os
import pathlib
import secrets
import stat
import time
from collections.abc import Callable
from typing import Any, Self

from joserfc import jwk, jwt

ALGORITHM = "ES256"
LIFETIME = 3600  # seconds

_FILE = "issuer-key.json"


class KeyFileError(RuntimeError):
    """The key file cannot be used; the message says what to do."""


class Signer:
    """Signs tokens with one P-256 key.

    Args:
        key: the private key.
        issuer: the `iss` of every token.
        now: technical time, seconds since the epoch.
    """

    def __init__(self, key: jwk.ECKey, issuer: str, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now = now
        self.issuer = issuer
        self.key_id = key.thumbprint()  # RFC 7638

    @classmethod
    def from_folder(cls, folder: pathlib.Path, issuer: str) -> Self:
        """Return a signer with the key of a folder; the key is made at the first start.

        Raises:
            KeyFileError: the file is readable by others, or holds no key.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / _FILE
        try:
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return cls(_read(file), issuer)
        key = jwk.ECKey.generate_key("P-256")
        with os.fdopen(descriptor, "w") as out:
            json.dump(key.as_dict(private=True), out)
        return cls(key, issuer)

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JWK set (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}]}

    def access_token(self, subject: str, audience: str, client: str) -> str:
        """Return an access token (RFC 9068) for one person, valid for an hour."""
        claims = {
            **self._times(),
            "sub": subject,
            "aud": audience,
            "client_id": client,
            "jti": secrets.token_urlsafe(12),
        }
        return self._sign("at+jwt", claims)

    def id_token(self, subject: str, client: str, nonce: str, name: str) -> str:
        """Return an ID token (OpenID Connect Core §2) for a client, valid for an hour."""
        claims = {**self._times(), "sub": subject, "aud": client, "name": name}
        if nonce:
            claims["nonce"] = nonce
        return self._sign("JWT", claims)

    def _times(self) -> dict[str, Any]:
        now = int(self._now())
        return {"iss": self.issuer, "iat": now, "nbf": now, "exp": now + LIFETIME}

    def _sign(self, kind: str, claims: dict[str, Any]) -> str:
        header = {"alg": ALGORITHM, "typ": kind, "kid": self.key_id}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


def _read(file: pathlib.Path) -> jwk.ECKey:
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise KeyFileError(f"{file} is readable by others: chmod 600 it, or delete it for a new key")
    try:
        return jwk.ECKey.import_key(json.loads(file.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{file} holds no key ({type(error).__name__}): delete it for a new one") from error
