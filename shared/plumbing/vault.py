"""Texts and personal data of a case, encrypted under a key of that case alone: without the key they are gone.

The data key lies wrapped in the case's document; the wrapping keys come from the settings. First key wraps, all open.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import orjson
from cryptography.fernet import Fernet, MultiFernet
from pydantic import SecretStr


class Vault:
    """Makes, wraps and uses data keys."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise ValueError("CASEWORK_VAULT_KEYS: give at least one key (casework keys new makes one)")
        self._wrapping = MultiFernet([Fernet(key.get_secret_value()) for key in keys])
        self._unwrapped = lru_cache(maxsize=1_000)(self._unwrap)

    def new_key(self) -> bytes:
        """Make a data key, wrapped."""
        return self._wrapping.encrypt(Fernet.generate_key())

    def seal(self, key: bytes, texts: Mapping[str, str]) -> bytes:
        """Encrypt the texts of one fact."""
        return self._unwrapped(bytes(key)).encrypt(orjson.dumps(dict(texts)))

    def open(self, key: bytes, blob: bytes) -> dict[str, str]:
        """Decrypt the texts of one fact.

        Raises:
            cryptography.fernet.InvalidToken: another key made them.
        """
        texts: dict[str, str] = orjson.loads(self._unwrapped(bytes(key)).decrypt(bytes(blob)))
        return texts

    def _unwrap(self, key: bytes) -> Fernet:
        return Fernet(self._wrapping.decrypt(key))
