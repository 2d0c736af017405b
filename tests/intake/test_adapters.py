"""The case file, fake and real, against one suite."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.intake.adapters import COLLECTIONS, MongoCaseFile
from services.intake.adapters.case_file import wanted
from services.intake.domain import CaseOnFile, Membership, TeamWork
from services.intake.handlers import CASES
from services.intake.ports import CaseFile, Wish
from shared.commands import (
    Accept,
    Command,
    Refusal,
    TakeOver,
    case_id_for,
    reference_for,
    refuse_conflict,
)
from shared.events import CaseClosed, PartOf
from shared.plumbing.envelope import Envelope
from shared.plumbing.history import Cause, change
from shared.plumbing.refusals import remember
from shared.plumbing.store import Store
from tests.intake.fakes import VAULT, FakeCaseFile, filed
from tests.intake.stories import (
    CANARY,
    COLLEAGUE,
    DEMOCRATIC,
    MONDAY,
    OFFICER,
    OWNER,
    REFERENCE,
    STRANGER,
    THIRD,
    Story,
    for_resident,
    order,
    raising,
    review,
    routed,
    undecided,
    well_formed,
)
from tests.intake.terms import AFTER, after_the_election, cabinet_case

NO_TEAM = TeamWork(frozenset(), frozenset())


class Cabinet(Protocol):
    """Where a test files cases and refusals, and the case file that finds them."""

    @property
    def case_file(self) -> CaseFile: ...

    async def put(self, story: Story) -> None: ...

    async def refuse(self, command: Command, command_id: str, refusal: Refusal) -> None: ...


class FakeCabinet:
    def __init__(self) -> None:
        self.case_file = FakeCaseFile()

    async def put(self, story: Story) -> None:
        self.case_file.filed[story.case.public.reference] = filed(story)

    async def refuse(self, command: Command, command_id: str, refusal: Refusal) -> None:
        self.case_file.refuse(command, command_id, refusal)


class MongoCabinet:
    """Files through the plumbing, as the service does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.case_file = MongoCaseFile(store, VAULT)

    async def put(self, story: Story) -> None:
        case_id = story.case.public.id
        for fact, (cause, actor) in zip(story.facts, story.causes, strict=True):
            before = (await self._store.read([("cases", case_id)])).get(("cases", case_id))
            write = change(CASES, case_id, case_id, before, [fact], Cause(cause, cause, actor), VAULT)
            assert await self._store.write([write]) == [True]

    async def refuse(self, command: Command, command_id: str, refusal: Refusal) -> None:
        envelope = Envelope(type=command.type, id=command_id, body=b"", subject=case_id_for(command.reference))
        assert await self._store.write([remember(command, envelope, refusal)]) == [True]


def raised(key: str, *, minutes: int = 0, actor: str = OWNER, **changes: Any) -> Story:
    story = Story()
    story.give(
        raising(
            reference=reference_for("testham", actor, key),
            actor=actor,
            at=MONDAY + timedelta(minutes=minutes),
            summary=f"Case {key}",
            **changes,
        )
    )
    return story


def references(cases: Sequence[CaseOnFile]) -> list[str]:
    return [each.case.public.reference for each in cases]


class CaseFileSuite:
    """What every case file must do."""

    async def test_a_case_is_found_with_all_of_its_facts_and_words(self, cabinet: Cabinet) -> None:
        story = Story()
        story.give(for_resident())
        story.hear(routed())
        story.give(well_formed("acknowledge", story.case, OFFICER, MONDAY))
        story.give(well_formed("add-progress", story.case, OFFICER, MONDAY))
        await cabinet.put(story)

        found = await cabinet.case_file.find(REFERENCE)

        assert found is not None
        assert found.case == story.case
        assert [record.seq for record in found.records] == [1, 2, 3, 4]
        assert [record.actor for record in found.records] == [OWNER, "system", OFFICER, OFFICER]
        assert [dict(record.text) for record in found.records] == [dict(fact.text) for fact in story.facts]
        assert [record.data for record in found.records] == [fact.event.model_dump(mode="json") for fact in story.facts]

    async def test_what_is_not_there_is_not_found(self, cabinet: Cabinet) -> None:
        assert await cabinet.case_file.find(REFERENCE) is None

    async def test_a_list_is_newest_first_and_holds_own_copied_and_team_cases_only(self, cabinet: Cabinet) -> None:
        owned, copied = raised("a", minutes=1), raised("b", minutes=2, actor=THIRD, cc=(OWNER,))
        foreign, of_team = (
            raised("c", minutes=3, actor=STRANGER, ward="langley"),
            raised("d", minutes=4, actor=COLLEAGUE),
        )
        of_team.hear(routed())
        partly = raised("e", minutes=5, actor=THIRD)
        partly.hear(routed(team="streets", also=(PartOf(team="housing"),)))
        for story in (owned, copied, foreign, of_team, partly):
            await cabinet.put(story)

        for_owner = await cabinet.case_file.page(Wish(OWNER, NO_TEAM))
        for_team = await cabinet.case_file.page(Wish(OFFICER, TeamWork(frozenset({"housing"}), frozenset())))

        assert references(for_owner.cases) == [copied.case.public.reference, owned.case.public.reference]
        assert references(for_team.cases) == [partly.case.public.reference, of_team.case.public.reference]
        assert (for_owner.next, for_owner.total, for_team.total) == (None, 2, 2)

    async def test_an_admins_list_holds_and_counts_only_what_waits_in_triage(self, cabinet: Cabinet) -> None:
        waiting, working, elsewhere = raised("a"), raised("b"), raised("c")
        waiting.hear(undecided())
        working.hear(routed(team="democratic"))
        elsewhere.hear(routed())
        for story in (waiting, working, elsewhere):
            await cabinet.put(story)
        work = TeamWork(frozenset(), frozenset({"democratic"}))

        page = await cabinet.case_file.page(Wish(DEMOCRATIC, work))
        closed = await cabinet.case_file.page(Wish(DEMOCRATIC, work, states=("with_team",)))

        assert (references(page.cases), page.total) == ([waiting.case.public.reference], 1)
        assert (list(closed.cases), closed.total) == ([], 0)

    async def test_who_does_not_serve_today_is_listed_nothing_as_a_councillor(self, cabinet: Cabinet) -> None:
        of_team = raised("b", cc=(COLLEAGUE,))
        of_team.hear(routed())
        for story in (raised("a"), of_team):
            await cabinet.put(story)
        gone = Membership(serves=False)

        for person in (OWNER, COLLEAGUE):
            page = await cabinet.case_file.page(Wish(person, NO_TEAM, member=gone))
            assert (list(page.cases), page.next, page.total) == ([], None, 0)
        page = await cabinet.case_file.page(Wish(OWNER, TeamWork(frozenset({"housing"}), frozenset()), member=gone))
        assert references(page.cases) == [of_team.case.public.reference]

    async def test_cabinet_business_is_listed_to_the_owner_who_holds_the_portfolio(self, cabinet: Cabinet) -> None:
        ward, story = raised("a"), cabinet_case()
        for each in (ward, story):
            await cabinet.put(each)
        own, business = ward.case.public.reference, story.case.public.reference

        for portfolios, listed in (({"housing", "streets"}, {own, business}), ({"streets"}, {own}), (set(), {own})):
            member = Membership(serves=True, portfolios=frozenset(portfolios))
            page = await cabinet.case_file.page(Wish(OWNER, NO_TEAM, member=member))
            assert (set(references(page.cases)), page.total) == (listed, len(listed))

    async def test_what_is_offered_is_listed_to_those_who_are_asked_and_to_admins(self, cabinet: Cabinet) -> None:
        offered, taken, closed, untouched = (raised(key) for key in "abcd")
        for story in (offered, taken, closed):
            story.directory = after_the_election()
            story.hear(review(AFTER))
        taken.give(order(TakeOver, COLLEAGUE, AFTER))
        public = closed.case.public.model_copy(update={"state": "closed"})
        closed._happen((CaseClosed(at=AFTER, case=public, reason="accepted"),), THIRD)
        for story in (offered, taken, closed, untouched):
            await cabinet.put(story)
        admin = TeamWork(frozenset(), frozenset({"democratic"}))

        for_asked = await cabinet.case_file.page(Wish(THIRD, NO_TEAM))
        for_new_owner = await cabinet.case_file.page(Wish(COLLEAGUE, NO_TEAM))
        for_admin = await cabinet.case_file.page(Wish(DEMOCRATIC, admin, member=Membership(serves=False)))
        of_a_state = await cabinet.case_file.page(Wish(THIRD, NO_TEAM, states=("answered",)))

        assert references(for_asked.cases) == [offered.case.public.reference]
        assert set(references(for_new_owner.cases)) == {offered.case.public.reference, taken.case.public.reference}
        assert references(for_admin.cases) == [offered.case.public.reference]
        assert (for_asked.total, for_new_owner.total, for_admin.total, of_a_state.total) == (1, 2, 1, 0)

    async def test_pages_follow_each_other_without_gap_or_repetition(self, cabinet: Cabinet) -> None:
        stories = [raised(f"key-{number}", minutes=number // 2) for number in range(7)]  # pairs at the same time
        for story in stories:
            await cabinet.put(story)

        seen: list[str] = []
        after: str | None = None
        sizes: list[int] = []
        while True:
            page = await cabinet.case_file.page(Wish(OWNER, NO_TEAM, limit=3, after=after))
            seen += references(page.cases)
            sizes.append(len(page.cases))
            assert page.total == 7
            after = page.next
            if after is None:
                break

        assert sizes == [3, 3, 1]
        assert sorted(seen) == sorted(story.case.public.reference for story in stories)

    async def test_a_list_can_be_of_some_states_only(self, cabinet: Cabinet) -> None:
        waiting, with_team = raised("a"), raised("b")
        with_team.hear(routed())
        await cabinet.put(waiting)
        await cabinet.put(with_team)

        page = await cabinet.case_file.page(Wish(OWNER, NO_TEAM, states=("with_team", "closed")))

        assert references(page.cases) == [with_team.case.public.reference]
        assert page.total == 1

    async def test_a_line_of_a_list_has_its_first_fact_with_its_words(self, cabinet: Cabinet) -> None:
        story = raised("a")
        story.hear(routed())
        await cabinet.put(story)

        (line,) = (await cabinet.case_file.page(Wish(OWNER, NO_TEAM))).cases

        assert [record.seq for record in line.records] == [1]
        assert line.records[0].text["summary"] == "Case a"

    @pytest.mark.parametrize("cursor", ["nonsense", "CW-7K2M9-Q4T1X", "x.y"])
    async def test_a_cursor_that_is_none_of_ours_ends_the_list(self, cabinet: Cabinet, cursor: str) -> None:
        await cabinet.put(raised("a"))

        page = await cabinet.case_file.page(Wish(OWNER, NO_TEAM, after=cursor))

        assert (list(page.cases), page.next, page.total) == ([], None, 1)

    async def test_refusals_are_found_by_their_person_newest_first(self, cabinet: Cabinet) -> None:
        first, second = order(Accept, OWNER, MONDAY), order(Accept, OWNER, MONDAY + timedelta(hours=1))
        refusal = refuse_conflict("not-in-raised", "Wait.", "add-cc")
        await cabinet.refuse(first, "command-1", refusal)
        await cabinet.refuse(second, "command-2", refusal)
        await cabinet.refuse(order(Accept, COLLEAGUE, MONDAY), "command-3", refusal)

        found = await cabinet.case_file.refusals(REFERENCE, OWNER)

        assert [(each.id, each.command, each.at) for each in found] == [
            ("command-2", "accept", second.at),
            ("command-1", "accept", first.at),
        ]
        assert found[0].refusal == refusal


class TestFakeCaseFile(CaseFileSuite):
    """The fake is honest."""

    @pytest.fixture
    def cabinet(self) -> Cabinet:
        return FakeCabinet()


@pytest.mark.mongo
class TestMongoCaseFile(CaseFileSuite):
    """The real one."""

    @pytest.fixture
    async def cabinet(self, database: AsyncDatabase[dict[str, Any]]) -> Cabinet:
        store = Store(database, COLLECTIONS)
        await store.prepare()
        return MongoCabinet(store)

    async def test_nothing_of_the_constituent_lies_readable_in_the_database(
        self, cabinet: MongoCabinet, database: AsyncDatabase[dict[str, Any]]
    ) -> None:
        story = Story()
        story.give(for_resident())
        await cabinet.put(story)

        document = await database["cases"].find_one({"_id": case_id_for(REFERENCE)})

        for secret in (CANARY, "quill.example", "Damp", "outer wall"):
            assert secret not in str(document)

    @pytest.mark.parametrize(
        "wish",
        [
            Wish(OWNER, NO_TEAM),
            Wish(OWNER, NO_TEAM, ("with_team",), member=Membership(serves=True, portfolios=frozenset({"housing"}))),
            Wish(OFFICER, TeamWork(frozenset({"housing"}), frozenset({"democratic"})), member=Membership(serves=False)),
        ],
    )
    async def test_a_list_reads_through_an_index(
        self, cabinet: MongoCabinet, database: AsyncDatabase[dict[str, Any]], wish: Wish
    ) -> None:
        await cabinet.put(raised("a"))

        plan = await database.command(
            "explain", {"find": "cases", "filter": wanted(wish), "sort": {"state.raised_at": -1, "_id": -1}}
        )

        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
        assert "SORT_MERGE" in str(plan["queryPlanner"]["winningPlan"])
