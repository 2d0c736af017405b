"""What must hold about the council's own words for mails: each stands for a mail there is, and asks for known words.

Checks yield problems and change nothing.
"""

from collections.abc import Iterator

from shared.council.catalogue import MailText
from shared.council.problems import Problem, nearest
from shared.council.reading import Entry
from shared.council.rows import Tables
from shared.council.texts import MAILS, PLACEHOLDERS, has_stray_brace, placeholders_of


def mails(tables: Tables) -> Iterator[Problem]:
    """A text names a mail there is."""
    for entry, text in tables.texts:
        if text.template not in MAILS:
            fix = f"Correct template: {nearest(text.template, MAILS)}; there are {', '.join(MAILS)}"
            yield entry.problem("unknown-mail", f"template: there is no mail {text.template!r}", fix, "template")


def placeholders(tables: Tables) -> Iterator[Problem]:
    """A text asks only for words there are, each in a pair of braces."""
    for entry, text in tables.texts:
        for field in ("subject", "body"):
            yield from _placeholders(entry, text, field)


def _placeholders(entry: Entry, text: MailText, field: str) -> Iterator[Problem]:
    words: str = getattr(text, field)
    for name in dict.fromkeys(placeholders_of(words)):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            message = f"{field}: there is no placeholder {name[:60]!r}"
            yield entry.problem(
                "unknown-placeholder",
                message,
                f"Correct {field}: {nearest(name, PLACEHOLDERS)}; there are {known}",
                field,
            )
    if has_stray_brace(words):
        message = f"{field}: a brace stands alone"
        yield entry.problem(
            "unknown-placeholder", message, "Write placeholders like {reference}, and no other brace", field
        )
