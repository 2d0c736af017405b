"""Read a program's settings from its arguments and its environment, and refuse bad ones in a sentence.

The one rule: the settings class is the only list of what may be set; arguments and variables both come from it.
"""

import sys
from typing import TypeVar

import pydantic
import pydantic_settings

Settings = TypeVar("Settings", bound=pydantic_settings.BaseSettings)


def parsed(kind: type[Settings]) -> Settings:
    """Return the settings of this process; arguments win over the environment.

    Raises:
        SystemExit: code 2, after naming each bad setting on standard error.
    """
    prefix = kind.model_config.get("env_prefix", "")
    try:
        return kind(_cli_parse_args=True)
    except pydantic.ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in problem["loc"]) or "settings"
            flag = name.replace("_", "-")
            sys.stderr.write(f"--{flag} (or {prefix}{name.upper()}): {problem['msg']}\n")
        raise SystemExit(2) from None
