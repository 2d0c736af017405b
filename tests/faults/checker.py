"""What must be true after any fault: a pure function over what was promised and what is there.

Every finding begins with its name, so that a control can say which one it must bring about.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.notifier.domain import notices_for
from shared.commands import case_id_for
from shared.council import Directory
from shared.events import CATALOGUE, CaseEvent
from tests.faults.city import ENDED, City, Heard
from tests.faults.load import OWNER, Book, Crowd, Given

CASE = "casework.case."


@dataclass(frozen=True)
class Evidence:
    """What is there once everything has come to rest, of the cases in a book."""

    given: Sequence[Given]
    views: Mapping[str, dict[str, Any]]
    """What `GET` shows the owner, by reference."""
    refused: frozenset[str]
    """Ids of the commands that `GET` shows as refused."""
    cases: Mapping[str, dict[str, Any]]
    """Intake's documents, by case id."""
    notices: Sequence[dict[str, Any]]
    diaries: Mapping[str, int]
    """The last `caseseq` the scheduler knows, by case id."""
    heard: Sequence[Heard]
    mails: Counter[str]
    """Mails that arrived and calls that were made, by their notice's id."""
    dead: Counter[str] = field(default_factory=Counter)


async def gather(city: City, crowd: Crowd, book: Book) -> Evidence:
    """Look everywhere, the city being at rest; what people were told is kept beside its logs."""
    book.write(city.folder / f"given-{crowd.seed}.jsonl")
    references = book.references()
    ids = {case_id_for(reference) for reference in references}
    views: dict[str, dict[str, Any]] = {}
    refused: set[str] = set()
    for reference in references:
        for person in {each.person for each in book.given if each.reference == reference} | {OWNER}:
            view = await crowd.see(person, reference)
            if view is None:
                continue
            if person == OWNER:
                views[reference] = view
            refused |= {each["id"] for each in view.get("refused", ())}
            if view.get("status") == "refused":
                refused |= {each.id for each in book.given if each.reference == reference and each.command == "raise"}
    of_these = {"subject": {"$in": list(ids)}}
    cases = await city.collection("intake", "cases").find(of_these).to_list()
    notices = await city.collection("notifier", "notices").find(of_these).to_list()
    diaries = await city.collection("scheduler", "diaries").find(of_these).to_list()
    return Evidence(
        given=book.given,
        views=views,
        refused=frozenset(refused),
        cases={document["_id"]: document for document in cases},
        notices=notices,
        diaries={document["_id"]: document["state"]["caseseq"] for document in diaries},
        heard=[one for one in await city.listen() if one.subject in ids],
        mails=await city.mails() + await city.calls(),
        dead=await city.dead(),
    )


def doubts(evidence: Evidence) -> int:
    """Count the notices nobody can say of whether they were sent: the one ambiguous window."""
    return sum(notice["state"]["status"] == "in_doubt" for notice in evidence.notices)


def violations(evidence: Evidence, directory: Directory) -> list[str]:
    """List every promise that was broken."""
    return [
        *_commands(evidence),
        *_histories(evidence),
        *_subscriber(evidence),
        *_timers(evidence),
        *_notices(evidence, directory),
        *(f"dead: {count} messages of {service}" for service, count in evidence.dead.items()),
    ]


def _commands(evidence: Evidence) -> Iterator[str]:
    """Every acknowledged command has its effect, once; a refusal counts only if `GET` shows it."""
    effects = Counter(
        cause for document in evidence.cases.values() for cause in {entry["cause"] for entry in document["history"]}
    )
    for each in evidence.given:
        decided = effects[each.id] + (each.id in evidence.refused)
        if each.outcome == "unknown":
            yield f"unanswered: {each.command} {each.reference}"
        elif each.outcome == "refused" and each.id not in evidence.refused:
            yield f"refusal-not-shown: {each.command} {each.reference} {each.answer} {each.code}"
        elif decided != 1:
            yield (
                f"lost: {each.command} {each.reference} was answered {each.answer}"
                if not decided
                else (f"twice: {each.command} {each.reference}")
            )
    for reference, view in evidence.views.items():
        if view.get("pending"):
            yield f"pending: {reference}"


def _histories(evidence: Evidence) -> Iterator[str]:
    """Histories have no gap, and what a person sees is what is kept."""
    for case_id, document in evidence.cases.items():
        seqs = [entry["seq"] for entry in document["history"]]
        if seqs != list(range(1, len(seqs) + 1)):
            yield f"gap: {case_id} has {seqs}"
        if "unsaid_since" in document or document["relayed"] < document["say_to"]:
            yield f"unsaid: {case_id} from {document['relayed'] + 1}"
        ids = [entry["id"] for entry in document["history"]]
        if len(set(ids)) != len(ids):
            yield f"same-id: {case_id}"
        view = evidence.views.get(document["state"]["public"]["reference"])
        if view is None or [each["id"] for each in view.get("history", ())] != ids:
            yield f"view: {case_id} is not shown as it is kept"


def _subscriber(evidence: Evidence) -> Iterator[str]:
    """What a subscriber saw is what happened, as a set of ids."""
    kept = {entry["id"] for document in evidence.cases.values() for entry in document["history"]}
    heard = {one.id for one in evidence.heard if one.type.startswith(CASE)}
    if missing := kept - heard:
        yield f"unheard: {len(missing)} facts that happened"
    if invented := heard - kept:
        yield f"invented: {len(invented)} facts that never happened"


def _timers(evidence: Evidence) -> Iterator[str]:
    """The scheduler knows every case as it stands."""
    for case_id, document in evidence.cases.items():
        if (seen := evidence.diaries.get(case_id)) != len(document["history"]):
            yield f"diary: {case_id} stands at {len(document['history'])}, the scheduler at {seen}"


def _notices(evidence: Evidence, directory: Directory) -> Iterator[str]:
    """One notice for each event and recipient that the matrix names, and one mail for each that was sent."""
    wanted = {
        (entry["id"], notice.recipient)
        for document in evidence.cases.values()
        for entry in document["history"]
        for notice in _told(entry, directory)
    }
    found = Counter((each["state"]["event"], each["state"]["recipient"]) for each in evidence.notices)
    yield from (f"notice-missing: {who} of {event}" for event, who in wanted - found.keys())
    yield from (f"notice-invented: {who} of {event}" for event, who in found.keys() - wanted)
    yield from (f"notice-twice: {who} of {event}" for (event, who), count in found.items() if count > 1)
    for notice in evidence.notices:
        status, mails = notice["state"]["status"], evidence.mails[notice["_id"]]
        if status not in ENDED:
            yield f"notice-open: {notice['_id']} is {status}"
        elif status == "failed":
            yield f"notice-failed: {notice['_id']} {notice['state'].get('reason')}"
        elif mails > 1:
            yield f"mail-twice: {notice['_id']} {status}"
        elif status == "sent" and not mails:
            yield f"mail-lost: {notice['_id']}"


def _told(entry: Mapping[str, Any], directory: Directory) -> Sequence[Any]:
    kind: Any = CATALOGUE[entry["type"]]
    event: CaseEvent = kind.model_validate(entry["data"])
    return notices_for(
        event, event_id=entry["id"], caseseq=entry["seq"], correlation=entry["correlation"], directory=directory
    )
