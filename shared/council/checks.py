"""What must hold between a council's files: everything that is checked, in one list."""

from collections.abc import Callable, Iterator

from shared.council import people_checks, reference_checks, rule_checks, text_checks
from shared.council.problems import Problem
from shared.council.rows import Tables

CHECKS: tuple[Callable[[Tables], Iterator[Problem]], ...] = (
    reference_checks.references,
    reference_checks.services,
    people_checks.addresses,
    people_checks.seats,
    people_checks.wards,
    people_checks.teams,
    people_checks.grants,
    people_checks.cabinet,
    rule_checks.services,
    rule_checks.ambiguity,
    rule_checks.ties,
    rule_checks.danger,
    rule_checks.duty,
    rule_checks.features,
    rule_checks.texts,
    text_checks.mails,
    text_checks.placeholders,
)


def problems_between(tables: Tables) -> Iterator[Problem]:
    """Yield everything that is wrong between the tables."""
    for check in CHECKS:
        yield from check(tables)
