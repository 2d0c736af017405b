"""May 2026 over real servers: what the election changes is said, and no case is lost, closed or handed over unasked."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from ops.stack.management import Management
from ops.stack.mongo import Mongo
from ops.stack.rabbit import Rabbit
from shared.calendar import LONDON
from shared.commands import case_id_for
from shared.events import CATALOGUE, CaseHandoverOffered, CouncilEvent, TimerReview
from shared.plumbing.council import publish
from tests.election.redrawn import FIRST, HOLDER, MOVES, NEXT_HOLDER, PORTFOLIO, bundles, successor
from tests.flows.audit import audited_town
from tests.flows.people import CASE, COLLEAGUE, COUNCILLOR, STRANGER, facts_of
from tests.flows.programs import until
from tests.flows.tap import Heard
from tests.flows.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGINS = datetime(2026, 4, 27, 9, 0, tzinfo=LONDON)
PUBLISHED_FOR = datetime(2026, 5, 8, 7, 30, tzinfo=LONDON)
NEWCOMER, PLACES_CASES = "cllr-102", "off-067"
ELECTION, MEETING = f"2:{FIRST}", f"2:{MOVES}"
"""The transitions: of the day the new members begin, and of the annual meeting."""


@dataclass
class Story:
    """What was done, and what was seen on the way."""

    town: Town
    references: dict[str, str] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Each case as its owner saw it before the election."""
    offered: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Each case that was offered, as Democratic Services saw it when nobody had taken it."""

    def council_facts(self, kind: str = "") -> list[CouncilEvent]:
        """List what was said about the council, in order."""
        heard = [one for one in self.town.tap.heard if one.key.startswith(f"council.{kind}")]
        facts = [CATALOGUE[one.type].model_validate_json(one.body) for one in {one.id: one for one in heard}.values()]
        return [fact for fact in facts if isinstance(fact, CouncilEvent)]

    def about(self, case: str, noun: str) -> list[Heard]:
        """List what was said about a case, of one noun."""
        return self.town.tap.facts(case_id_for(self.references[case]), noun)

    async def raise_(self, case: str, owner: str, ward: str, **more: Any) -> None:
        reference = await self.town.as_(owner).raise_(CASE | {"cc": []}, ward=ward, **more)
        self.references[case] = reference
        self.before[case] = await self.town.as_(owner).see_when(reference, status="with_team")

    async def until_offered(self, case: str) -> None:
        """Wait for the offer, and look at the case as it is then."""

        async def look() -> dict[str, Any] | None:
            seen = await self.town.as_(PLACES_CASES).see(self.references[case])
            return seen if "handover_offered" in facts_of(seen) else None

        self.offered[case] = await until(look, f"{case} is offered")

    async def take_over(self, case: str, person: str) -> None:
        await self.town.as_(person).order(self.references[case], "take-over", consent="constituent-agrees")

    def offer_of(self, case: str) -> CaseHandoverOffered:
        (heard,) = [one for one in self.about(case, "case.") if one.type == CaseHandoverOffered.type]
        return CaseHandoverOffered.model_validate_json(heard.body)


async def until_said(story: Story, kind: str, count: int = 1) -> None:
    async def look() -> bool:
        return len(story.council_facts(kind)) >= count

    await until(look, f"council.{kind}")


async def play(town: Town, after: Any) -> Story:
    """Let it be the spring of 2026."""
    story = Story(town)
    await story.raise_("followed", COUNCILLOR, "abbey", cc=[COLLEAGUE])
    await story.raise_("alone", STRANGER, "blackheath")
    await story.raise_("of-one-who-stays", COLLEAGUE, "abbey")
    await story.raise_("of-the-cabinet", HOLDER, "great-barr-with-yew-tree", capacity="cabinet", portfolio=PORTFOLIO)
    database = town.mongo[f"{town.prefix}_council"]
    await publish(database, after, author="test", reason="the election", activates=PUBLISHED_FOR.astimezone(UTC))
    await until_said(story, "published", 2)
    await town.move_clock_past(PUBLISHED_FOR.isoformat())
    await until_said(story, "activated", 2)
    await town.move_clock_past(f"{FIRST}T00:00:05+01:00")
    for case in ("followed", "alone"):
        await story.until_offered(case)
    await story.take_over("followed", COLLEAGUE)
    await story.take_over("alone", NEWCOMER)
    await town.move_clock_past(f"{MOVES}T00:00:05+01:00")
    await story.until_offered("of-the-cabinet")
    await story.take_over("of-the-cabinet", NEXT_HOLDER)
    await town.settle()
    return story


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(
    rabbit_server: Rabbit, management: Management, mongo_server: Mongo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Story]:
    """Play it once for all tests, on a system of its own whose clock stands in the spring of 2026."""
    before, after = bundles(tmp_path_factory.mktemp("bundles"))
    folder = tmp_path_factory.mktemp("issuer")
    async with audited_town(rabbit_server, management, mongo_server, folder, before, BEGINS) as town:
        yield await play(town, after)


def days(facts: Sequence[Any]) -> set[str]:
    return {fact.on.isoformat() for fact in facts}


async def test_what_the_election_changes_is_said_once_each_with_its_day(story: Story) -> None:
    heard = Counter(type(fact).__name__ for fact in story.council_facts())

    assert heard == {
        "CouncilPublished": 2,
        "CouncilActivated": 2,
        "CouncilTermEnded": 72,
        "CouncilWardEnded": 24,
        "CouncilWardBegan": 24,
        "CouncilTermBegan": 71,
        "CouncilSeatVacated": 1,
        "CouncilPortfolioMoved": 1,
    }
    dated = [fact for fact in story.council_facts() if hasattr(fact, "on")]
    assert days(dated[:-1]) == {FIRST}
    assert days(dated[-1:]) == {MOVES}


async def test_the_facts_say_who_left_and_why_what_became_of_a_ward_and_where_a_seat_is_empty(story: Story) -> None:
    ended: list[Any] = story.council_facts("term_ended")
    wards: list[Any] = story.council_facts("ward_ended")
    (vacated,), (moved,) = (list[Any](story.council_facts(kind)) for kind in ("seat_vacated", "portfolio_moved"))

    assert {fact.councillor: fact.reason for fact in ended if fact.left_office} == {
        COUNCILLOR: "stood-down",
        STRANGER: "defeat",
        "cllr-064": "died",
    }
    assert {fact.ward: fact.successors for fact in wards} == {
        ward.code: (successor(ward.code)[0],) for ward in story.town.directory.council.wards
    }
    assert (vacated.ward, vacated.seats, vacated.filled) == ("wednesbury", 3, 2)
    assert (moved.portfolio, moved.former, moved.holder) == (PORTFOLIO, HOLDER, NEXT_HOLDER)


async def test_exactly_the_open_cases_of_leavers_and_of_the_portfolio_that_moved_are_looked_at(story: Story) -> None:
    reviews = {}
    for case in story.references:
        facts = [TimerReview.model_validate_json(one.body) for one in story.about(case, "timer.review")]
        reviews[case] = [(fact.reason, fact.cause) for fact in facts]

    assert reviews == {
        "followed": [("owner-left", ELECTION)],
        "alone": [("owner-left", ELECTION)],
        "of-one-who-stays": [],
        "of-the-cabinet": [("portfolio-moved", MEETING)],
    }


async def test_a_case_is_offered_to_whoever_follows_it_else_to_those_elected_for_what_stands_in_the_wards_place(
    story: Story,
) -> None:
    assert story.offer_of("followed").to == (COLLEAGUE,)
    assert sorted(story.offer_of("alone").to) == ["cllr-005", "cllr-006", NEWCOMER]
    assert story.offer_of("of-the-cabinet").to == (NEXT_HOLDER,)


@pytest.mark.parametrize(
    ("case", "owner", "heir"),
    [("followed", COUNCILLOR, COLLEAGUE), ("alone", STRANGER, NEWCOMER), ("of-the-cabinet", HOLDER, NEXT_HOLDER)],
)
async def test_nobody_gets_a_case_unasked(story: Story, case: str, owner: str, heir: str) -> None:
    changes = story.about(case, "case.owner_changed")
    after = await story.town.as_(heir).see(story.references[case])

    assert story.offered[case]["owner"] == owner
    assert [one.headers["cloudEvents_actor"] for one in changes] == [heir]
    assert after["owner"] == heir
    assert after["status"] == "with_team"


async def test_whoever_is_asked_is_told_by_mail_and_nobody_else_is(story: Story) -> None:
    mail = await story.town.mail(story.references["followed"], COLLEAGUE, "If you would, open it and take it over")
    told = {name: story.town.mails(story.references[name], COLLEAGUE, "take it over") for name in story.references}

    assert "can no longer look after a case" in " ".join(mail.text.split())
    assert {name for name, mails in told.items() if mails} == {"followed"}


async def test_one_who_was_elected_again_keeps_the_case_and_the_case_its_old_ward(story: Story) -> None:
    case = await story.town.as_(COLLEAGUE).see(story.references["of-one-who-stays"])

    assert (case["owner"], case["ward"], case["ward_name"]) == (COLLEAGUE, "abbey", "Abbey")
    assert not {"handover_offered", "owner_changed"} & set(facts_of(case))


@pytest.mark.parametrize("case", ["followed", "alone", "of-the-cabinet"])
async def test_a_case_that_was_taken_over_keeps_its_ward_its_team_and_its_dates(story: Story, case: str) -> None:
    before, heir = story.before[case], {"followed": COLLEAGUE, "alone": NEWCOMER, "of-the-cabinet": NEXT_HOLDER}[case]
    after = await story.town.as_(heir).see(story.references[case])

    kept = ("ward", "ward_name", "service", "team", "clocks", "raised_at")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


async def test_whoever_left_is_let_in_no_more(story: Story) -> None:
    answer = await story.town.as_(COUNCILLOR).get(f"/v1/cases/{story.references['followed']}")

    assert answer.status_code in {401, 403, 404}


async def test_a_new_case_belongs_to_a_new_ward(story: Story) -> None:
    member = story.town.as_(COLLEAGUE)

    old = await member.post("/v1/cases", CASE | {"cc": [], "ward": "abbey"})
    new = await member.raise_(CASE | {"cc": ["cllr-101"]}, ward="bearwood")

    assert (old.status_code, old.json()["field"]) == (422, "ward")
    case = await member.see_when(new, status="with_team")
    assert (case["ward_name"], case["cc"]) == ("Bearwood", ["cllr-101"])


async def test_a_newcomer_reads_no_more_of_the_ward_than_what_was_offered(story: Story) -> None:
    other = await story.town.as_("cllr-101").get(f"/v1/cases/{story.references['of-one-who-stays']}")

    assert other.status_code == 404
