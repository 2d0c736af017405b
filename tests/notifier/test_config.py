"""What the notifier may be told, and what it refuses to start with."""

from pathlib import Path
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


def test_by_default_nobody_is_called() -> None:
    assert config().duty_webhook_url is None


def test_in_production_calls_go_over_an_encrypted_connection() -> None:
    url = "https://duty.exampleton.example/calls"

    assert config(duty_webhook_url=url).duty_webhook_url.get_secret_value() == url  # type: ignore[union-attr]  # it is set
    with pytest.raises(ValidationError, match="CASEWORK_DUTY_WEBHOOK_URL must begin with https:// in production"):
        config(duty_webhook_url="http://duty.exampleton.example/calls")
    assert config(profile="development", duty_webhook_url="http://127.0.0.1:8025/duty").duty_webhook_url


@pytest.mark.parametrize("url", ["duty.example", "ftp://duty.example/", "https://", "https:///calls", "https://a b/"])
def test_an_address_nobody_can_be_called_at_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="CASEWORK_DUTY_WEBHOOK_URL must be an address such as"):
        config(duty_webhook_url=url)


def test_a_token_for_no_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="CASEWORK_DUTY_WEBHOOK_TOKEN is set without"):
        config(duty_webhook_token="x")


def test_the_token_of_calls_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("geheim\n")
    monkeypatch.setenv("CASEWORK_DUTY_WEBHOOK_TOKEN_FILE", str(tmp_path / "token"))

    found = config(duty_webhook_url="https://duty.example/geheim").duty_webhook_token

    assert found is not None
    assert found.get_secret_value() == "geheim"
    assert "geheim" not in repr(config(duty_webhook_url="https://duty.example/geheim"))


def test_a_call_is_claimed_for_longer_than_it_can_be_on_its_way() -> None:
    assert config(duty_webhook_timeout=30).call_claim_seconds > 3 * 30


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(config(smtp_user="notifier", smtp_password="geheim"))
