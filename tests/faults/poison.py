"""A message that kills the process that works on it."""

import asyncio
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from shared.commands import case_id_for, reference_for
from shared.plumbing.history import Document, Key
from shared.plumbing.store import Store

KILLERS = [reference_for("testham", "cllr-ash", f"kills-{number}") for number in range(2)]
"""References of cases that no process survives to work on."""
_CASES = {case_id_for(reference) for reference in KILLERS}
DIED_BEFORE = "DIED_BEFORE"
"""Names the file that says that a process has died of it already."""
_ALL_IS_IN_HAND = 0.5
"""Seconds: by then every lane holds all a consumer may, and has answered nothing."""


def _died() -> bool:
    return Path(os.environ[DIED_BEFORE]).exists()


def _note_death() -> None:
    Path(os.environ[DIED_BEFORE]).touch()


class Killed(Store):
    """Ends the process when it reads a case that kills; the first time at any read, while all lanes have full hands."""

    async def read(self, keys: Iterable[Key]) -> dict[Key, Document]:
        wanted = list(keys)
        first = not _died()
        if first:
            await asyncio.sleep(_ALL_IS_IN_HAND)
            _note_death()
        if first or _CASES & {document for _, document in wanted}:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().read(wanted)
