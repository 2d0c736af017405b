"""What must be true afterwards, as pure functions over what was kept and what was heard.

A test wants no violation; its control, the same test with one promise broken, wants the violation named.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Kept: TypeAlias = Mapping[str, Any]
"""A document as the database holds it."""

LOST, DOUBLE, GAP, LOST_UPDATE = "lost", "double effect", "gap in the history", "lost update"
NEVER_SAID, FOREIGN_ID, REPEATED, OUT_OF_ORDER, NOT_MARKED = (
    "never said",
    "said under an id no history holds",
    "said twice without need",
    "said out of order",
    "said and not marked",
)
UNHEARD = "counted as said although nobody heard"
TWO_NOTICES = "two notices for one event and recipient"
CLOSED_WRONGLY, EXTENDED_AND_CLOSED = "closed by a clock that no longer ran", "both extended and closed"
NOT_SET_ASIDE, BYSTANDER_DEAD, WRONG_REASON = "not set aside", "a bystander is dead", "set aside with another reason"


class Violation(NamedTuple):
    """One promise not kept."""

    name: str
    what: str


class Told(NamedTuple):
    """A fact as a subscriber heard it."""

    subject: str
    seq: int
    id: str


class Evidence(NamedTuple):
    """What a case story has left."""

    sent: Mapping[str, str]
    """Per message its case; each must have exactly one effect: one fact, or a refusal."""
    cases: Sequence[Kept]
    refused: Sequence[str] = ()
    """Ids of the messages that were refused."""
    told: Sequence[Told] = ()
    """In the order of hearing."""
    owed: Mapping[str, int] = {}
    """Per case that had something unmarked when a process died: up to where it was marked. What follows may be said
    again, and what is new may overtake it: nobody knows whether the broker had it."""


def names(violations: Sequence[Violation]) -> set[str]:
    """Name what was violated."""
    return {violation.name for violation in violations}


def judge(evidence: Evidence, agrees: Callable[[Kept], bool]) -> list[Violation]:
    """List every violation of what a service promises for its own documents.

    Args:
        evidence: what is left.
        agrees: says whether a document's state is what its history makes.
    """
    updates = [Violation(LOST_UPDATE, case["_id"]) for case in evidence.cases if not agrees(case)]
    return [*_effects(evidence), *_histories(evidence), *updates, *_sayings(evidence)]


def _effects(evidence: Evidence) -> Iterator[Violation]:
    effects = Counter(evidence.refused)
    for case in evidence.cases:
        effects.update({entry["cause"] for entry in case["history"]} & evidence.sent.keys())
    wanted = Counter(evidence.sent.values())
    refused = Counter(evidence.sent[one] for one in evidence.refused)
    for case in evidence.cases:
        many = len(case["history"]) + refused[case["_id"]]
        if many > wanted[case["_id"]]:
            yield Violation(DOUBLE, f"{case['_id']}: {many} effects of {wanted[case['_id']]} messages")
    for message in evidence.sent:
        if effects[message] != 1:
            yield Violation(DOUBLE if effects[message] else LOST, message)


def _histories(evidence: Evidence) -> Iterator[Violation]:
    for case in evidence.cases:
        seqs = [entry["seq"] for entry in case["history"]]
        if seqs != list(range(1, len(seqs) + 1)):
            yield Violation(GAP, f"{case['_id']}: {seqs}")
        if case["relayed"] != case.get("say_to", 0) or "unsaid_since" in case:
            yield Violation(NOT_MARKED, f"{case['_id']}: {case['relayed']} of {case.get('say_to')}")


def _sayings(evidence: Evidence) -> Iterator[Violation]:
    ids = {
        (case["_id"], entry["seq"]): entry["id"] for case in evidence.cases for entry in case["history"] if entry["key"]
    }
    known = set(ids.values())
    told: defaultdict[str, list[Told]] = defaultdict(list)
    for one in evidence.told:
        told[one.subject].append(one)
        if one.id not in known:
            yield Violation(FOREIGN_ID, f"{one.subject} {one.seq}")
    times = Counter(one.id for one in evidence.told)
    for (subject, seq), name in ids.items():
        if not times[name]:
            yield Violation(NEVER_SAID, f"{subject} {seq}")
        elif times[name] > 1 and seq <= evidence.owed.get(subject, seq):
            yield Violation(REPEATED, f"{subject} {seq}: {times[name]} times")
    for subject, some in told.items():
        first = list(dict.fromkeys(one.seq for one in some))
        last = list(dict.fromkeys(one.seq for one in reversed(some)))[::-1]
        if last != sorted(last) or (subject not in evidence.owed and first != sorted(first)):
            yield Violation(OUT_OF_ORDER, f"{subject}: {[one.seq for one in some]}")


def repeated(told: Sequence[Told]) -> set[str]:
    """Name the cases of which a fact was heard more than once."""
    return {one.subject for one, times in Counter(told).items() if times > 1}


def owed_by(cases: Sequence[Kept]) -> dict[str, int]:
    """Give, of each case with something unmarked, up to where it is marked."""
    return {case["_id"]: case["relayed"] for case in cases if case["relayed"] < case["say_to"]}


def judge_notices(events: Sequence[str], notices: Sequence[Kept]) -> list[Violation]:
    """Want of each event at least one notice, and none twice for a recipient and template."""
    keys = Counter((one["state"]["event"], one["state"]["recipient"], one["state"]["template"]) for one in notices)
    told = {event for event, _, _ in keys}
    return [
        *(Violation(LOST, event) for event in events if event not in told),
        *(Violation(TWO_NOTICES, f"{key}: {times}") for key, times in keys.items() if times > 1),
    ]


def judge_unheard(documents: Sequence[Kept]) -> list[Violation]:
    """Want nothing to count as said: nobody was there to hear it."""
    return [Violation(UNHEARD, one["_id"]) for one in documents if one["relayed"] or "unsaid_since" not in one]


def judge_closes(cases: Sequence[Kept], timers: Mapping[str, int]) -> list[Violation]:
    """Want each case either extended or closed, and each close to come from the very clock that ran then.

    Args:
        cases: after the race.
        timers: per message that said a close is due, the `rev` it named.
    """
    found: list[Violation] = []
    for case in cases:
        running, ends = 0, []
        for entry in case["history"]:
            kind = entry["type"].split(".")[2]
            if kind in {"closed", "autoclose_extended"}:
                ends.append(kind)
            if kind == "closed" and timers.get(entry["cause"]) != running:
                found.append(Violation(CLOSED_WRONGLY, f"{case['_id']}: {timers.get(entry['cause'])}, not {running}"))
            clocks = entry["data"]["case"]["clocks"]
            running = next((clock["rev"] for clock in clocks if clock["kind"] == "autoclose"), 0)
        if len(ends) != 1:
            found.append(Violation(EXTENDED_AND_CLOSED if ends else LOST, f"{case['_id']}: {ends}"))
    return found


def judge_dead(
    wanted: Mapping[str, str], dead: Sequence[tuple[str, str]], handled: Sequence[str], neighbours: Sequence[str]
) -> list[Violation]:
    """Want exactly the poison among the dead letters, each with its reason, and every neighbour handled.

    Args:
        wanted: per bad message the reason it must be set aside with.
        dead: (message, reason) of each dead letter.
        handled: the messages that had their effect.
        neighbours: the messages that must have.
    """
    return [
        *(Violation(NOT_SET_ASIDE, one) for one in wanted if one not in {name for name, _ in dead}),
        *(Violation(BYSTANDER_DEAD, one) for one, _ in dead if one not in wanted),
        *(Violation(WRONG_REASON, f"{one}: {why}") for one, why in dead if one in wanted and why != wanted[one]),
        *(Violation(DOUBLE, one) for one, times in Counter(name for name, _ in dead).items() if times > 1),
        *(Violation(LOST, one) for one in neighbours if one not in handled and one not in {name for name, _ in dead}),
    ]
