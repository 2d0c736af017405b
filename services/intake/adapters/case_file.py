"""The case file in MongoDB: reads for those who ask; the plumbing alone writes.

Texts are opened only for what is shown: a list opens the first fact of each case, no more.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pymongo import DESCENDING, IndexModel

from services.intake.domain import REASONS, Case, CaseOnFile, Membership, Record
from services.intake.ports import CASES, Page, Wish
from shared.commands import RefusedCommand, case_id_for
from shared.plumbing.history import Document
from shared.plumbing.refusals import COLLECTION as REFUSED
from shared.plumbing.refusals import REFUSALS
from shared.plumbing.store import Collection, Store
from shared.plumbing.vault import Vault

_NEWEST = [("state.raised_at", DESCENDING), ("_id", DESCENDING)]
_LISTED_BY = ("public.owner", "public.cc", "public.team", "public.tasks.team", "offered.to", "offered.reason")
COLLECTIONS = (
    Collection(CASES, [IndexModel([(f"state.{field}", 1), *_NEWEST]) for field in _LISTED_BY]),
    REFUSED,
)
"""What intake keeps. A list is a merge of the indexes, already in order."""

_LINE = {"state": 1, "key": 1, "texts": 1, "history": {"$slice": 1}}
_REFUSALS_SHOWN = 50


class MongoCaseFile:
    """Reads cases and refusals from intake's database."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._cases = store.durable[CASES]
        self._refusals = store.durable[REFUSALS]
        self._vault = vault

    async def find(self, reference: str) -> CaseOnFile | None:
        """Find a case with all of its facts."""
        document = await self._cases.find_one({"_id": case_id_for(reference)})
        return open_file(document, self._vault) if document else None

    async def page(self, wish: Wish) -> Page:
        """List cases, newest first."""
        theirs = wanted(wish)
        total = await self._cases.count_documents(theirs)
        if wish.after is not None:
            cursor = _read_cursor(wish.after)
            if cursor is None:
                return Page((), None, total)
            theirs = {"$and": [theirs, _beyond(cursor)]}
        documents = await self._cases.find(theirs, _LINE).sort(_NEWEST).limit(wish.limit + 1).to_list()
        shown = documents[: wish.limit]
        more = len(documents) > wish.limit
        return Page([open_file(each, self._vault) for each in shown], _write_cursor(shown[-1]) if more else None, total)

    async def refusals(self, reference: str, person: str) -> Sequence[RefusedCommand]:
        """List what this person was refused under a reference, newest first."""
        found = self._refusals.find({"reference": reference, "principal": person}).sort("at", DESCENDING)
        return [_refused(document) for document in await found.limit(_REFUSALS_SHOWN).to_list()]


def open_file(document: Document, vault: Vault) -> CaseOnFile:
    """Read a case document, with the words of the facts that are in it.

    Raises:
        cryptography.fernet.InvalidToken: the vault's keys are not those it was closed with.
    """
    texts = document.get("texts", {})

    def words(fact: str) -> dict[str, str]:
        return vault.open(document["key"], texts[fact]) if fact in texts else {}

    return CaseOnFile(
        Case.model_validate(document["state"]),
        [
            Record(
                id=entry["id"],
                seq=entry["seq"],
                type=entry["type"],
                at=entry["at"],
                actor=entry["actor"],
                on_behalf_of=entry["on_behalf_of"],
                cause=entry["cause"],
                data=entry["data"],
                text=words(entry["id"]),
            )
            for entry in document["history"]
        ],
    )


def _refused(document: Document) -> RefusedCommand:
    return RefusedCommand.model_validate(
        {
            "id": document["_id"],
            "command": document["command"],
            "at": document["at"],
            "refusal": document["refusal"],
        }
    )


def wanted(wish: Wish) -> dict[str, Any]:
    """Give the filter for a list: what it lets through is what the person may know, as far as a case itself says so."""
    is_open = {"state.public.state": {"$nin": ["closed", "anonymised"]}}
    theirs: list[dict[str, Any]] = []
    if wish.member.serves:
        theirs += [
            {"state.public.owner": wish.person, **_own_business(wish.member)},
            {"state.public.cc": wish.person},
            {"state.offered.to": wish.person, **is_open},
        ]
    if wish.work.teams:
        teams = {"$in": sorted(wish.work.teams)}
        theirs += [{"state.public.team": teams}, {"state.public.tasks.team": teams}]
    if wish.work.triage:
        theirs.append({"state.public.team": {"$in": sorted(wish.work.triage)}, "state.public.state": "triage"})
        theirs.append({"state.offered.reason": {"$in": list(REASONS)}, **is_open})
    found: dict[str, Any] = {"$or": theirs} if theirs else {"_id": {"$in": []}}
    return found | {"state.public.state": {"$in": list(wish.states)}} if wish.states else found


def _own_business(member: Membership) -> dict[str, Any]:
    """Leave out the cabinet business of portfolios that the person does not hold."""
    return {"$or": [{"state.public.capacity": "ward"}, {"state.public.portfolio": {"$in": sorted(member.portfolios)}}]}


class _Cursor(NamedTuple):
    raised_at: datetime
    case: str


def _write_cursor(document: Document) -> str:
    milliseconds = round(document["state"]["raised_at"].timestamp() * 1000)
    return f"{milliseconds}.{document['_id']}"


def _read_cursor(text: str) -> _Cursor | None:
    milliseconds, dot, case = text.partition(".")
    if not dot or not milliseconds.isascii() or not milliseconds.isdigit():
        return None
    try:
        return _Cursor(datetime.fromtimestamp(int(milliseconds) / 1000, UTC), case)
    except (OverflowError, ValueError, OSError):
        return None


def _beyond(cursor: _Cursor) -> dict[str, Any]:
    return {
        "$or": [
            {"state.raised_at": {"$lt": cursor.raised_at}},
            {"state.raised_at": cursor.raised_at, "_id": {"$lt": cursor.case}},
        ]
    }
