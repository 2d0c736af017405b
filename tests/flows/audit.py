"""What must be true after any flow: every message has ended done or dead, and nothing personal has shown anywhere."""

import urllib.parse
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bson import encode

from ops.stack.management import Management
from ops.stack.mongo import Mongo
from ops.stack.rabbit import Rabbit
from shared.council import Council
from tests.flows.people import CANARY
from tests.flows.programs import Program
from tests.flows.town import SERVICES, Town, a_town

DONE = {"done", "repeated", "nothing-to-do", "refused"}
"""What may become of a message that is not a dead letter."""


def neither_done_nor_dead(town: Town) -> list[str]:
    """List the messages that have ended otherwise; of the dead letters, only those a test has made and taken count."""
    dead = {one.id for one in town.tap.dead}
    return [
        f"{line['outcome']}: {line['type']} {line['message_id']} on {line['queue']}"
        for line in town.logs.messages
        if line["outcome"] not in DONE and line["message_id"] not in dead
    ]


async def places_of(town: Town) -> dict[str, str]:
    """Gather everything that somebody without a right to a case could read, by where it stands."""
    places = {"log": town.logs.getvalue()}
    for number, one in enumerate([*town.tap.heard, *town.tap.dead]):
        places[f"message {number} {one.exchange} {one.type}"] = one.everything()
    for mail in town.inbox.find():
        places[f"mail {mail.id}"] = f"{mail.headers} {mail.text} {mail.html}"
    for service in SERVICES:
        places[f"metrics of {service}"] = await _metrics(town.programs[service])
        for name, documents in (await town.documents(service)).items():
            places |= {f"{service}.{name} {one['_id']}": str(encode(one)) for one in documents}
    return places


async def _metrics(program: Program) -> str:
    found = await program.metrics()
    assert "# HELP casework_" in found
    return found


def shown_in(places: dict[str, str], words: str) -> list[str]:
    """Name the places where some words show, in whatever case."""
    return [place for place, text in places.items() if words.casefold() in text.casefold()]


@asynccontextmanager
async def audited_town(  # noqa: PLR0913, PLR0917  the servers it runs on, and how it begins
    rabbit: Rabbit,
    management: Management,
    mongo: Mongo,
    folder: Path,
    bundle: Council | None = None,
    begins: datetime | None = None,
) -> AsyncIterator[Town]:
    """Run a town on a vhost of its own; when it is over, look whether everything has ended as it must."""
    vhost = f"flows-{uuid.uuid4().hex[:12]}"
    management.create_vhost(vhost)
    url = urllib.parse.urlsplit(rabbit.url)._replace(path=f"/{vhost}").geturl()
    try:
        async with a_town(url, mongo.url, folder, bundle, begins) as running:
            yield running
            await running.settle()
            places = await places_of(running)
            await running.stop()
            assert neither_done_nor_dead(running) == []
            assert await running.tap.waiting() == {}  # what was taken and never acknowledged would be back there
            assert shown_in(places, CANARY) == []
    finally:
        management.delete_vhost(vhost)
