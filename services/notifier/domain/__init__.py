"""Decides who is told of what, by mail or by a call, and how a notice ends; told the time, no I/O, no framework.

A notice holds ids, codes and dates only, never a name, an address or a word somebody wrote.
"""

from services.notifier.domain.ends import (
    PATIENCE,
    End,
    failed,
    in_doubt,
    is_given_up,
    pause_after,
    sent,
)
from services.notifier.domain.matrix import MATRIX, NOBODY, Channel, Role, Told
from services.notifier.domain.notices import (
    AT_ONCE,
    DUTY,
    ON_CALL,
    TEAM,
    Notice,
    PublicFacts,
    Status,
    Why,
    is_address,
    notice_id,
    notices_for,
    why_called,
)

__all__ = [
    "AT_ONCE",
    "DUTY",
    "MATRIX",
    "NOBODY",
    "ON_CALL",
    "PATIENCE",
    "TEAM",
    "Channel",
    "End",
    "Notice",
    "PublicFacts",
    "Role",
    "Status",
    "Told",
    "Why",
    "failed",
    "in_doubt",
    "is_address",
    "is_given_up",
    "notice_id",
    "notices_for",
    "pause_after",
    "sent",
    "why_called",
]
