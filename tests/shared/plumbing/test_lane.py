from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from shared.commands import reference_for
from shared.council import Council, Directory
from shared.events import CaseAcknowledged, CaseRouted, RoutingDecided, RoutingTriageNeeded
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Handlers, Provider
from shared.plumbing.history import Cause, Document, Write, change
from shared.plumbing.lane import Done, Failed, Lane
from shared.plumbing.refusals import COLLECTION as REFUSALS
from shared.plumbing.sealed import SealBox
from shared.plumbing.store import Collection, Store
from shared.plumbing.wire import parcel_of
from tests.shared.plumbing import toys

pytestmark = pytest.mark.mongo


@pytest.fixture
async def store(database: AsyncDatabase[Document]) -> Store:
    store = Store(database, [Collection(name) for name in ("things", "decisions", "tellings")] + [REFUSALS])
    await store.prepare()
    return store


@pytest.fixture
def listener() -> toys.Listener:
    return toys.Listener()


@pytest.fixture
def replier() -> toys.ListeningReplier:
    return toys.ListeningReplier()


async def no_pause(_: float) -> None:
    return


def a_lane(
    handlers: Handlers,
    store: Store,
    listener: toys.Listener,
    replier: toys.ListeningReplier | None = None,
    directory: Directory | None = None,
) -> Lane:
    calls = toys.Calls()
    ports: dict[Any, Provider] = {toys.Calls: lambda: calls}
    if directory:
        ports[Directory] = lambda: directory
    return Lane(
        "toys",
        handlers,
        store=store,
        speaker=listener,
        ports=ports,
        log=toys.LOG,
        metrics=toys.metrics(),
        seal=toys.SEAL,
        vault=toys.VAULT,
        replier=replier,
        pause=no_pause,
    )


async def given_a_thing(store: Store, document_id: str = toys.CASE) -> None:
    opened = [CaseRouted(at=toys.AT, case=toys.STATE, team="toys", rule="r", rules_version="1", reason="service-rule")]
    await store.write([change(toys.THINGS, document_id, document_id, None, opened, Cause("opened", "corr"))])


async def the_thing(store: Store, document_id: str = toys.CASE) -> Document:
    return (await store.read([("things", document_id)]))["things", document_id]


async def test_an_event_changes_its_document_and_the_fact_is_said_with_a_fixed_id(
    store: Store, listener: toys.Listener
) -> None:
    await given_a_thing(store)
    message = toys.event_envelope(toys.routing_decided("a-team"), message_id="m1")

    verdicts = await a_lane(toys.events, store, listener).work([message])

    thing = await the_thing(store)
    assert verdicts == [Done()]
    assert (thing["version"], [entry["seq"] for entry in thing["history"]]) == (2, [1, 2])
    assert [say.entry["id"] for say in listener.said] == [thing["history"][1]["id"]]
    assert thing["history"][1]["cause"] == "m1"


async def test_a_fact_records_the_version_of_the_council_it_was_decided_under(
    store: Store, listener: toys.Listener, sample_council: Council
) -> None:
    await given_a_thing(store)
    first, second = (toys.event_envelope(toys.routing_decided("a-team"), message_id=name) for name in ("m1", "m2"))

    await a_lane(toys.events, store, listener, directory=Directory(sample_council, 3)).work([first])
    await a_lane(toys.events, store, listener, directory=Directory(sample_council, 4)).work([second])

    assert [entry["council"] for entry in (await the_thing(store))["history"]] == [0, 3, 4]


async def test_a_repeated_message_finds_its_effect(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    message = toys.event_envelope(toys.routing_decided("a-team"))
    lane = a_lane(toys.events, store, listener)

    first = await lane.work([message, message])
    second = await lane.work([message])

    assert [*first, *second] == [Done(), Done("repeated"), Done("repeated")]
    assert (await the_thing(store))["state"]["acknowledged"] == 1


async def test_one_batch_with_every_poison_stores_the_neighbours(store: Store, listener: toys.Listener) -> None:
    for name in ("fine", "bug", "also-fine"):
        await given_a_thing(store, name)
    fine, bug = toys.routing_decided("a-team"), toys.routing_decided("bug")
    batch = [
        toys.event_envelope(fine, subject="fine"),
        toys.event_envelope(fine, subject="fine")._replace(body=b"{no json"),
        toys.event_envelope(fine, subject="fine")._replace(type="casework.case.unheard_of.v1"),
        toys.event_envelope(fine, subject="fine")._replace(body=b'{"team": "x y"}'),
        toys.event_envelope(fine, subject=""),
        toys.event_envelope(bug, subject="bug"),
        toys.event_envelope(fine, subject="ghost"),
        toys.event_envelope(fine, subject="also-fine"),
    ]

    verdicts = await a_lane(toys.events, store, listener).work(batch)

    assert [verdict.reason if isinstance(verdict, Failed) else verdict.outcome for verdict in verdicts] == [
        "done",
        "malformed",
        "unknown-type",
        "malformed",
        "malformed",
        "failed",
        "gave-up:unknown-case",
        "done",
    ]
    assert [verdict.retry for verdict in verdicts if isinstance(verdict, Failed)] == [False] * 4 + [True, False]
    assert (await the_thing(store, "also-fine"))["version"] == 2
    assert await store.durable["things"].count_documents({"_id": "ghost"}) == 0


async def test_no_error_text_quotes_the_message(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    canary = toys.event_envelope(toys.routing_decided("bug"))
    malformed = canary._replace(id="m2", body=b'{"at": "Mrs Canary", "team": "Canary Street"}')

    verdicts = await a_lane(toys.events, store, listener).work([canary, malformed])

    assert "anary" not in repr(verdicts)


class Meddling(Store):
    """Somebody else writes between our read and our write, the first times."""

    times = 0

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        if self.times:
            self.times -= 1
            await self.durable["things"].update_one({"_id": toys.CASE}, {"$inc": {"version": 1}})
        return await super().write(writes)


async def test_a_missed_compare_and_set_is_decided_again_on_the_new_version(
    store: Store, listener: toys.Listener
) -> None:
    await given_a_thing(store)
    meddled = Meddling(store.database, store.collections)
    meddled.times = 3

    verdicts = await a_lane(toys.events, meddled, listener).work([toys.event_envelope(toys.routing_decided("a-team"))])

    thing = await the_thing(store)
    assert verdicts == [Done()]
    assert (thing["version"], len(thing["history"])) == (5, 2)


class Away(Store):
    """A database that is away for the first calls."""

    times = 3

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        if self.times:
            self.times -= 1
            raise AutoReconnect("away")
        return await super().write(writes)


async def test_an_outage_waits_and_blames_no_message(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    away = Away(store.database, store.collections)

    verdicts = await a_lane(toys.events, away, listener).work([toys.event_envelope(toys.routing_decided("a-team"))])

    assert verdicts == [Done()]
    assert (away.times, (await the_thing(store))["version"]) == (0, 2)


async def test_two_messages_on_one_document_are_done_in_order_of_arrival(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    batch = [toys.event_envelope(toys.routing_decided(team)) for team in ("first", "second", "third")]

    await a_lane(toys.events, store, listener).work(batch)

    said = [entry["data"]["team"] for entry in (await the_thing(store))["history"][1:]]
    assert said == ["first", "second", "third"]


async def test_an_event_makes_one_document_under_its_own_id(store: Store, listener: toys.Listener) -> None:
    message = toys.event_envelope(CaseAcknowledged(at=toys.AT, case=toys.STATE, team="a-team"), message_id="e1")
    lane = a_lane(toys.decisions, store, listener)

    verdicts = await lane.work([message]) + await lane.work([message])

    assert verdicts == [Done(), Done("repeated")]
    assert [document["_id"] async for document in store.durable["decisions"].find()] == ["e1"]
    assert len(listener.said) == 1


async def test_notes_lie_in_the_document_and_are_not_said(store: Store, listener: toys.Listener) -> None:
    message = toys.event_envelope(CaseAcknowledged(at=toys.AT, case=toys.STATE, team="a-team"), message_id="e1")

    verdicts = await a_lane(toys.noted_decisions, store, listener).work([message])

    document = await store.durable["decisions"].find_one({"_id": "e1"})
    assert verdicts == [Done()]
    assert document is not None
    assert document["notes"] == {"sentence": "Toys for everybody.", "on": "2026-03-02"}
    assert document["state"]["team"] == "a-team"
    (say,) = listener.said
    assert b"sentence" not in parcel_of(say, "exampleton", "toys").body
    assert b"a-team" in parcel_of(say, "exampleton", "toys").body
    assert "notes" not in say.entry


def test_what_a_handler_may_say_is_read_through_its_notes() -> None:
    (handler,) = toys.noted_decisions

    assert handler.says == (RoutingDecided, RoutingTriageNeeded)


async def test_a_partial_write_of_many_documents_is_finished_by_redelivery(
    store: Store, listener: toys.Listener
) -> None:
    routed = CaseRouted(at=toys.AT, case=toys.STATE, team="toys", rule="r", rules_version="1", reason="service-rule")
    message = toys.event_envelope(routed, message_id="e1")
    lane = a_lane(toys.tellings, store, listener)
    await lane.work([message])
    await store.durable["tellings"].delete_one({"_id": "e1-team"})

    verdicts = await lane.work([message])

    assert verdicts == [Done()]
    assert {document["_id"] async for document in store.durable["tellings"].find()} == {"e1-owner", "e1-team"}


async def test_a_command_is_opened_decided_and_replied_to(
    store: Store, listener: toys.Listener, replier: toys.ListeningReplier
) -> None:
    await given_a_thing(store)
    message = toys.command_envelope(toys.an_acknowledgement(), "c1", reply_to="replies")

    verdicts = await a_lane(toys.commands, store, listener, replier).work([message])

    assert verdicts == [Done()]
    assert [(one.refusal, one.repeated) for one in replier.decided] == [(None, False)]
    assert (await the_thing(store))["history"][1]["actor"] == "off-001"


async def test_a_refusal_is_kept_and_given_again(
    store: Store, listener: toys.Listener, replier: toys.ListeningReplier
) -> None:
    await given_a_thing(store)
    lane = a_lane(toys.commands, store, listener, replier)
    await lane.work([toys.command_envelope(toys.an_acknowledgement(), "c1", reply_to="r")])
    again = toys.command_envelope(toys.an_acknowledgement(), "c2", reply_to="r")

    verdicts = await lane.work([again]) + await lane.work([again])

    assert verdicts == [Done("refused"), Done("repeated")]
    assert [one.refusal.code for one in replier.decided[1:]] == ["acknowledged-already"] * 2
    assert await store.durable["refusals"].count_documents({"_id": "c2", "principal": "off-001"}) == 1


@pytest.mark.parametrize("decided_before", ["accepted", "refused"])
async def test_the_same_key_with_another_body_is_refused(
    store: Store, listener: toys.Listener, replier: toys.ListeningReplier, decided_before: str
) -> None:
    if decided_before == "accepted":
        await given_a_thing(store)
    lane = a_lane(toys.commands, store, listener, replier)
    await lane.work([toys.command_envelope(toys.an_acknowledgement(), "c1", reply_to="r")])

    await lane.work([toys.command_envelope(toys.an_acknowledgement(body_hash="1" * 64), "c1", reply_to="r")])

    assert replier.decided[-1].refusal.code == "key-reused"


def other_subject(envelope: Envelope) -> Envelope:
    return envelope._replace(subject="another-case")


def other_id(envelope: Envelope) -> Envelope:
    return envelope._replace(id="c9")


def altered(envelope: Envelope) -> Envelope:
    return envelope._replace(body=envelope.body.replace(b"off-001", b"off-002"))


@pytest.mark.parametrize("forge", [other_subject, other_id, altered])
async def test_a_forged_command_has_no_effect(store: Store, listener: toys.Listener, forge: Any) -> None:
    await given_a_thing(store)
    message = forge(toys.command_envelope(toys.an_acknowledgement(), "c1"))

    verdicts = await a_lane(toys.commands, store, listener).work([message])

    assert [verdict.reason for verdict in verdicts if isinstance(verdict, Failed)] == ["forged"]
    assert (await the_thing(store))["version"] == 1


async def test_a_command_sealed_with_a_foreign_key_is_forged(store: Store, listener: toys.Listener) -> None:
    foreign = SealBox([SecretStr("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")])
    message = toys.command_envelope(toys.an_acknowledgement(), "c1", seal=foreign)

    verdicts = await a_lane(toys.commands, store, listener).work([message])

    assert [verdict.reason for verdict in verdicts if isinstance(verdict, Failed)] == ["forged"]


async def test_the_words_lie_encrypted_beside_the_fact_and_nowhere_else(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    message = toys.command_envelope(toys.a_progress("Mrs Canary has been visited"), "c1")

    await a_lane(toys.commands, store, listener).work([message])

    thing = await the_thing(store)
    [(fact, blob)] = thing["texts"].items()
    assert b"Canary" not in message.body
    assert "Canary" not in toys.as_text([thing["history"], thing["state"], [say.entry for say in listener.said]])
    assert b"Canary" not in bytes(blob)
    assert fact == thing["history"][1]["id"]
    assert toys.VAULT.open(thing["key"], blob) == {"text": "Mrs Canary has been visited"}


async def test_a_command_on_an_unknown_case_is_refused_and_makes_no_ghost(
    store: Store, listener: toys.Listener, replier: toys.ListeningReplier
) -> None:
    unknown = reference_for("exampleton", "nobody", "nothing")

    await a_lane(toys.commands, store, listener, replier).work(
        [toys.command_envelope(toys.an_acknowledgement(reference=unknown), "c1", reply_to="r")]
    )

    assert replier.decided[0].refusal.kind == "not_found"
    assert await store.durable["things"].count_documents({}) == 0


async def test_many_messages_on_one_document_are_all_done_in_one_batch(store: Store, listener: toys.Listener) -> None:
    await given_a_thing(store)
    notes = [toys.command_envelope(toys.a_progress(f"note {number}"), f"note-{number}") for number in range(40)]

    verdicts = await a_lane(toys.commands, store, listener).work(notes)

    assert {verdict.outcome for verdict in verdicts if isinstance(verdict, Done)} == {"done"}
    assert len((await the_thing(store))["history"]) == 41
