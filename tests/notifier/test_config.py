"""What the notifier may be told, and what it refuses to start with."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.notifier.config import Config

GIVEN: dict[str, Any] = {
    "rabbit_url": "amqp://notifier:x@127.0.0.1/",
    "mongo_url": "mongodb://127.0.0.1/",
    "public_url": "https://casework.exampleton.example",
    "smtp_host": "mail.exampleton.example",
}


def config(**changes: Any) -> Config:
    return Config(**(GIVEN | changes))


def test_nothing_is_sent_unencrypted_unless_somebody_says_so() -> None:
    assert config().smtp_starttls == "required"


def test_a_claim_that_a_slow_mail_would_outlive_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"CASEWORK_MAIL_CLAIM_SECONDS=60 is too short.*set it to 90 or more"):
        config(mail_claim_seconds=60, smtp_timeout=30)


@pytest.mark.parametrize("starttls", ["never", "if-offered"])
def test_in_production_no_password_is_sent_in_the_clear(starttls: str) -> None:
    with pytest.raises(ValidationError, match="CASEWORK_SMTP_STARTTLS must be `required`"):
        config(smtp_user="notifier", smtp_password="x", smtp_starttls=starttls)


@pytest.mark.parametrize("starttls", ["never", "if-offered"])
def test_in_production_no_mail_leaves_this_machine_in_the_clear(starttls: str) -> None:
    assert config(smtp_host="127.0.0.1", smtp_starttls=starttls).smtp_starttls == starttls

    with pytest.raises(ValidationError, match="CASEWORK_SMTP_STARTTLS must be `required`"):
        config(smtp_host="mail.example", smtp_starttls=starttls)


@pytest.mark.parametrize("url", ["casework.example", "ftp://casework.example", "https://", "https://a b/"])
def test_an_address_people_cannot_open_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        config(public_url=url)


@pytest.mark.parametrize("sender", ["noreply", "a@b", "a@b.example\nBcc: c@d.example", "=?x?=@", "A <a@b.example>"])
def test_a_sender_that_is_no_address_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError, match="mail_sender"):
        config(mail_sender=sender)


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(config(smtp_user="notifier", smtp_password="geheim"))
