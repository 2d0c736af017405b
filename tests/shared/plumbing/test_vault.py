"""A data key is kept at hand for a while; whether it is must make no difference."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from shared.plumbing import vault
from shared.plumbing.vault import Vault

WRAPPING = SecretStr(Fernet.generate_key().decode())
TEXTS = {"summary": "Bags on the verge"}


def test_another_process_opens_what_one_has_sealed() -> None:
    here, there = Vault([WRAPPING]), Vault([WRAPPING])
    key = here.new_key()

    assert there.open(key, here.seal(key, TEXTS)) == TEXTS
    assert here.open(key, there.seal(key, TEXTS)) == TEXTS


def test_a_key_no_longer_at_hand_is_unwrapped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "KEPT", 2)
    made = Vault([WRAPPING])
    keys = [made.new_key() for _ in range(5)]

    blobs = [made.seal(key, TEXTS) for key in keys]

    assert [made.open(key, blob) for key, blob in zip(keys, blobs, strict=True)] == [TEXTS] * 5


def test_the_key_of_another_case_opens_nothing() -> None:
    made = Vault([WRAPPING])
    blob = made.seal(made.new_key(), TEXTS)

    with pytest.raises(InvalidToken):
        made.open(made.new_key(), blob)


def test_a_key_wrapped_by_somebody_else_is_refused() -> None:
    stranger = Vault([SecretStr(Fernet.generate_key().decode())])

    with pytest.raises(InvalidToken):
        Vault([WRAPPING]).seal(stranger.new_key(), TEXTS)
