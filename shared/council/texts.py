"""The council's own words for mails: which mails there are, which placeholders, and how a text is filled.

A placeholder is a name in braces and nothing else: no text can reach beyond the words it is handed, and none of those
is anything a person wrote about a case.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

MAILS: tuple[str, ...] = (
    "acknowledged-owner",
    "alert-duty",
    "answer-cc",
    "answer-owner",
    "assigned-duty",
    "assigned-owner",
    "assigned-team",
    "autoclose-warning-owner",
    "closed-cc",
    "closed-owner",
    "closed-team",
    "commitment-cc",
    "commitment-owner",
    "commitment-team",
    "completion-cc",
    "completion-owner",
    "copied-in-cc",
    "handover-desk",
    "handover-offered",
    "new-case-duty",
    "new-case-team",
    "overdue-duty",
    "overdue-owner",
    "overdue-team",
    "owner-changed-former",
    "owner-changed-owner",
    "owner-changed-team",
    "progress-cc",
    "progress-owner",
    "receipt-cc",
    "receipt-owner",
    "task-answered-team",
    "task-duty",
    "task-team",
    "triage-duty",
    "triage-team",
)
"""Every mail there is: what happened, and for whom it is worded. The notifier has built-in words for each."""

PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "council": "the council's name",
        "reference": "the reference of the case",
        "link": "the address of its page",
        "thing": "`case` or `report`",
        "service": "the name of its service",
        "ward": "the name of its ward",
        "owner": "the councillor who has it",
        "team": "the team that answers for it, once there is one",
        "acknowledge_by": "until when it has to be acknowledged, while that is open",
        "answer_by": "until when it has to be answered, while that is open",
        "closes": "when it closes by itself, where it does",
        "promised": "the day that was promised, where one is",
        "not_before": "the first day of a promised range, where one is",
        "overdue_since": "when what is overdue was due",
        "former_team": "the team that had it before",
        "former_owner": "the councillor who had it before",
        "part_team": "the team with a part of it",
        "part_by": "until when that part has to be done",
        "officer": "who is called when nobody takes a danger on",
    }
)
"""What a text may say about a case: public facts and names at work. Each with its meaning."""

_PLACE = re.compile(r"\{([^{}]*)\}")


class CannotBeFilled(ValueError):
    """A text asks for something that there is not; `reason` says what, as a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def placeholders_of(text: str) -> Iterator[str]:
    """Give the name in each pair of braces, known or not."""
    return (found[1] for found in _PLACE.finditer(text))


def has_stray_brace(text: str) -> bool:
    """Say whether a brace stands alone: a placeholder half written."""
    return bool(re.search(r"[{}]", _PLACE.sub("", text)))


def fill(text: str, words: Mapping[str, str], write: Callable[[str, str], str] = lambda _, word: word) -> str:
    """Put words in the place of placeholders; `write` gives a placeholder's word the form it has in the text.

    Raises:
        CannotBeFilled: a placeholder is not known, or there is no such word now.
    """

    def word_of(found: re.Match[str]) -> str:
        name = found[1]
        if name not in words:
            raise CannotBeFilled("unknown-placeholder")
        if not words[name]:
            raise CannotBeFilled(f"no-{name}")
        return write(name, words[name])

    return _PLACE.sub(word_of, text)
