"""What is wrong with a council's files, said so that the person who edits them can put it right.

Every problem names a file, a line, the rule that was broken and the fix; a council with one problem is refused whole.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong, at one place; line 0 stands for a file as a whole."""

    file: str
    line: int
    rule: str
    message: str
    fix: str

    def __str__(self) -> str:
        """Write the problem on one line, place first, as compilers do."""
        return f"{self.file}:{self.line}: {self.rule}: {self.message}. {self.fix}."


class BundleRefused(ValueError):
    """A council's files are refused whole, with everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Hold the problems in order of place and say them all."""
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__("\n".join([f"the council is refused: {count} {noun}", *map(str, self.problems)]))


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that was probably meant, or where to look."""
    matches = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}" if matches else "use one that exists, or add it"
