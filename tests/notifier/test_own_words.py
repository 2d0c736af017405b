"""The council's own words: they stand in place of the built-in ones where they hold and fit, and nowhere else."""

import email
import email.policy
import re
from dataclasses import fields
from datetime import date
from email.message import EmailMessage

import pytest

from services.notifier.adapters import TemplateLetterWriter
from services.notifier.adapters.letters import Words
from services.notifier.domain import Notice
from shared.council import Directory, MailText
from shared.council.texts import MAILS, PLACEHOLDERS
from shared.events import CaseCommitted, CaseRaised
from tests.notifier.fakes import AT, COUNCIL, REFERENCE, case, notices
from tests.notifier.test_domain import EVENTS
from tests.notifier.test_letters import TEMPLATES, URL, XSS, Elements, part

BODY = "Dear {owner},\n\nthank you. Your {thing} about {service} in {ward}\nis with us.\n\nYours, {council}"
BUILT_IN = "We have received your report"


def receipt() -> Notice:
    return notices(CaseRaised(at=AT, case=case(), raised_on=date(2026, 3, 2)))[0]


class Desk:
    """A writer in a council with one text of its own, and what it complained of."""

    def __init__(self, **text: object) -> None:
        given = {"id": "ours", "template": "receipt-owner", "subject": "Thank you", "body": BODY} | text
        # As if nobody had checked it: what was checked never fails here.
        self.directory = Directory(COUNCIL.model_copy(update={"texts": (MailText.model_validate(given),)}))
        self.complaints: list[tuple[str, str, str]] = []
        self._writer = TemplateLetterWriter(
            lambda: self.directory,
            "https://casework.exampleton.example/",
            lambda: AT,
            unusable=lambda *what: self.complaints.append(what),
        )

    def letter(self, notice: Notice | None = None) -> EmailMessage:
        content = self._writer.write(notice or receipt()).content
        return email.message_from_bytes(content, policy=email.policy.default)


def lines_of(message: EmailMessage, kind: str) -> str:
    return part(message, kind).replace("\r\n", "\n")


def words_of(message: EmailMessage) -> str:
    return " ".join(part(message, "plain").split())


def test_the_councils_words_are_sent_as_text_and_as_html() -> None:
    message = Desk().letter()

    assert message["Subject"] == f"[{REFERENCE}] Thank you"
    assert lines_of(message, "plain").startswith(
        "Dear Councillor Ada Alder,\n\nthank you. Your report about Street lamps in Elm Hill is with us.\n\nYours,"
    )
    html = lines_of(message, "html")
    assert "<p>Dear Councillor Ada Alder,</p>\n<p>thank you." in html
    assert f"<title>[{REFERENCE}] Thank you</title>" in html


def test_what_every_mail_says_is_said_in_own_words_too() -> None:
    message = Desk().letter()

    assert "You get this because this report is yours." in words_of(message)
    assert Elements(part(message, "html")).links == [URL]
    assert re.findall(r"https?://\S+", part(message, "plain")) == [URL]


def test_a_link_in_the_text_is_the_only_one() -> None:
    message = Desk(body="Read it here: {link}\n\nThank you.").letter()

    assert Elements(part(message, "html")).links == [URL]
    assert re.findall(r"https?://\S+", part(message, "plain")) == [URL]


def test_a_subject_may_say_what_the_case_is_about() -> None:
    message = Desk(subject="Your {thing}: {service}").letter()

    assert message["Subject"] == f"[{REFERENCE}] Your report: Street lamps"


def test_other_mails_keep_the_built_in_words() -> None:
    message = Desk().letter(notices(EVENTS["closed"])[0])

    assert words_of(message).startswith("Your report about Street lamps in Elm Hill is closed.")


@pytest.mark.parametrize(
    ("dates", "own"),
    [
        ({"valid_from": "2026-03-02"}, True),
        ({"valid_from": "2026-03-03"}, False),
        ({"valid_to": "2026-03-02"}, True),
        ({"valid_to": "2026-03-01"}, False),
    ],
)
def test_a_text_is_used_on_the_days_on_which_it_holds(dates: dict[str, str], *, own: bool) -> None:
    desk = Desk(**dates)

    assert words_of(desk.letter()).startswith("Dear" if own else BUILT_IN)
    assert desk.complaints == []


def test_a_mail_noted_by_an_older_version_is_written_in_the_words_of_the_day() -> None:
    assert words_of(Desk(valid_from="2026-03-02").letter(receipt().model_copy(update={"at": None}))).startswith("Dear")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ({"body": "It closes at {closes}."}, "no-closes"),
        ({"body": "Promised: {promised}"}, "no-promised"),
        ({"body": "{description}"}, "unknown-placeholder"),
        ({"body": "{owner.email}"}, "unknown-placeholder"),
        ({"body": "{owner!r}"}, "unknown-placeholder"),
        ({"body": "{0}"}, "unknown-placeholder"),
        ({"body": "{}"}, "unknown-placeholder"),
        ({"subject": "{summary}"}, "unknown-placeholder"),
        ({"subject": "=?utf-8?q?x?="}, "unsafe-subject"),
    ],
)
def test_a_text_that_does_not_fit_is_replaced_by_the_built_in_one_and_said_so(
    text: dict[str, str], reason: str
) -> None:
    desk = Desk(**text)

    message = desk.letter()

    assert words_of(message).startswith(BUILT_IN)
    assert message["Subject"] == f"[{REFERENCE}] Street lamps"
    assert desk.complaints == [("ours", "receipt-owner", reason)]


def test_jinja_is_not_spoken_in_a_text() -> None:
    desk = Desk(body="{% raw %} {{ council }}")

    assert words_of(desk.letter()).startswith(BUILT_IN)


@pytest.mark.parametrize("attack", [each for each in XSS if not {"{", "}"} & set(each)])
def test_a_text_adds_no_element_and_no_attribute(attack: str) -> None:
    plain, evil = Desk(body="Thank you."), Desk(body=attack)

    assert Elements(part(evil.letter(), "html")).found == Elements(part(plain.letter(), "html")).found


@pytest.mark.parametrize("attack", [each for each in XSS if not {"{", "}"} & set(each)])
def test_a_name_in_a_text_adds_no_element_and_no_attribute(attack: str) -> None:
    plain, evil = Desk(body="{ward}"), Desk(body="{ward}")
    ward = COUNCIL.wards[0].model_copy(update={"name": attack})
    evil.directory = Directory(evil.directory.council.model_copy(update={"wards": (ward,)}))

    assert Elements(part(evil.letter(), "html")).found == Elements(part(plain.letter(), "html")).found


def test_the_mails_the_council_may_word_are_those_there_are() -> None:
    assert sorted(MAILS) == TEMPLATES


def test_every_placeholder_is_a_word_that_some_mail_has() -> None:
    names = {field.name for field in fields(Words)} | {"link"}
    said: set[str] = set()
    range_ = CaseCommitted(at=AT, case=case(), promised=date(2026, 3, 20), not_before=date(2026, 3, 16))
    for event in (*EVENTS.values(), range_):
        for told in (each for each in notices(event) if each.channel == "mail"):
            for name in PLACEHOLDERS.keys() - said:
                desk = Desk(template=told.template, body=f"{{{name}}}")
                desk.letter(told)
                said |= set() if desk.complaints else {name}

    assert set(PLACEHOLDERS) <= names
    assert said == set(PLACEHOLDERS)
