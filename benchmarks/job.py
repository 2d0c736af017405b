"""The job that all variants of the pipeline do, as steps without I/O, and how to see that all of it was done.

A report is raised, routed and given to its team; its two notices and its timers are stored. The plain variants decide
with the product's own domain and store the product's own documents, so what differs is how messages and writes travel.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from pymongo import AsyncMongoClient, InsertOne, UpdateOne

from ops.development import ROOT
from ops.story import COUNCILLOR, REPORTED, WARD
from services.intake import domain as intake
from services.intake.adapters import COLLECTIONS as INTAKE_COLLECTIONS
from services.intake.domain import Case
from services.intake.handlers import CASES
from services.notifier.adapters import NOTICES
from services.notifier.domain import notices_for
from services.routing import domain as routing
from services.routing.adapters import LEDGER
from services.scheduler import domain as scheduler
from services.scheduler.adapters import DIARIES
from services.scheduler.domain import Diary
from services.scheduler.ports import DIARY
from shared.commands import Command, RaiseCase, Refusal, case_id_for, command_id_for, reference_for
from shared.council import Directory, load_bundle
from shared.events import CaseEvent, CaseRaised, RoutingDecided
from shared.plumbing.clients import open_database
from shared.plumbing.handling import Noted
from shared.plumbing.history import Cause, Document, Write, change, create, enter
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.store import Collection, Database, Store
from shared.plumbing.vault import Vault

SERVICES = ("intake", "routing", "scheduler", "notifier")
COLLECTIONS: Mapping[str, Sequence[Collection]] = {
    "intake": INTAKE_COLLECTIONS,
    "routing": [LEDGER],
    "scheduler": [DIARIES],
    "notifier": [NOTICES],
}
"""Who keeps what: every variant finds the same collections and indexes."""
NOTICES_A_CASE = 2
"""The councillor's receipt and the team's mail."""


class Order(NamedTuple):
    """A command as it lies on the queue."""

    id: str
    case: str
    actor: str
    at: datetime
    body: bytes


def load_directory() -> Directory:
    """Read the sample council."""
    return Directory(load_bundle(ROOT / "council"))


def orders(number: int, settings: Settings, seal: SealBox, at: datetime) -> list[Order]:
    """Write so many different commands to report a problem, sealed as the gateway seals them."""
    return [_order(settings.council_code, uuid4().hex, seal, at) for _ in range(number)]


def _order(council: str, key: str, seal: SealBox, at: datetime) -> Order:
    reference = reference_for(council, COUNCILLOR, key)
    command: Command = RaiseCase(
        at=at,
        actor=COUNCILLOR,
        reference=reference,
        body_hash=f"{key}{key}",
        kind="report",
        service=REPORTED,
        ward=WARD,
        summary="Bags on the verge",
        description="Seen on the way to the surgery this morning.",
        location="Layby at the end of Canary Terrace",
    )
    command_id = command_id_for(council, COUNCILLOR, key)
    return Order(command_id, case_id_for(reference), COUNCILLOR, at, seal.seal_message(command, command_id))


# --- the steps, each of one message -----------------------------------------------------------------------------------


def raise_case(body: bytes, message_id: str, seal: SealBox, vault: Vault, directory: Directory) -> Write:
    """Open a command and make its case.

    Raises:
        ValueError: it was refused, which none of the benchmark's is.
    """
    command = seal.open_message(RaiseCase, body, message_id)
    facts = intake.raise_case(None, command, directory)
    if isinstance(facts, Refusal):
        raise ValueError(facts.code)  # noqa: TRY004  an expected no, not a wrong type
    case = case_id_for(command.reference)
    cause = Cause(message_id, message_id, actor=command.actor, hash=command.body_hash)
    return change(CASES, case, case, None, facts, cause, vault)


def give_to_team(event: RoutingDecided, before: Document, cause: Cause, directory: Directory) -> Write:
    """Give the case to the team that routing names."""
    facts = intake.route(Case.model_validate(before["state"]), event, directory)
    return change(CASES, before["_id"], before["_id"], before, facts, cause)


def route(event: CaseRaised, case: str, cause: Cause, directory: Directory) -> Write:
    """Decide which team answers for the case."""
    return create(LEDGER.name, cause.id, case, Noted(*routing.route(event, directory)), cause)


def note(event: CaseEvent, caseseq: int, case: str, before: Document | None, cause: Cause) -> Write | None:
    """Note the clocks that run now, unless a newer event has been noted."""
    fact = scheduler.note(Diary.model_validate(before["state"]) if before else None, event, caseseq)
    return change(DIARY, case, case, before, [fact], cause) if fact else None


def tell(event: CaseEvent, caseseq: int, case: str, cause: Cause, directory: Directory) -> list[Write]:
    """List the notices of an event."""
    found = notices_for(event, event_id=cause.id, caseseq=caseseq, correlation=cause.correlation, directory=directory)
    return [enter(NOTICES.name, notice, case) for notice in found]


_OUTBOX = ("say_to", "unsaid_since")
"""Fields that only Casework's relay needs: what is written plainly has no outbox and leaves them out."""


def inserted(operation: InsertOne[Document]) -> Document:
    """Take the document out of an insert."""
    document: Document = dict(operation._doc)  # noqa: SLF001  pymongo has no public way to read an operation
    return {name: value for name, value in document.items() if name not in _OUTBOX}


def compared_and_set(operation: UpdateOne) -> tuple[Document, Document]:
    """Take filter and update out of an update."""
    update: Document = dict(operation._doc)  # type: ignore[arg-type]  # noqa: SLF001  as above; never a pipeline
    update["$set"] = {name: value for name, value in update["$set"].items() if name not in _OUTBOX}
    return dict(operation._filter), update  # noqa: SLF001  as above


# --- what is there afterwards -----------------------------------------------------------------------------------------


class Results(NamedTuple):
    """The four databases, read by majority."""

    databases: Mapping[str, Database]

    @classmethod
    def of(cls, client: AsyncMongoClient[Document], settings: Settings) -> "Results":
        """Open them."""
        return cls({service: open_database(client, settings.database_of(service)) for service in SERVICES})

    async def prepare(self) -> None:
        """Make every collection with its indexes."""
        for service, database in self.databases.items():
            await Store(database, COLLECTIONS[service]).prepare()

    async def drop(self) -> None:
        """Drop them."""
        for database in self.databases.values():
            await database.client.drop_database(database.name)

    async def notices(self) -> int:
        """Count the notices from the collection's own books: it costs the database next to nothing."""
        return int(await self.databases["notifier"][NOTICES.name].estimated_document_count())

    async def are_there(self, cases: int) -> bool:
        """Say whether every effect of so many cases is durable."""
        return await self.notices() >= NOTICES_A_CASE * cases and not [*await self.missing(cases)]

    async def unsaid(self) -> int:
        """Count the documents whose facts are not marked as said."""
        counts = [
            await database[name].count_documents({"unsaid_since": {"$exists": True}})
            for service, database in self.databases.items()
            for name, _ in COLLECTIONS[service]
        ]
        return sum(counts)

    async def missing(self, cases: int) -> list[str]:
        """Compare what is there with what so many cases leave; empty when all of it is."""
        team = {"version": 2, "state.public.state": "with_team", "state.seq": 2, "history": {"$size": 2}}
        timers = {"state.caseseq": 2, "state.timers": {"$size": 2}}  # whichever of its two events was heard first
        wanted: Iterable[tuple[str, str, Document, int]] = (
            ("scheduler", DIARY.collection, timers, cases),
            ("intake", CASES.collection, team, cases),
            ("routing", LEDGER.name, {"version": 1}, cases),
            ("notifier", NOTICES.name, {"state.status": "queued", "version": 1}, NOTICES_A_CASE * cases),
            ("intake", CASES.collection, {}, cases),
            ("scheduler", DIARY.collection, {}, cases),
            ("intake", "refusals", {}, 0),
        )
        found = []
        for service, collection, query, expected in wanted:
            count = await self.databases[service][collection].count_documents(query)
            if count != expected:
                found.append(f"{collection} like {query}: {count} of {expected}")
                break
        return found


__all__ = [
    "CASES",
    "DIARY",
    "LEDGER",
    "NOTICES",
    "SERVICES",
    "Order",
    "Results",
    "compared_and_set",
    "give_to_team",
    "inserted",
    "load_directory",
    "note",
    "orders",
    "raise_case",
    "route",
    "tell",
]
