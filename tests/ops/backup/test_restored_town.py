"""A whole system is restored as docs/backup.md says, and goes on from the instant of its backup."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops import backup
from ops.connections import Databases
from ops.stack.management import Management, quoted
from ops.stack.mongo import Mongo
from shared.plumbing.topology import EVENTS, WORK_QUEUES
from tests.flows.people import CASE, COUNCILLOR, OFFICER, facts_of
from tests.flows.programs import until
from tests.flows.town import SECOND_GATEWAY, Town, a_town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]
AGAIN = timedelta(minutes=30)


@pytest.fixture
async def town(vhost_url: str, mongo_server: Mongo, tmp_path: Path) -> AsyncIterator[Town]:
    async with a_town(vhost_url, mongo_server.url, tmp_path) as running:
        yield running
        await running.stop()


async def test_after_a_restore_what_queues_held_is_heard_and_what_came_later_is_gone(
    town: Town, vhost_url: str, mongo_server: Mongo, management: Management, tmp_path: Path
) -> None:
    databases, vhost = Databases(mongo_server.url, town.prefix), quoted(urlsplit(vhost_url).path[1:])
    file = tmp_path / "kept.zip"
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    known = await councillor.raise_(CASE)
    await councillor.see_when(known, status="with_team")

    async with town.programs["routing"].away():  # its queue holds the next case, and no database of its own does
        queued = await councillor.raise_(CASE)

        async def said() -> bool:
            return not await town.mongo[databases.name("intake")].cases.find_one({"unsaid_since": {"$exists": True}})

        await until(said, "everything is said")
        backup.create(databases, file)
    later = await councillor.raise_(CASE)
    await councillor.see_when(later, status="with_team")
    await officer.order(known, "acknowledge")

    await town.stop()
    for queue in WORK_QUEUES:
        if queue.exchange == EVENTS:
            management.delete(f"queues/{vhost}/{quoted(queue.name)}/contents")
    restored = backup.restore(databases, file, replace=True, say_again=AGAIN)
    for name, program in town.programs.items():
        if name != SECOND_GATEWAY:
            await program.start()
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)

    routed = await councillor.see_when(queued, status="with_team")
    acknowledged = await officer.order(known, "acknowledge")
    gone = await councillor.get(f"/v1/cases/{later}")
    assert restored.whole
    assert restored.say_again > 0
    assert facts_of(routed) == ["raised", "routed"]
    assert facts_of(acknowledged) == ["raised", "routed", "acknowledged"]
    assert gone.status_code == 404
    waiting = await town.tap.waiting()
    assert not {queue: count for queue, count in waiting.items() if queue.endswith(".dead")}
