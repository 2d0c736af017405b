"""Where a server comes from: a given address, else Docker, else a local binary; one ladder for `make run` and tests.

The one rule: a step that is skipped or fails is always said, never swallowed.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Server = TypeVar("Server")
Say = Callable[[str], None]
Provider = Callable[[], contextlib.AbstractContextManager[Server]]

CHOICES = ("env", "docker", "local")


class NoServerError(LookupError):
    """No step of the ladder can provide the server; the message names each step's reason and what to do."""


def silent(_: str) -> None:
    """Say nothing."""


def forced(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the step `TEST_INFRA` forces, or None for the whole ladder.

    Raises:
        NoServerError: `TEST_INFRA` holds another word.
    """
    choice = environ.get("TEST_INFRA", "").strip()
    if choice and choice not in CHOICES:
        raise NoServerError(f"TEST_INFRA={choice} is unknown; use one of {', '.join(CHOICES)}, or leave it unset")
    return choice or None


@contextlib.contextmanager
def climb(  # noqa: PLR0913  three steps and how to climb them; all but the name by keyword
    what: str,
    *,
    given: "Provider[Server] | None",
    docker: "Provider[Server]",
    local: "Provider[Server]",
    say: Say = silent,
    only: str | None = None,
) -> Iterator[Server]:
    """Provide a server from the first step that can, for as long as the block lasts.

    Args:
        what: the server's name in messages.
        given: the address from the environment, None when it is not set.
        docker: raises anything when Docker cannot help.
        local: raises `NoServerError` when the binary is missing.
        say: hears why a step was left.
        only: the one step to try (`TEST_INFRA`).

    Raises:
        NoServerError: no step, or not the forced one, can provide it.
        ServerFailedError: the local server was found but did not start.
    """
    reasons: list[str] = []
    with contextlib.ExitStack() as stack:
        if only in (None, "env"):
            if given is not None:
                yield stack.enter_context(given())
                return
            reasons.append("env: no address given")
        if only in (None, "docker"):
            try:
                server = stack.enter_context(docker())
            except Exception as error:  # noqa: BLE001  whatever Docker cannot do, the next step may
                reason = f"docker: {type(error).__name__}: {str(error)[:300]}"
                reasons.append(reason)
                say(f"{what} is not taken from Docker: {str(error)[:300]}")
            else:
                yield server
                return
        if only in (None, "local"):
            try:
                server = stack.enter_context(local())
            except NoServerError as error:
                reasons.append(f"local: {error}")
            else:
                yield server
                return
    raise NoServerError(f"no {what}. " + "; ".join(reasons))
