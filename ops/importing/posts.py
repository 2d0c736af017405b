"""Reads cabinet posts out of the offices that a source names.

The one rule: they are suggestions. Who holds a portfolio is for a person to write.
"""

import re
from collections.abc import Iterator
from datetime import date

from ops.importing.words import key_of
from shared.council import Council

_CABINET = re.compile(r"\b(cabinet|portfolio|executive member|leader)\b", re.IGNORECASE)
_NOT_IN_IT = re.compile(
    r"\b(assistant|shadow|opposition|group|support|former|advis[eo]r|champion|scrutiny|"
    r"(deputy|vice)[ -](cabinet|portfolio|executive))\b",
    re.IGNORECASE,
)
_SAYS_NOTHING = frozenset(
    {"a", "and", "cabinet", "council", "for", "holder", "lead", "member", "of", "portfolio", "the"}
)


def holders_on(council: Council, on: date) -> dict[str, set[str]]:
    """Give the portfolios of each councillor who holds one on a day."""
    held: dict[str, set[str]] = {}
    for post in council.posts:
        if post.holds_on(on):
            held.setdefault(post.councillor, set()).add(post.portfolio)
    return held


def suggestions(
    council: Council, held: dict[str, set[str]], person: str, name: str, posts: tuple[str, ...]
) -> Iterator[str]:
    """Suggest a portfolio for each cabinet post that the record does not have."""
    for post in posts:
        if not _CABINET.search(post) or _NOT_IN_IT.search(post):
            continue
        code = _portfolio_of(council, post)
        if code is None:
            yield f"{name}, {person}: {post[:120]!r}: no portfolio of that name; see cabinet.yaml"
        elif code not in held.get(person, set()):
            yield f"{name}, {person}: {post[:120]!r}: portfolio {code!r}? If so, write it in cabinet.yaml"


def _portfolio_of(council: Council, post: str) -> str | None:
    """Find the one portfolio whose name shares most words with a post."""
    words = set(key_of(post).split()) - _SAYS_NOTHING
    shared = {
        portfolio.code: (len(words & own), -len(own - words))
        for portfolio in council.portfolios
        if words & (own := set(key_of(portfolio.name).split()) - _SAYS_NOTHING)
    }
    best = max(shared.values(), default=None)
    found = [code for code, score in shared.items() if score == best]
    return found[0] if len(found) == 1 else None
