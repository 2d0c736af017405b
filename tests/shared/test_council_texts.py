"""The council's own words for mails are checked before they are published."""

import re
from pathlib import Path

import pytest

from shared.council import load_bundle
from shared.council.texts import MAILS, PLACEHOLDERS, CannotBeFilled, fill
from tests.shared.small_council import refusal_of, write

HEAD = "texts:\n  - id: t-1\n"


def folder_with(tmp_path: Path, text: str) -> Path:
    folder = write(tmp_path)
    (folder / "texts.yaml").write_text(HEAD + text, encoding="utf-8")
    return folder


def test_a_text_with_known_placeholders_is_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "    template: receipt-owner\n    subject: Thanks, {owner}\n    body: See {link}\n")

    (text,) = load_bundle(folder).texts

    assert (text.template, text.body) == ("receipt-owner", "See {link}")


@pytest.mark.parametrize(
    ("text", "line", "rule", "message", "fix"),
    [
        (
            "    template: reciept-owner\n    subject: S\n    body: B\n",
            3,
            "unknown-mail",
            "there is no mail 'reciept-owner'",
            "did you mean 'receipt-owner'; there are acknowledged-owner, alert-duty,",
        ),
        (
            "    template: receipt-owner\n    subject: S\n    body: Dear {ownr}\n",
            5,
            "unknown-placeholder",
            "body: there is no placeholder 'ownr'",
            "did you mean 'owner'; there are {council}, {reference}, {link},",
        ),
        (
            "    template: receipt-owner\n    subject: About {summary}\n    body: B\n",
            4,
            "unknown-placeholder",
            "subject: there is no placeholder 'summary'",
            "there are {council}, {reference}, {link},",
        ),
        (
            "    template: receipt-owner\n    subject: S\n    body: '{owner.email}'\n",
            5,
            "unknown-placeholder",
            "body: there is no placeholder 'owner.email'",
            "there are {council}",
        ),
        (
            "    template: receipt-owner\n    subject: S\n    body: Dear {owner\n",
            5,
            "unknown-placeholder",
            "body: a brace stands alone",
            "Write placeholders like {reference}",
        ),
        (
            "    template: receipt-owner\n    subject: S\n    body: '{{owner}}'\n",
            5,
            "unknown-placeholder",
            "body: a brace stands alone",
            "Write placeholders like {reference}",
        ),
    ],
)
def test_a_text_that_could_not_be_sent_is_refused_with_what_there_is(  # noqa: PLR0913, PLR0917  a table
    tmp_path: Path, text: str, line: int, rule: str, message: str, fix: str
) -> None:
    (problem,) = refusal_of(folder_with(tmp_path, text))

    assert (problem.file, problem.line, problem.rule) == ("texts.yaml", line, rule)
    assert message in problem.message
    assert fix in problem.fix


def test_a_placeholder_that_is_wrong_twice_is_said_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "    template: receipt-owner\n    subject: S\n    body: '{x} {y} {x}'\n")

    assert [each.message.split("'")[1] for each in refusal_of(folder)] == ["x", "y"]


def test_no_placeholder_stands_for_what_somebody_wrote() -> None:
    forbidden = {"summary", "description", "text", "note", "location", "constituent", "email", "address", "phone"}

    assert not forbidden & set(PLACEHOLDERS)
    assert len(set(MAILS)) == len(MAILS)


def test_words_are_put_in_their_places_and_braces_in_them_are_no_placeholders() -> None:
    assert fill("{a}-{b}-{a}", {"a": "{b}", "b": "2"}) == "{b}-2-{b}"


@pytest.mark.parametrize(("text", "reason"), [("{c}", "unknown-placeholder"), ("{empty}", "no-empty")])
def test_what_there_is_no_word_for_cannot_be_filled(text: str, reason: str) -> None:
    with pytest.raises(CannotBeFilled, match=reason):
        fill(text, {"empty": ""})


def test_the_page_names_every_mail_and_explains_every_placeholder() -> None:
    page = (Path(__file__).parents[2] / "docs/council-texts.md").read_text(encoding="utf-8")

    assert dict(re.findall(r"^\| `\{(\w+)\}` \| (.+) \|$", page, re.MULTILINE)) == dict(PLACEHOLDERS)
    assert [mail for mail in MAILS if f"`{mail}`" not in page] == []
