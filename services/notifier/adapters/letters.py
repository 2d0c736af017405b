"""Writes the mails: words from the council or `templates/`, names from the council, headers nobody can break out of.

What a template may use is exactly `Words`: public facts and names at work. Never hand it a case, an event or a person.
The council's own words stand in place of a template where some hold on the day; the template where they do not fit.
"""

import hashlib
import re
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.notifier.domain import DUTY, TEAM, Notice, Role, is_address
from services.notifier.ports import CannotBeWritten, Letter
from shared.calendar import LONDON
from shared.council import Directory, MailText
from shared.council.texts import PLACEHOLDERS, CannotBeFilled, fill, placeholders_of

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|=\?.*\?=", re.DOTALL)
"""C0 and C1 controls, line and paragraph separator, half a surrogate pair, encoded words."""
_END_OF_DAY = time(23, 59, 59)
_BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n")

Unusable = Callable[[str, str, str], None]
"""Hears of a text of the council that does not fit: its id, the mail it stands for, and why, as a code."""


class UnsafeHeader(ValueError):
    """A text may not stand in a mail header."""


def check_header(name: str, value: str) -> str:
    """Give the value back if it may stand in a header.

    Raises:
        UnsafeHeader: it holds a control character, a line separator or an encoded word.
    """
    if _UNSAFE.search(value):
        raise UnsafeHeader(f"{name}: remove control characters, line breaks and `=?...?=` from the text")
    return value


@dataclass(frozen=True, slots=True)
class Words:
    """Everything a template may say. Dates are written out; a name that is not known any more is its id."""

    council: str
    reference: str
    url: str
    role: Role
    thing: str
    """`case` or `report`."""
    service: str
    ward: str
    owner: str
    team: str
    danger: bool
    acknowledge_by: str
    answer_by: str
    closes: str
    promised: str
    not_before: str
    overdue: str
    overdue_since: str
    reason: str
    outcome: str
    rule: str
    former_team: str
    former_owner: str
    part_team: str
    part_by: str
    officer: str
    round: int
    """How often it has been called out again."""


class Wording(NamedTuple):
    """What a mail says, in both forms."""

    subject: str
    text: str
    html: str


def written_day(day: date) -> str:
    """Write a day out: `Monday 23 November 2026`."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def written_moment(moment: datetime) -> str:
    """Write an instant in London time: `the end of <day>` for 23:59:59, else `14:05 on <day>`."""
    local = moment.astimezone(LONDON)
    if local.time().replace(microsecond=0) == _END_OF_DAY:
        return f"the end of {written_day(local.date())}"
    return f"{local:%H:%M} on {written_day(local.date())}"


class TemplateLetterWriter:
    """Writes mails as plain text and HTML, both from the same words."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        public_url: str,
        now: Callable[[], datetime],
        *,
        sender: str | None = None,
        unusable: Unusable = lambda *_: None,
    ) -> None:
        """Ask for council and time anew for every mail.

        Args:
            directory: gives the council of now.
            public_url: what the address of a case begins with.
            now: real time.
            sender: replaces `noreply@<mail domain>`.
            unusable: hears of the council's texts that do not fit.
        """
        self._directory = directory
        self._public_url = public_url.rstrip("/")
        self._now = now
        self._sender = sender
        self._unusable = unusable
        # The same files twice: in HTML every value is escaped, in plain text none is.
        self._text = _environment(autoescape=False)
        self._html = _environment(autoescape=True)

    def write(self, notice: Notice) -> Letter:
        """Write the mail of a notice."""
        directory = self._directory()
        recipient, name = _addressee(notice.recipient, directory)
        if not recipient:
            raise CannotBeWritten("no-address")
        sender = self._sender or f"noreply@{directory.council.mail_domain}"
        if not (is_address(recipient) and is_address(sender)):
            raise CannotBeWritten("bad-address")
        words = self.words(notice)
        try:
            message = self._message(notice, words, directory.council.mail_domain, sender, (name, recipient))
        except UnsafeHeader as error:
            raise CannotBeWritten("unsafe-header") from error
        return Letter(sender, recipient, message.as_bytes())

    def words(self, notice: Notice) -> Words:
        """Look up what the template may say."""
        directory, facts = self._directory(), notice.facts
        service, ward = directory.service(notice.service), directory.ward(notice.ward)
        return Words(
            council=directory.council.name,
            reference=notice.reference,
            url=f"{self._public_url}/casework/{notice.reference}",
            role=notice.role,
            thing=facts.kind,
            service=service.name if service else notice.service,
            ward=ward.name if ward else notice.ward,
            owner=self._person(facts.owner),
            team=self._team(facts.team),
            danger=notice.lane == "urgent",
            acknowledge_by=written_moment(facts.acknowledge_by) if facts.acknowledge_by else "",
            answer_by=written_moment(facts.answer_by) if facts.answer_by else "",
            closes=written_moment(facts.closes_at) if facts.closes_at else "",
            promised=written_day(facts.promised) if facts.promised else "",
            not_before=written_day(facts.not_before) if facts.not_before else "",
            overdue=facts.overdue or "",
            overdue_since=written_moment(facts.overdue_since) if facts.overdue_since else "",
            reason=facts.reason or "",
            outcome=facts.outcome or "",
            rule=facts.rule or "",
            former_team=self._team(facts.former_team),
            former_owner=self._person(facts.former_owner),
            part_team=self._team(facts.part_team),
            part_by=written_moment(facts.part_by) if facts.part_by else "",
            officer=self._person(facts.officer),
            round=facts.round,
        )

    def render(self, template: str, words: Words) -> tuple[str, str]:
        """Give plain text and HTML of a template."""
        values, name = asdict(words), f"{template}.j2"
        text = self._text.get_template(name).render(values, layout="base.txt.j2")
        html = self._html.get_template(name).render(values, layout="base.html.j2")
        return text.strip() + "\n", html.strip() + "\n"

    def wording(self, notice: Notice, words: Words) -> Wording:
        """Give what the mail says: in the council's own words where some hold on the day, else in the built-in ones."""
        on = (notice.at or self._now()).astimezone(LONDON).date()
        own = self._directory().text_of(notice.template, on)
        if own:
            try:
                return self._in_own_words(own, words)
            except CannotBeFilled as error:
                self._unusable(own.id, notice.template, error.reason)
            except UnsafeHeader:
                self._unusable(own.id, notice.template, "unsafe-subject")
        return Wording(f"[{words.reference}] {words.service}", *self.render(notice.template, words))

    def _in_own_words(self, own: MailText, words: Words) -> Wording:
        """Fill a text of the council; the subject begins with the reference, whatever it says."""
        values = asdict(words)
        said = {name: str(values["url" if name == "link" else name]) for name in PLACEHOLDERS}
        subject = check_header("Subject", f"[{words.reference}] {fill(own.subject, said)}")
        plain = fill(own.body, said)
        # Escaped before it is filled: escaping leaves braces alone, and each word is escaped by itself.
        marked = fill(escape(own.body), said, _marked)
        values |= {"subject": subject, "has_link": "link" in placeholders_of(own.body)}
        text = self._text.get_template("own.txt.j2").render(values, paragraphs=_BETWEEN_PARAGRAPHS.split(plain))
        html = self._html.get_template("own.html.j2").render(values, paragraphs=_BETWEEN_PARAGRAPHS.split(marked))
        return Wording(subject, text.strip() + "\n", html.strip() + "\n")

    def _team(self, team_id: str | None) -> str:
        team = self._directory().team(team_id) if team_id else None
        return team.name if team else team_id or ""

    def _person(self, person_id: str | None) -> str:
        person = self._directory().person(person_id) if person_id else None
        return person.full_name if person else person_id or ""

    def _message(
        self, notice: Notice, words: Words, domain: str, sender: str, addressee: tuple[str, str]
    ) -> EmailMessage:
        name, recipient = addressee
        root = hashlib.sha256(notice.recipient.encode()).hexdigest()[:16]
        thread = f"<case.{notice.reference}.{root}@{domain}>"
        wording = self.wording(notice, words)
        headers: dict[str, str | Address] = {
            "From": _address("From", words.council, sender),
            "To": _address("To", name, recipient),
            "Subject": wording.subject,
            "Date": format_datetime(self._now()),
            "Message-ID": f"<{notice.id}@{domain}>",
            "In-Reply-To": thread,
            "References": thread,
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "X-Case-Reference": notice.reference,
        }
        message = EmailMessage(policy=SMTP)
        for header, value in headers.items():
            message[header] = value if isinstance(value, Address) else check_header(header, value)
        # Quoted-printable: no mail server on the way has to be asked whether it takes eight bits.
        message.set_content(wording.text, cte="quoted-printable")
        message.add_alternative(wording.html, subtype="html", cte="quoted-printable")
        return message


def _address(header: str, name: str, address: str) -> Address:
    return Address(display_name=check_header(header, name), addr_spec=check_header(header, address))


def _addressee(recipient: str, directory: Directory) -> tuple[str | None, str]:
    """Find address and name; a duty inbox that is gone has no address, and the team has its own notice."""
    if recipient.startswith(DUTY):
        team = directory.team(recipient.removeprefix(DUTY))
        return (team.duty_inbox, team.name) if team else (None, "")
    if recipient.startswith(TEAM):
        team = directory.team(recipient.removeprefix(TEAM))
        return directory.address_of(recipient), team.name if team else ""
    person = directory.person(recipient)
    return directory.address_of(recipient), person.full_name if person else ""


def _marked(name: str, word: str) -> str:
    """Escape a placeholder's word; the link can be followed."""
    safe = escape(word)
    return f'<a href="{safe}">{safe}</a>' if name == "link" else safe


def _paragraph(text: str) -> str:
    """Set words in lines of at most 76 characters."""
    return textwrap.fill(" ".join(text.split()), 76, break_long_words=False, break_on_hyphens=False)


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("services.notifier", "templates"),
        autoescape=autoescape,  # noqa: S701  plain text is never escaped; the HTML environment always is
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraph"] = _paragraph
    return environment
