"""The handful of settings every program has; secrets may come from files.

Every variable begins with CASEWORK_. `CASEWORK_SEAL_KEYS_FILE=/run/secrets/seal` reads the value of
`CASEWORK_SEAL_KEYS` from that file. docs/configuration.md is made from these classes and compared by a test.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "CASEWORK_"
_FILE = "_FILE"


class SecretsFromFiles(PydanticBaseSettingsSource):
    """Reads `<VARIABLE>_FILE`: the file's text, without the line end, is the value."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  the base class's shape
        """Read one field's file, if one is named."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}{_FILE}")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ValueError(f"{PREFIX}{field_name.upper()}{_FILE}: cannot read {path}: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        """Read all fields."""
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """What every service is told by its environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # the input of a whole model is the environment, passwords included
    )

    profile: Literal["production", "development"] = "production"
    """`development` allows a movable clock, the development pages and plain http; never set it in production."""
    rabbit_url: SecretStr
    """AMQP address with user and password of this service, e.g. amqps://intake:…@broker/."""
    mongo_url: SecretStr
    """MongoDB address of the replica set, with user and password of this service."""
    mongo_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")] = "casework"
    """Databases are called <prefix>_intake, <prefix>_routing, …, <prefix>_council."""
    council_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")] = "exampleton"
    """Short name of the council; part of every event's source and of every reference's derivation."""
    seal_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Keys of the sealed field, comma separated, newest first (intake and gateway). `casework keys new` makes one."""
    vault_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Keys that wrap the data key of each case, comma separated, newest first (intake only)."""
    topology: Literal["exists", "declare"] = "exists"
    """`exists`: the broker's definitions bring the topology and services may not change it; `declare`: for tests."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lines below this level are not written."""
    otlp_endpoint: str | None = None
    """OTLP/HTTP address for traces; needs the `tracing` extra. Unset: no traces."""
    graceful_seconds: Annotated[float, Field(gt=0, le=25)] = 20.0
    """How long a stopping service finishes what it has taken."""

    @field_validator("seal_keys", "vault_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.profile == "production" and self.topology == "declare":
            raise ValueError("CASEWORK_TOPOLOGY=declare is for tests: in production the broker's definitions decide")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the base class's shape
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the base class's shape
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then files."""
        return init_settings, env_settings, SecretsFromFiles(settings_cls)

    def database_of(self, owner: str) -> str:
        """Name the database of a service, or of the council data."""
        return f"{self.mongo_prefix}_{owner}"
