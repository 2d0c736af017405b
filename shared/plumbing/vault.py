"""Texts and personal data of a case, encrypted under a key of that case alone: without the key they are gone.

The data key lies wrapped in the case's document; the wrapping keys come from the settings. First key wraps, all open.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import orjson
from cryptography.fernet import Fernet, MultiFernet
from pydantic import SecretStr

KEPT = 1_000
"""Data keys kept unwrapped in memory."""


class Vault:
    """Makes, wraps and uses data keys."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise ValueError("CASEWORK_VAULT_KEYS: give at least one key (casework keys new makes one)")
        self._wrapping = MultiFernet([Fernet(key.get_secret_value()) for key in keys])
        self._unwrapped: OrderedDict[bytes, Fernet] = OrderedDict()

    def new_key(self) -> bytes:
        """Make a data key, wrapped; it is kept at hand, for it is about to be used."""
        key = Fernet.generate_key()
        wrapped = self._wrapping.encrypt(key)
        self._keep(wrapped, Fernet(key))
        return wrapped

    def seal(self, key: bytes, texts: Mapping[str, str]) -> bytes:
        """Encrypt the texts of one fact."""
        return self._data_key(bytes(key)).encrypt(orjson.dumps(dict(texts)))

    def open(self, key: bytes, blob: bytes) -> dict[str, str]:
        """Decrypt the texts of one fact.

        Raises:
            cryptography.fernet.InvalidToken: another key made them.
        """
        texts: dict[str, str] = orjson.loads(self._data_key(bytes(key)).decrypt(bytes(blob)))
        return texts

    def _data_key(self, wrapped: bytes) -> Fernet:
        found = self._unwrapped.get(wrapped)
        if found is None:
            found = self._keep(wrapped, Fernet(self._wrapping.decrypt(wrapped)))
        return found

    def _keep(self, wrapped: bytes, key: Fernet) -> Fernet:
        self._unwrapped[wrapped] = key
        if len(self._unwrapped) > KEPT:
            self._unwrapped.popitem(last=False)
        return key
