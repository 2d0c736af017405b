"""An honest fake of the one port of intake: the same suite runs over it and over MongoDB."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from services.intake.domain import Case, CaseOnFile, Record
from services.intake.ports import Page, Wish
from shared.commands import Command, Refusal, RefusedCommand
from shared.plumbing.vault import Vault
from tests.intake.stories import Story

VAULT = Vault([SecretStr("q8Yd6bC1nq2cC0o5lFzvV9w1Q7V9m0y5n3T8c2Zs1xA=")])


class FakeCaseFile:
    """The case file in memory."""

    def __init__(self) -> None:
        self.filed: dict[str, CaseOnFile] = {}
        self.refused: list[tuple[str, str, RefusedCommand]] = []

    def refuse(self, command: Command, command_id: str, refusal: Refusal) -> None:
        """Remember a refusal."""
        line = RefusedCommand(id=command_id, command=command.name, at=command.at, refusal=refusal)
        self.refused.append((command.reference, command.actor, line))

    async def find(self, reference: str) -> CaseOnFile | None:
        return self.filed.get(reference)

    async def page(self, wish: Wish) -> Page:
        theirs = sorted((each for each in self.filed.values() if _is_wanted(each, wish)), key=_newest, reverse=True)
        rest = [each for each in theirs if wish.after is None or _is_beyond(each, wish.after)]
        shown = [CaseOnFile(each.case, each.records[:1]) for each in rest[: wish.limit]]
        return Page(shown, _cursor(shown[-1]) if len(rest) > wish.limit else None, len(theirs))

    async def refusals(self, reference: str, person: str) -> Sequence[RefusedCommand]:
        found = [line for about, who, line in self.refused if (about, who) == (reference, person)]
        return sorted(found, key=lambda line: line.at, reverse=True)


def filed(story: Story) -> CaseOnFile:
    """File a story as it stands."""
    return CaseOnFile(
        story.case,
        [
            Record(
                id=f"fact-{seq}",
                seq=seq,
                type=fact.event.type,
                at=fact.event.at,
                actor=actor,
                on_behalf_of="",
                cause=cause,
                data=fact.event.model_dump(mode="json"),
                text=dict(fact.text),
            )
            for seq, (fact, (cause, actor)) in enumerate(zip(story.facts, story.causes, strict=True), 1)
        ],
    )


def _newest(filed: CaseOnFile) -> tuple[datetime, str]:
    return filed.case.raised_at, filed.case.public.id


def _is_wanted(filed: CaseOnFile, wish: Wish) -> bool:
    case, public = filed.case, filed.case.public
    asked = case.offered is not None and case.is_open
    teams = {public.team, *(task.team for task in public.tasks)}
    of_team = bool(teams & wish.work.teams) or (public.state == "triage" and public.team in wish.work.triage)
    placed = of_team or (asked and bool(wish.work.triage))
    theirs = placed or (wish.member.serves and _is_a_members(case, wish, asked=asked))
    return theirs and (not wish.states or public.state in wish.states)


def _is_a_members(case: Case, wish: Wish, *, asked: bool) -> bool:
    public, portfolios = case.public, wish.member.portfolios
    business = public.capacity == "ward" or public.portfolio in portfolios
    offered = asked and case.offered is not None and wish.person in case.offered.to
    return (wish.person == public.owner and business) or wish.person in public.cc or offered


def _cursor(filed: CaseOnFile) -> str:
    return f"{filed.case.raised_at.timestamp()}:{filed.case.public.id}"


def _is_beyond(filed: CaseOnFile, cursor: str) -> bool:
    raised_at, colon, case = cursor.partition(":")
    if not colon:
        return False
    return (filed.case.raised_at.timestamp(), filed.case.public.id) < (float(raised_at), case)
