"""The pipeline's job as one writes it from Celery's documentation: one task for each step, started by the one before.

Each worker process is `celery -A benchmarks.plain_celery worker` on one quorum queue, with threads. A fact that three
services hear is three tasks, because Celery has no other way to fan out: six publishes a case instead of three.
"""

from functools import cached_property
from typing import Any

from celery import Celery
from pymongo import InsertOne, MongoClient, WriteConcern
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from benchmarks import job
from services.intake.handlers import CASES
from services.scheduler.ports import DIARY
from shared.events import CATALOGUE, CaseEvent, CaseRaised, RoutingDecided
from shared.plumbing.history import Cause, Document, Say, Write
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.store import CODECS
from shared.plumbing.vault import Vault

settings = Settings()
app = Celery("plain", broker=settings.rabbit_url.get_secret_value())
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_native_delayed_delivery_queue_type="classic",  # never used; 28 quorum queues would stand about
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_default_queue_type="quorum",
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    task_routes={f"plain.{service}.*": {"queue": f"plain.{service}"} for service in job.SERVICES},
    worker_detect_quorum_queues=True,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=2,
)


class Tools:
    """What the tasks of this process share; made at the first task."""

    @cached_property
    def client(self) -> MongoClient[Document]:
        """The database: majority, journaled."""
        return MongoClient(settings.mongo_url.get_secret_value(), tz_aware=True)

    def collection(self, service: str, name: str) -> Any:
        """Open a collection of a service."""
        return self.client.get_database(settings.database_of(service)).get_collection(
            name, CODECS, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
        )

    @cached_property
    def directory(self) -> Any:
        """The sample council."""
        return job.load_directory()

    @cached_property
    def boxes(self) -> tuple[SealBox, Vault]:
        """What opens commands, and what keeps texts."""
        return SealBox(settings.seal_keys), Vault(settings.vault_keys)


tools = Tools()


@app.task(name="plain.intake.raise_case")  # type: ignore[untyped-decorator]  # Celery ships no types
def raise_case(message_id: str, body: str) -> None:
    """Make the case; routing, scheduler and notifier hear of it."""
    write = job.raise_case(body.encode(), message_id, *tools.boxes, tools.directory)
    if _store("intake", write):
        _start(write, route, note, tell)


@app.task(name="plain.routing.route")  # type: ignore[untyped-decorator]  # Celery ships no types
def route(kind: str, event: dict[str, Any], said: dict[str, Any]) -> None:
    """Decide which team answers; intake hears of it."""
    raised = CATALOGUE[kind].model_validate(event)
    if not isinstance(raised, CaseRaised):
        raise TypeError(kind)
    write = job.route(raised, said["subject"], _cause(said), tools.directory)
    if _store("routing", write):
        _start(write, give_to_team)


@app.task(name="plain.intake.give_to_team")  # type: ignore[untyped-decorator]  # Celery ships no types
def give_to_team(kind: str, event: dict[str, Any], said: dict[str, Any]) -> None:
    """Give the case to its team; scheduler and notifier hear of it."""
    decided = CATALOGUE[kind].model_validate(event)
    before = tools.collection("intake", CASES.collection).find_one({"_id": said["subject"]})
    if before is None or not isinstance(decided, RoutingDecided):
        raise LookupError(kind)
    write = job.give_to_team(decided, before, _cause(said), tools.directory)
    if _store("intake", write):
        _start(write, note, tell)


@app.task(name="plain.scheduler.note")  # type: ignore[untyped-decorator]  # Celery ships no types
def note(kind: str, event: dict[str, Any], said: dict[str, Any]) -> None:
    """Note the clocks that run now."""
    happened, stored = _case_event(kind, event), False
    while not stored:  # read again if the other event of this case was faster
        before = tools.collection("scheduler", DIARY.collection).find_one({"_id": said["subject"]})
        write = job.note(happened, said["caseseq"], said["subject"], before, _cause(said))
        stored = write is None or _store("scheduler", write)


@app.task(name="plain.notifier.tell")  # type: ignore[untyped-decorator]  # Celery ships no types
def tell(kind: str, event: dict[str, Any], said: dict[str, Any]) -> None:
    """Store who is to be told."""
    happened = _case_event(kind, event)
    for write in job.tell(happened, said["caseseq"], said["subject"], _cause(said), tools.directory):
        _store("notifier", write)


def _case_event(kind: str, event: dict[str, Any]) -> CaseEvent:
    found = CATALOGUE[kind].model_validate(event)
    if not isinstance(found, CaseEvent):
        raise TypeError(kind)
    return found


def _cause(said: dict[str, Any]) -> Cause:
    return Cause(said["id"], said["correlation"])


def _store(service: str, write: Write) -> bool:
    """Write one document; False if it is there already, or not as it was read."""
    documents = tools.collection(service, write.key[0])
    try:
        if isinstance(write.operation, InsertOne):
            documents.insert_one(job.inserted(write.operation))
        else:
            documents.update_one(*job.compared_and_set(write.operation), upsert=True)
    except DuplicateKeyError:
        return False
    return True


def _start(write: Write, *tasks: Any) -> None:
    for say in write.says:
        for task in tasks:
            task.delay(say.entry["type"], say.entry["data"], _said(say))


def _said(say: Say) -> dict[str, Any]:
    entry = say.entry
    return {
        "id": entry["id"],
        "subject": say.subject,
        "correlation": entry["correlation"],
        "caseseq": entry["caseseq"],
    }
