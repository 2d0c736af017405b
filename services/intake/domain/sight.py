"""How much of a case somebody may see. The facts are for everybody who may know the case; words and resident are not.

Deny by default: what no role opens stays closed.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.intake.domain.filed import CaseOnFile
from services.intake.domain.forms import TEXT as FORM
from services.intake.domain.forms import has_private_answers
from services.intake.domain.policy import Role
from shared.events import CaseOwnerChanged

NAMING_FIELDS = frozenset({"constituent", "share_constituent", FORM})
"""Texts of the raising that stand in the view alone, for those who may know the constituent; never among the facts."""


class Sight(NamedTuple):
    """What of a case is shown beside its facts."""

    words: bool = False
    """What was written: summary, description, place, and the words of each fact."""
    resident: bool = False
    """Who the case is for."""


def sight_of(filed: CaseOnFile, roles: Iterable[Role]) -> Sight:
    """Say what somebody with these roles may see of a case; several roles add up."""
    seen = [_seen_as(role, filed) for role in roles]
    return Sight(any(each.words for each in seen), any(each.resident for each in seen))


def resident_is_known_to_owner(filed: CaseOnFile) -> bool:
    """Say whether the owner may know the resident: who raised the case may, and a later owner by the resident's word.

    That word is the consent recorded with the last change of owner, or that the case was raised as shared with a
    colleague who followed it then.
    """
    records = filed.records
    if not records:
        return False
    if filed.case.public.owner == records[0].data["case"]["owner"]:
        return True
    last = max((place for place, each in enumerate(records) if each.type == CaseOwnerChanged.type), default=0)
    if records[last].text.get("consent") == "constituent-agrees":
        return True
    followed = filed.case.public.owner in records[last - 1].data["case"]["cc"] if last else False
    return followed and _is_shared(filed)


def names_a_resident(filed: CaseOnFile) -> bool:
    """Say whether it is on file who the case is for."""
    said = _raising(filed)
    return "constituent" in said or has_private_answers(said)


def shown(text: Mapping[str, str], sight: Sight) -> dict[str, str] | None:
    """Give the words of a fact that may be shown."""
    if not sight.words:
        return None
    return {name: words for name, words in text.items() if name not in NAMING_FIELDS} or None


def _seen_as(role: Role, filed: CaseOnFile) -> Sight:
    match role:
        case "owner":
            return Sight(words=True, resident=resident_is_known_to_owner(filed))
        case "cc":
            return Sight(words=True, resident=_is_shared(filed))
        case "manager" | "officer" | "contributor":
            return Sight(words=True, resident=True)
        case "admin":
            placing = filed.case.public.state == "triage"
            return Sight(words=placing, resident=placing)
        case _:
            return Sight()


def _is_shared(filed: CaseOnFile) -> bool:
    return _raising(filed).get("share_constituent") == "yes"


def _raising(filed: CaseOnFile) -> Mapping[str, str]:
    return filed.records[0].text if filed.records else {}
