"""A council in which seats and posts end: who left, who came, who holds a portfolio, on which day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.commands import Refusal
from shared.council import CabinetPost, Councillor, Directory, Portfolio, Seat, Ward
from tests.intake.stories import COLLEAGUE, OWNER, THIRD, Story, make_council, raising, reporting, review, tell

LAST = date(2026, 11, 29)
"""The last day of those who leave, a Sunday."""
BEFORE, AFTER = datetime(2026, 11, 29, 23, 30, tzinfo=UTC), datetime(2026, 11, 30, 0, 0, tzinfo=UTC)
LATER = AFTER + timedelta(days=14)
NEWCOMER, HOLDER = "cllr-fell", "cllr-gorse"
HOUSING = Portfolio(code="housing", name="Housing")
POSTS = (
    CabinetPost(id="ash-housing", portfolio="housing", councillor=OWNER, valid_to=LAST),
    CabinetPost(id="gorse-housing", portfolio="housing", councillor=HOLDER, valid_from=LAST + timedelta(days=1)),
)


def member(person: str, *seats: Seat) -> Councillor:
    return Councillor(id=person, name=person.removeprefix("cllr-").title(), email=f"{person}@t.example", seats=seats)


def abbey(valid_from: date | None = None, valid_to: date | None = None) -> Seat:
    return Seat(ward="abbey", valid_from=valid_from, valid_to=valid_to)


def council_of(*members: Councillor, **changes: Any) -> Directory:
    """Give the council of the stories with these members in place of, or beside, those of the same id."""
    council = make_council()
    new = {each.id: each for each in members}
    kept = tuple(new.pop(each.id, each) for each in council.councillors)
    return Directory(make_council(councillors=(*kept, *new.values()), **changes))


def after_the_election() -> Directory:
    """The owner has left; everybody else of the ward serves on."""
    return council_of(member(OWNER, abbey(valid_to=LAST)))


def after_new_boundaries() -> Directory:
    """The ward exists no more, in its place there are two; of its councillors only the third sits for one of them."""
    wards = (
        Ward(code="abbey", name="Abbey", town="north", valid_to=LAST, successors=("priory", "minster")),
        Ward(code="priory", name="Priory", town="north", valid_from=LAST + timedelta(days=1)),
        Ward(code="minster", name="Minster", town="north", valid_from=LAST + timedelta(days=1)),
        Ward(code="langley", name="Langley", town="north"),
    )
    first = LAST + timedelta(days=1)
    return council_of(
        member(OWNER, abbey(valid_to=LAST)),
        member(COLLEAGUE, abbey(valid_to=LAST)),
        member(THIRD, abbey(valid_to=LAST), Seat(ward="priory", valid_from=first)),
        member(NEWCOMER, Seat(ward="minster", valid_from=first)),
        wards=wards,
    )


def after_a_reshuffle(*posts: CabinetPost) -> Directory:
    """The owner keeps the seat, and the portfolio goes to another member."""
    holder = member(HOLDER, Seat(ward="langley"))
    return council_of(holder, portfolios=(HOUSING,), posts=posts or POSTS)


def with_nobody_left() -> Directory:
    """Every seat of the ward is empty; the stranger of another ward serves on."""
    return council_of(*(member(each, abbey(valid_to=LAST)) for each in (OWNER, COLLEAGUE, THIRD)))


def cabinet_case() -> Story:
    """Tell a case of cabinet business that has just been raised."""
    story = Story(after_a_reshuffle())
    raised = story.give(raising(capacity="cabinet", portfolio="housing"))
    assert not isinstance(raised, Refusal)
    return story


def urgent(**changes: Any) -> Story:
    """Tell a danger that has just been raised."""
    story = Story()
    story.give(reporting(service="dangerous-waste", **changes))
    return story


def under(directory: Directory, state: str = "in_progress", cc: tuple[str, ...] = ()) -> Story:
    """Tell a case up to a state, and let this council come into force."""
    story = tell(state, cc=cc)
    story.directory = directory
    return story


def reviewed(directory: Directory, state: str = "in_progress", cc: tuple[str, ...] = ()) -> Story:
    """Tell a case that this council has let be offered to others."""
    story = under(directory, state, cc)
    assert story.hear(review(AFTER))
    return story
