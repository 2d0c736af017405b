"""A message that kills the process that works on it."""

import asyncio
import os
import signal
from collections.abc import Iterable

from shared.commands import case_id_for, reference_for
from shared.plumbing.history import Document, Key
from shared.plumbing.store import Store

KILLERS = [reference_for("testham", "cllr-ash", f"kills-{number}") for number in range(2)]
"""References of cases that no process survives to work on."""
_CASES = {case_id_for(reference) for reference in KILLERS}
_PREFETCH_FILLS = 0.3
"""Seconds: by then the broker has delivered all a consumer may hold."""


class Killed(Store):
    """Ends the process when it reads a case that kills."""

    async def read(self, keys: Iterable[Key]) -> dict[Key, Document]:
        wanted = list(keys)
        if _CASES & {document for _, document in wanted}:
            await asyncio.sleep(_PREFETCH_FILLS)
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().read(wanted)
