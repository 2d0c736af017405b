"""A message that kills the process that works on it."""

import asyncio
import os
import signal
from collections.abc import Iterable

from shared.commands import case_id_for, reference_for
from shared.plumbing.history import Document, Key
from shared.plumbing.store import Store

KILLER = reference_for("testham", "cllr-ash", "the one that kills")
"""Reference of the case that no process survives to work on."""
_PREFETCH_FILLS = 0.3
"""Seconds: by then the broker has delivered all a consumer may hold."""


class Killed(Store):
    """Ends the process when it reads the case of the killer."""

    async def read(self, keys: Iterable[Key]) -> dict[Key, Document]:
        wanted = list(keys)
        if case_id_for(KILLER) in {document for _, document in wanted}:
            await asyncio.sleep(_PREFETCH_FILLS)
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().read(wanted)
