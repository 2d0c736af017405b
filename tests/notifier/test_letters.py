"""What a mail says, and that nothing can break out of its place in it."""

import email
import email.policy
import re
from collections import Counter
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta

from services.notifier.adapters import TemplateLetterWriter, UnsafeHeader, check_header
from services.notifier.adapters.letters import Words, written_day, written_moment
from services.notifier.domain import Notice, PublicFacts
from services.notifier.ports import CannotBeWritten
from shared.council import Directory
from shared.events import CaseClosed, CaseEvent, CaseOverdue, CaseRaised, CaseState, ClockKind, Task
from tests.notifier.fakes import AT, CLOCKS, DIRECTORY, REFERENCE, case, notice, notices, renamed, with_duty_inbox
from tests.notifier.test_domain import EVENTS

URL = f"https://casework.exampleton.example/casework/{REFERENCE}"
GOLDEN = Path(__file__).parent / "golden"
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Case-Reference",
    "MIME-Version",
    "Content-Type",
]
HEADER_ATTACKS = [
    "Lamps\r\nBcc: eve@evil.example",
    "Lamps\nBcc: eve@evil.example",
    "Lamps\rBcc: eve@evil.example",
    "Lamps\r\n\r\n<p>body",
    "Lamps\x00",
    "Lamps\x0b",
    "Lamps\x0c",
    "Lamps\x1b[31m",
    "Lamps\x1e",
    "Lamps\t",
    "Lamps\x7f",
    "Lamps\x85Bcc: eve@evil.example",
    "Lamps\x9b",
    "Lamps\u2028Bcc: eve@evil.example",
    "Lamps\u2029Bcc: eve@evil.example",
    "=?UTF-8?Q?=0A?=Bcc: eve@evil.example",
    "=?UTF-8?Q?=0D=0ABcc=3A_eve=40evil.example?=",
    "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    "Lamps =?iso-8859-1?q?x?= and more",
    "Lamps\ud800",
]
XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</p></body></html><iframe src=//evil.example>",
    '"><a href="https://evil.example">Open the report</a>',
    "' onmouseover='alert(1)",
    '" style="position:fixed',
    "<a href=javascript:alert(1)>x</a>",
    "<!--",
    "<![CDATA[<b>x</b>]]>",
    "<style>*{display:none}</style>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "<base href=//evil.example>",
]
PLACES = ["wards", "services", "teams", "councillors", "name"]
MACROS = {"outcome_of", "completion_of", "overdue_of"}
TEMPLATES = sorted(
    path.name.removesuffix(".j2")
    for path in files("services.notifier").joinpath("templates").iterdir()
    if path.name not in {"base.txt.j2", "base.html.j2", "own.txt.j2", "own.html.j2", "why.j2", "phrases.j2"}
)


def writer(directory: Directory = DIRECTORY) -> TemplateLetterWriter:
    return TemplateLetterWriter(lambda: directory, "https://casework.exampleton.example/", lambda: AT)


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def _changed(event: CaseEvent, **changes: Any) -> CaseState:
    return event.case.model_copy(update=changes)


def mails(event: CaseEvent, directory: Directory = DIRECTORY) -> list[Notice]:
    return [each for each in notices(event, directory=directory) if each.channel == "mail"]


def receipt() -> Notice:
    return notices(CaseRaised(at=AT, case=case(), raised_on=date(2026, 3, 2)))[0]


class Elements(HTMLParser):
    """Counts elements with the names of their attributes, and collects links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.links: list[str | None] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag, tuple(name for name, _ in attrs)] += 1
        self.links += [value for name, value in attrs if name == "href"]

    def handle_comment(self, data: str) -> None:
        self.found["comment", ()] += 1


@pytest.mark.parametrize(("name", "event", "recipient"), [("receipt-owner", "raised", 0), ("closed-cc", "closed", 1)])
def test_a_mail_reads_word_for_word_like_this(name: str, event: str, recipient: int) -> None:
    told = notices(EVENTS[event])[recipient]

    text, _ = writer().render(told.template, writer().words(told))

    assert told.template == name
    assert text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_the_envelope_of_a_mail_names_council_recipient_case_and_thread() -> None:
    told = receipt()

    letter = writer().write(told)
    message = parsed(letter.content)

    assert (letter.sender, letter.recipient) == ("noreply@exampleton.example", "ada.alder@exampleton.example")
    assert message["From"] == "Exampleton Borough Council <noreply@exampleton.example>"
    assert message["To"] == "Councillor Ada Alder <ada.alder@exampleton.example>"
    assert message["Subject"] == f"[{REFERENCE}] Street lamps"
    assert message["Message-ID"] == f"<{told.id}@exampleton.example>"
    assert message["In-Reply-To"] == message["References"]
    assert message["References"].startswith(f"<case.{REFERENCE}.")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Case-Reference"] == REFERENCE
    assert message["Date"].datetime == AT
    assert message.keys() == HEADERS


def test_all_mails_of_a_case_to_one_person_make_one_thread_and_to_another_a_different_one() -> None:
    first, second = receipt(), notices(CaseClosed(at=AT, case=case(), reason="auto"), "later")[0]
    other = notices(EVENTS["raised"])[1]

    mails = [parsed(writer().write(each).content) for each in (first, second, other)]

    assert mails[0]["References"] == mails[1]["References"] != mails[2]["References"]
    assert mails[0]["Subject"] == mails[1]["Subject"]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


@pytest.mark.parametrize("event", [name for name, event in EVENTS.items() if mails(event)])
def test_every_mail_has_exactly_one_link_and_it_leads_to_the_case(event: str) -> None:
    for told in mails(EVENTS[event]):
        message = parsed(writer().write(told).content)

        assert Elements(part(message, "html")).links == [URL]
        assert re.findall(r"https?://\S+", part(message, "plain")) == [URL]


@pytest.mark.parametrize("event", [name for name, event in EVENTS.items() if mails(event)])
def test_the_first_line_says_what_happened_with_service_and_ward(event: str) -> None:
    for told in mails(EVENTS[event]):
        text = part(parsed(writer().write(told).content), "plain")

        first = " ".join(text.split("\n\n")[0].split())
        assert "Street lamps in Elm Hill" in first


@pytest.mark.parametrize("attack", HEADER_ATTACKS)
@pytest.mark.parametrize("place", ["services", "councillors", "name"])
def test_a_text_that_would_break_a_header_is_refused(place: str, attack: str) -> None:
    with pytest.raises(CannotBeWritten, match="unsafe-header"):
        writer(renamed(place, attack)).write(receipt())


@pytest.mark.parametrize("attack", HEADER_ATTACKS[:-1])
def test_a_text_in_the_body_adds_no_header(attack: str) -> None:
    message = parsed(writer(renamed("wards", attack)).write(receipt()).content)

    assert message.keys() == HEADERS


@pytest.mark.parametrize("name", ["Siân O'Näill-Wörth", "Straßenbeleuchtung & Co", 'Lamps, "old" (x)', "路灯"])
def test_names_with_letters_of_other_alphabets_arrive_as_they_are(name: str) -> None:
    message = parsed(writer(renamed("services", name)).write(receipt()).content)

    assert message["Subject"] == f"[{REFERENCE}] {name}"
    assert name in part(message, "plain")
    assert message.keys() == HEADERS


@pytest.mark.parametrize("attack", XSS)
@pytest.mark.parametrize("place", PLACES)
def test_a_name_adds_no_element_and_no_attribute(place: str, attack: str) -> None:
    told = notices(EVENTS["final response"])[1]
    directory = renamed(place, attack)

    _, html = writer(directory).render(told.template, writer(directory).words(told))
    _, plain = writer().render(told.template, writer().words(told))

    assert Elements(html).found == Elements(plain).found
    assert Elements(html).links == [URL]


def test_a_check_names_the_header_and_says_what_to_do() -> None:
    with pytest.raises(UnsafeHeader, match="Subject: remove control characters"):
        check_header("Subject", "x\n")


def test_a_recipient_the_council_does_not_know_has_no_address() -> None:
    with pytest.raises(CannotBeWritten, match="no-address"):
        writer().write(notice(recipient="cllr-gone"))


def test_danger_goes_to_the_duty_inbox() -> None:
    duty = notice(recipient="duty:lighting", role="duty", template="new-case-duty")

    assert writer().write(duty).recipient == "lighting-duty@exampleton.example"


def test_a_duty_inbox_that_has_gone_meanwhile_has_no_address() -> None:
    duty = notice(recipient="duty:lighting", role="duty", template="new-case-duty")

    with pytest.raises(CannotBeWritten, match="no-address"):
        writer(with_duty_inbox(None)).write(duty)


@pytest.mark.parametrize(
    ("changes", "clock", "recipient", "asked"),
    [
        ({}, "acknowledge", "team:lighting", "Please open it now and acknowledge it. An answer is due by"),
        ({}, "answer", "team:lighting", "Please open it now and say how it stands."),
        (
            {"team": "members-desk", "state": "triage", "clocks": CLOCKS[:1]},
            "acknowledge",
            "team:members-desk",
            "Please open it now and decide which team answers for it.",
        ),
        ({"lane": "urgent"}, "acknowledge", "duty:lighting", "Please look at it now and see that a team takes it on."),
        ({"lane": "urgent"}, "answer", "duty:lighting", "Please look at it now and say how it stands."),
        (
            {"lane": "urgent", "team": "members-desk", "state": "triage", "clocks": CLOCKS[:1]},
            "acknowledge",
            "duty:members-desk",
            "Please look at it now and see that a team takes it on.",
        ),
    ],
)
def test_of_what_is_overdue_everybody_is_asked_for_what_they_can_do(
    changes: dict[str, Any], clock: ClockKind, recipient: str, asked: str
) -> None:
    event = CaseOverdue(at=AT, case=case(**changes), clock=clock, due=AT)
    told = next(each for each in notices(event) if each.recipient == recipient)

    text, _ = writer().render(told.template, writer().words(told))

    assert asked in " ".join(text.split())


@pytest.mark.parametrize(
    ("recipient", "said"),
    [
        ("cllr-alder", "Drains has been told, too."),
    ],
)
def test_of_a_part_that_is_late_it_is_said_whose_it_is(recipient: str, said: str) -> None:
    parts = (Task(number=1, team="drains"),)
    event = CaseOverdue(at=AT, case=case(tasks=parts), clock="task", due=AT, number=1)
    told = next(each for each in notices(event) if each.recipient == recipient)

    text, _ = writer().render(told.template, writer().words(told))

    assert said in " ".join(text.split())


def test_a_service_that_was_abolished_is_named_by_its_code() -> None:
    assert parsed(writer().write(notice(service="gas-lamps")).content)["Subject"] == f"[{REFERENCE}] gas-lamps"


def test_every_template_is_used_and_every_mail_has_one() -> None:
    urgent = [event.model_copy(update={"case": _changed(event, lane="urgent")}) for event in EVENTS.values()]

    always = with_duty_inbox("day-and-night@exampleton.example")

    assert {told.template for event in urgent for told in mails(event, always)} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_says_nothing_but_words(template: str) -> None:
    source = files("services.notifier").joinpath("templates", f"{template}.j2").read_text(encoding="utf-8")

    said = meta.find_undeclared_variables(Environment(autoescape=True).parse(source))

    assert said <= {field.name for field in fields(Words)} | {"layout"} | MACROS


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("lane", ["normal", "urgent"])
def test_a_mail_reads_well_about_a_case_without_team_and_clocks(event: str, lane: str) -> None:
    bare = EVENTS[event].model_copy(
        update={"case": _changed(EVENTS[event], kind="case", team=None, clocks=(), lane=lane)}
    )

    for told in mails(bare):
        text, _ = writer().render(told.template, writer().words(told))

        assert not re.search(r"None|[ \n][.,]|  |\b(by|at|that)[.,]", text)


def test_the_words_of_a_mail_are_public_facts_and_names_at_work() -> None:
    public = {
        *("council", "reference", "url", "role", "thing", "service", "ward", "owner", "team", "danger"),
        *("acknowledge_by", "answer_by", "closes", "promised", "not_before", "overdue", "overdue_since"),
        *("reason", "outcome", "rule", "former_team", "former_owner", "part_team", "part_by", "officer", "round"),
    }

    assert set(asdict(writer().words(receipt()))) == public


def test_no_public_fact_can_hold_free_text() -> None:
    def bounded(schema: dict[str, Any]) -> bool:
        choices = schema.get("anyOf", [schema])
        return all(
            each["type"] in {"null", "integer"} or {"pattern", "format", "enum"} & each.keys() for each in choices
        )

    facts = PublicFacts.model_json_schema(mode="validation")["properties"]

    assert [name for name, schema in facts.items() if not bounded(schema)] == []


def test_days_and_moments_are_written_out_in_london_time() -> None:
    assert written_day(date(2026, 11, 3)) == "Tuesday 3 November 2026"
    assert written_moment(datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC)) == "the end of Wednesday 1 July 2026"
    assert written_moment(datetime(2026, 7, 1, 9, 5, tzinfo=UTC)) == "10:05 on Wednesday 1 July 2026"
