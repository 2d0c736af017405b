"""What may vary between deployments of intake: nothing beyond what every service has, but its keys must be there.

Without them commands could be neither opened nor kept, so the service refuses to start.
"""

from typing import Self

from pydantic import model_validator

from shared.plumbing.settings import Settings


class Config(Settings):
    """Settings of intake."""

    @model_validator(mode="after")
    def _keys_are_given(self) -> Self:
        missing = [
            variable
            for variable, keys in (("CASEWORK_SEAL_KEYS", self.seal_keys), ("CASEWORK_VAULT_KEYS", self.vault_keys))
            if not keys
        ]
        if missing:
            raise ValueError(f"{' and '.join(missing)}: give at least one key (`casework keys new` makes one)")
        return self
