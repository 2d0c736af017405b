"""What may vary between deployments of the notifier: the mail server and how fast it is fed, and who calls the duty.

A claim must outlast a mail on its way: where it does not, the service refuses to start.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from shared.plumbing.settings import Settings

_STEPS_AFTER_HAND_OVER = 2
"""DATA and the end of the mail: each may take `smtp_timeout`."""
_MARGIN = 30.0
_STEPS_OF_A_CALL = 3
"""Connecting, sending, waiting for the answer: each may take `duty_webhook_timeout`."""
_CALL_MARGIN = 10.0
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")


class Config(Settings):
    """Settings of the notifier, beside those every service has."""

    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+$")]
    """Address people use, without a path, as the gateway's: every mail links to <public_url>/casework/<reference>."""
    smtp_host: str
    """Name of the mail server; its certificate must bear it."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Port of the mail server."""
    smtp_starttls: Literal["never", "if-offered", "required"] = "required"
    """`required`: nothing is sent unencrypted. The others are for a server on the same machine."""
    smtp_ca_file: Path | None = None
    """Certificates of a private authority to trust, in PEM. Unset: the authorities of the system."""
    smtp_user: str | None = None
    """Name to log in with. Unset: no log-in."""
    smtp_password: SecretStr | None = None
    """Password to log in with; better given as CASEWORK_SMTP_PASSWORD_FILE."""
    smtp_timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    """Seconds every single step with the mail server may take."""
    mail_sender: (
        Annotated[
            str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
        ]
        | None
    ) = None
    """Address mails come from and bounces go to. Unset: noreply@<mail domain of the council>."""
    mail_rate: Annotated[float, Field(gt=0, le=1000)] = 45.0
    """Mails a second one process sends at most (GOV.UK Notify and many relays allow 50 in all: divide by processes)."""
    mail_connections: Annotated[int, Field(ge=1, le=20)] = 4
    """Connections to the mail server one process holds at most, and one more for danger: so many mails go at once."""
    mail_batch: Annotated[int, Field(ge=1, le=500)] = 20
    """Notices claimed at once."""
    mail_claim_seconds: Annotated[float, Field(gt=0, le=3600)] = 180.0
    """How long a claim holds before another process may take over."""

    duty_webhook_url: SecretStr | None = None
    """Address told of danger, so that it calls whoever is on duty; https in production. Unset: nobody is called."""
    duty_webhook_token: SecretStr | None = None
    """Bearer token for that address; better given as CASEWORK_DUTY_WEBHOOK_TOKEN_FILE."""
    duty_webhook_ca_file: Path | None = None
    """Certificates of a private authority that address is trusted by, in PEM. Unset: the authorities of the system."""
    duty_webhook_timeout: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Seconds every single step with that address may take."""

    @property
    def call_claim_seconds(self) -> float:
        """How long a call is claimed: longer than it can be on its way."""
        return _STEPS_OF_A_CALL * self.duty_webhook_timeout + _CALL_MARGIN

    @model_validator(mode="after")
    def _a_claim_outlasts_a_mail(self) -> Self:
        least = _STEPS_AFTER_HAND_OVER * self.smtp_timeout + _MARGIN
        if self.mail_claim_seconds < least:
            raise ValueError(
                f"CASEWORK_MAIL_CLAIM_SECONDS={self.mail_claim_seconds:g} is too short for "
                f"CASEWORK_SMTP_TIMEOUT={self.smtp_timeout:g}: set it to {least:g} or more"
            )
        return self

    @model_validator(mode="after")
    def _the_webhook_is_an_address(self) -> Self:
        url = self.duty_webhook_url.get_secret_value() if self.duty_webhook_url else None
        if url is None:
            if self.duty_webhook_token:
                raise ValueError(
                    "CASEWORK_DUTY_WEBHOOK_TOKEN is set without CASEWORK_DUTY_WEBHOOK_URL: set both or none"
                )
            return self
        if not _ADDRESS.fullmatch(url):
            raise ValueError("CASEWORK_DUTY_WEBHOOK_URL must be an address such as https://duty.example/calls")
        if self.profile == "production" and not url.startswith("https://"):
            raise ValueError("CASEWORK_DUTY_WEBHOOK_URL must begin with https:// in production")
        return self

    @model_validator(mode="after")
    def _nothing_is_sent_in_the_clear(self) -> Self:
        here = self.smtp_host in {"localhost", "127.0.0.1", "::1"}
        if self.profile == "production" and self.smtp_starttls != "required" and (self.smtp_user or not here):
            raise ValueError(
                "CASEWORK_SMTP_STARTTLS must be `required` in production, unless the server is on this machine and "
                "wants no CASEWORK_SMTP_USER: else whoever is on the way can switch encryption off"
            )
        return self
