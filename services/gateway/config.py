"""What may vary between deployments of the gateway. Only `app` reads it."""

import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.plumbing.settings import Settings

_ROOT = Path(__file__).parents[2]


class Config(Settings):
    """What the gateway is told by its environment."""

    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] = "http://127.0.0.1:8080"
    """Address people use, without a path; https in production. Links and the sign-in callback are made from it."""
    gateway_issuer: str = "http://127.0.0.1:8081"
    """Issuer of access tokens and of sign-in (OpenID Connect), exactly as it stands in `iss`."""
    gateway_jwks_url: str = ""
    """Address of the issuer's public keys; empty: <issuer>/jwks. No token can name another."""
    gateway_discovery_url: str = ""
    """Address of the issuer's metadata; empty: <issuer>/.well-known/openid-configuration."""
    gateway_audience: Annotated[str, Field(min_length=1)] = "casework"
    """`aud` an access token must have; never the client id, so that an ID token is no access token."""
    gateway_token_algorithm: Literal["RS256", "ES256"] = "RS256"  # noqa: S105  the name of an algorithm
    """The one algorithm the issuer signs with."""
    gateway_person_claim: Annotated[str, Field(min_length=1)] = "sub"
    """Claim that holds the person's id in the council's records."""
    gateway_client_id: Annotated[str, Field(min_length=1)] = "casework-gateway"
    """Client id of the pages at the issuer."""
    gateway_client_secret: SecretStr | None = None
    """Client secret of the pages at the issuer; none for a public client (PKCE is always used)."""
    gateway_session_secret: SecretStr = SecretStr("")
    """Signs the cookie that lives during sign-in; the same for all instances. Empty in development: made up."""
    gateway_asyncapi_file: Path = _ROOT / "docs" / "asyncapi.json"
    """The AsyncAPI document that /asyncapi.json serves."""
    gateway_inbox_url: str = "http://127.0.0.1:8025"
    """Development only: address of the inbox that /dev/inbox passes on."""

    @model_validator(mode="after")
    def _the_gateway_is_safe(self) -> Self:
        if self.gateway_audience == self.gateway_client_id:
            raise ValueError(
                "CASEWORK_GATEWAY_AUDIENCE must differ from CASEWORK_GATEWAY_CLIENT_ID: "
                "else an ID token would pass as an access token"
            )
        if self.profile == "production":
            if not self.public_url.startswith("https://"):
                raise ValueError("CASEWORK_PUBLIC_URL must begin with https:// in production")
            issuer = {"ISSUER": self.gateway_issuer, "JWKS_URL": self.jwks_url, "DISCOVERY_URL": self.discovery_url}
            if plain := [name for name, url in issuer.items() if not url.startswith("https://")]:
                raise ValueError(
                    f"CASEWORK_GATEWAY_{plain[0]} must begin with https:// in production: whoever can change what "
                    "comes over it can sign tokens for anybody"
                )
            if len(self.gateway_session_secret.get_secret_value()) < 32:  # noqa: PLR2004  characters; 128 bits even in hexadecimal
                raise ValueError("CASEWORK_GATEWAY_SESSION_SECRET: give at least 32 random characters in production")
        return self

    @property
    def secure(self) -> bool:
        """Whether people come by https: cookies are then Secure."""
        return self.public_url.startswith("https://")

    @property
    def jwks_url(self) -> str:
        """Address of the issuer's public keys."""
        return self.gateway_jwks_url or f"{self.gateway_issuer.rstrip('/')}/jwks"

    @property
    def discovery_url(self) -> str:
        """Address of the issuer's metadata."""
        return self.gateway_discovery_url or f"{self.gateway_issuer.rstrip('/')}/.well-known/openid-configuration"

    def session_secret(self) -> str:
        """Give the secret of the sign-in cookie; in development one that lasts as long as the process."""
        return self.gateway_session_secret.get_secret_value() or secrets.token_urlsafe(32)
