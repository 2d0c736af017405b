"""The pages are true where a program can tell: what they link to and name is there."""

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ADDRESS = re.compile(r"[a-z]+:")
NAMED_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
NAMED_DECISION = re.compile(r"ADR (\d{4})")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors_of(page: Path) -> set[str]:
    """The anchors GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    return target.is_relative_to(ROOT) and target.exists() and (not anchor or anchor in anchors_of(target))


def test_there_are_pages() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = LINK.findall(CODE_BLOCK.sub("", text_of(page)))

    assert [link for link in links if not ADDRESS.match(link) and not leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED_TEST.findall(text_of(page))
    there = {file: text_of(file) for file, _ in named if (ROOT / file).exists()}

    assert [f"{file}::{test}" for file, test in named if f"def {test}(" not in there.get(file, "")] == []


def test_every_decision_that_is_named_is_written_down_and_in_the_index() -> None:
    files = {file.name[:4]: file.name for file in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    code = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in ("ops", "services", "shared", "tests"))
    pages = (ROOT / page for page in PAGES)
    named = {
        number for file in chain(code, pages) for number in NAMED_DECISION.findall(file.read_text(encoding="utf-8"))
    }

    assert named <= files.keys()
    assert all(f"]({name})" in text_of("docs/decisions/README.md") for name in files.values())
