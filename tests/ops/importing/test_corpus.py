"""Every odd answer that ModernGov has been seen to give, one file each in `corpus/`, beside it what becomes of it.

The shape is the real one, every name is invented. The council that is imported into stands in `councils.py`.
"""

from pathlib import Path

import pytest

from ops.importing.flow import write as write_files
from ops.importing.modern_gov import read_modern_gov
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched
from shared.council import BundleRefused
from tests.ops.importing.councils import CORPUS, imported, outcome_of, write

CASES = sorted(path.stem for path in CORPUS.glob("*.xml"))
PRIVATE = ("Private Lane", "ZZ9 9ZZ", "01632", "07700", "home.example", "smallpic")


def answer(case: str) -> bytes:
    return (CORPUS / f"{case}.xml").read_bytes()


def outcome(folder: Path, case: str) -> str:
    try:
        return outcome_of(folder, answer(case))
    except ImportRefused as error:
        return f"refused: {error}\n"


def test_every_oddity_has_an_answer_and_every_answer_its_oddity() -> None:
    assert sorted(path.stem for path in CORPUS.glob("*.txt")) == CASES
    assert len(CASES) >= 50


@pytest.mark.parametrize("case", CASES)
def test_an_odd_answer_is_imported_to_the_expected_difference(tmp_path: Path, case: str) -> None:
    expected = (CORPUS / f"{case}.txt").read_text(encoding="utf-8")

    assert outcome(write(tmp_path), case) == expected


@pytest.mark.parametrize("case", CASES)
def test_importing_an_odd_answer_twice_changes_nothing(tmp_path: Path, case: str) -> None:
    folder = write(tmp_path)
    try:
        first, rehearsed = imported(folder, answer(case))
    except (ImportRefused, BundleRefused):
        return  # nothing was imported
    write_files(rehearsed)

    again, unchanged = imported(folder, answer(case))

    assert not unchanged.differences
    assert unchanged.texts == {}
    assert again.left_out == first.left_out


@pytest.mark.parametrize("case", CASES)
def test_nothing_private_is_read(tmp_path: Path, case: str) -> None:
    try:
        roll = read_modern_gov(Fetched(answer(case), "members.xml"))
    except ImportRefused as error:
        told = str(error)
    else:
        told = repr(roll) + outcome(write(tmp_path), case)

    assert [word for word in PRIVATE if word in told] == []


def test_the_corpus_holds_what_is_private() -> None:
    every = b"".join(answer(case) for case in CASES).decode("utf-8")

    assert [word for word in PRIVATE if word not in every] == []
