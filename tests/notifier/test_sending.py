"""Two notifiers at once, one database, one mail server: every notice is sent exactly once."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from pymongo.asynchronous.database import AsyncDatabase

from services.notifier.adapters import NOTICES, MongoNoticeBook, SmtpPostbox
from services.notifier.ports import Letter
from services.notifier.ticker import Pace, Sender
from shared.plumbing.history import Say, enter, technical_now
from shared.plumbing.store import Store
from tests.notifier.fakes import CASE, PlainWriter, Tally, notice
from tests.notifier.mail_server import MailServer, mail_server

pytestmark = pytest.mark.mongo

MANY = 120


class Spoken:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.facts: list[Say] = []

    def say(self, says: Iterable[Say]) -> None:
        self.facts.extend(says)


async def business() -> datetime:
    return datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def sender(store: Store, spoken: Spoken, server: MailServer) -> tuple[Sender[Letter], list[SmtpPostbox]]:
    postboxes = [
        SmtpPostbox("127.0.0.1", server.port, starttls="never", timeout=5.0, local_hostname="localhost")
        for _ in range(3)
    ]
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[], wrapper_class=structlog.make_filtering_bound_logger("critical")
    )
    book = MongoNoticeBook(store, spoken, business, now=technical_now)
    return Sender(book, PlainWriter(), postboxes, Tally(), log, pace=Pace(1000.0), batch=7), postboxes


async def test_two_instances_send_every_notice_exactly_once(database: AsyncDatabase[dict[str, Any]]) -> None:
    store, spoken = Store(database, [NOTICES]), Spoken()
    await store.prepare()
    told = [notice(number) for number in range(MANY)]
    await store.write([enter("notices", each, CASE) for each in told])

    async with mail_server() as server:
        senders = [sender(store, spoken, server) for _ in range(2)]

        async def work(one: Sender[Letter]) -> None:
            while await store.durable["notices"].count_documents({"state.status": {"$ne": "sent"}}):
                await one.turn()

        async with asyncio.timeout(60):
            await asyncio.gather(*(work(one) for one, _ in senders))
        for _, postboxes in senders:
            for postbox in postboxes:
                await postbox.close()

        delivered = Counter(content.strip().decode() for _, _, content in server.mails)

    assert delivered == Counter({each.id: 1 for each in told})
    assert len(spoken.facts) == MANY
