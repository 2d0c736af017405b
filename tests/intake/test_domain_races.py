"""Whatever order commands and timers come in: nothing is lost, nothing closes that may not."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.case import LEAD, open_parts
from services.intake.domain.guards import offered
from services.intake.domain.policy import ORDER
from shared.commands import ExtendAutoClose, Refusal
from shared.council import Directory
from shared.events import (
    CaseAnswered,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCompleted,
    CaseRouted,
    CaseState,
    CaseTaskAnswered,
    CaseTaskOpened,
    Clock,
    ClockKind,
    Fact,
    PartOf,
)
from tests.counts import count
from tests.intake.stories import (
    CARER,
    COLLEAGUE,
    DEMOCRATIC,
    DIRECTORY,
    MANAGER,
    MONDAY,
    OFFICER,
    OTHER_OFFICER,
    OWNER,
    STRANGER,
    Story,
    make_council,
    order,
    raising,
    reporting,
    routed,
    tell,
    timer,
    undecided,
    well_formed,
)

EVERYBODY = (OWNER, COLLEAGUE, OFFICER, OTHER_OFFICER, MANAGER, CARER, DEMOCRATIC, STRANGER)
PEOPLE = st.sampled_from(EVERYBODY)
ANSWERS = ("housing", "streets", "parts", "triage")
"""What routing may say: a team, the same with parts for two others, or that people must decide."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.sampled_from(ORDER), PEOPLE),
        st.tuples(st.just("extend"), st.integers(-3, 400), st.booleans()),
        st.tuples(st.just("promise"), st.integers(-3, 400), st.none()),
        st.tuples(st.just("offered"), st.integers(0, 20), PEOPLE),
        st.tuples(st.just("route"), st.sampled_from(ANSWERS), st.integers(0, 3)),
        st.tuples(st.just("fire-next"), st.integers(0, 60), st.none()),
        st.tuples(st.just("fire-old"), st.integers(0, 50), st.none()),
        st.tuples(st.just("wait"), st.integers(1, 40), st.none()),
    ),
    min_size=5,
    max_size=40,
)
WAY_TO_AN_ANSWER = (("acknowledge", OFFICER), ("answer", OFFICER), ("complete", OFFICER))


class Walk:
    """A random walk that keeps the scheduler's old timers and looks at every fact."""

    def __init__(self, *, report: bool) -> None:
        self.story, self.now = Story(), MONDAY
        self.story.give(reporting(cc=(COLLEAGUE,)) if report else raising(cc=(COLLEAGUE,)))
        self.story.hear(routed())
        self.set: list[Clock] = []
        self.closed = 0

    def step(self, kind: str, what: object, who: object) -> None:
        before, case = len(self.story.facts), self.story.case
        match kind:
            case "command":
                self.story.give(well_formed(str(what), case, str(who), self.now))
            case "offered" if commands := offered(case, str(who), DIRECTORY, self.now):
                name = commands[_number(what) % len(commands)]
                result = self.story.give(well_formed(name, case, str(who), self.now))
                assert not isinstance(result, Refusal), (name, who, result)
            case "extend":
                until = DIRECTORY.calendar.local_date(self.now) + timedelta(days=_number(what))
                wish = {"to_commitment": True} if who else {"until": until}
                self.story.give(order(ExtendAutoClose, OWNER, self.now, reason="Please.", **wish))
            case "promise":
                promised = DIRECTORY.calendar.local_date(self.now) + timedelta(days=_number(what))
                command = well_formed("commit", case, OFFICER, self.now).model_copy(update={"promised": promised})
                self.story.give(command)
            case "route":
                self.hear_routing(str(what), self.now - timedelta(days=_number(who)))
            case "fire-next" if case.public.clocks:
                clock = min(case.public.clocks, key=lambda each: each.due)
                self.now = max(self.now, clock.due) + timedelta(hours=_number(what))
                self.fire(clock)
            case "fire-old" if self.set:
                old = self.set[_number(what) % len(self.set)]
                if old.due <= self.now:
                    self.fire(old)
            case "wait":
                self.now += timedelta(days=_number(what))
        self.look(case.public, before)

    def hear_routing(self, what: str, at: datetime) -> None:
        if what == "triage":
            self.story.hear(undecided(at))
        elif what == "parts":
            self.story.hear(routed(at, also=(PartOf(team="adults", target="2wd"), PartOf(team="streets"))))
        else:
            self.story.hear(routed(at, team=what))

    def fire(self, clock: Clock) -> None:
        runs = any((each.kind, each.rev) == (clock.kind, clock.rev) for each in self.story.case.public.clocks)
        before, state = len(self.story.facts), self.story.case
        self.story.hear(timer(clock.kind, clock.rev, self.now))
        if not runs:
            assert len(self.story.facts) == before, "a stale timer changes nothing"
            assert self.story.case == state

    def look(self, before: CaseState, count: int) -> None:
        case = self.story.case
        assert case.seq == len(self.story.facts)
        for clock in case.public.clocks:
            assert clock.rev <= case.seq
            assert clock.rev > count or clock in before.clocks, "a clock that was not moved keeps its rev"
        self.set.extend(clock for clock in case.public.clocks if clock not in self.set)
        new = self.story.facts[count:]
        assert _belong_together(new)
        self.look_at_parts(case.public)
        if before.state == "closed":
            said = (CaseCcAdded, CaseCcRemoved)
            assert all(isinstance(fact.event, said) for fact in new), "a closed case only gains and loses readers"
            assert case.public.state == "closed"
        for fact in new:
            self.look_at(fact, before)
        assert case.public.state != "committed" or case.public.clock("autoclose") is None

    def look_at_parts(self, public: CaseState) -> None:
        """What must be true of the parts and of the team in any state."""
        waiting = {task.number for task in open_parts(public)}
        timed = [number for clock in public.clocks if (number := self.story.case.part_of(clock)) is not None]
        assert sorted(timed) == sorted(waiting), "each open part has its clock, and no other part has one"
        assert (public.team is None) is (public.state == "raised")
        lead_done = any(task.number == LEAD for task in public.tasks)
        if public.state in {"answered", "completed", "closed"}:
            assert not waiting, "a case ends when all its parts are done"
        elif lead_done:
            assert waiting, "a case whose parts are all done has ended"
        if public.state in {"with_team", "in_progress"}:
            assert public.clock("answer") or public.clock("commitment"), "somebody owes an answer"
        if public.state in {"with_team", "triage"}:
            assert public.clock("acknowledge"), "whoever has it must take it on in time"

    def look_at(self, fact: Fact, before: CaseState) -> None:
        if not isinstance(fact.event, CaseClosed):
            return
        self.closed += 1
        assert self.closed == 1, "closed twice"
        assert before.state in {"answered", "completed"}
        if fact.event.reason == "auto":
            today, case = DIRECTORY.calendar.local_date(fact.event.at), self.story.case
            assert case.keep_open_until is None or today >= case.keep_open_until
            assert case.promised is None or today >= case.promised
            assert fact.event.at == self.now


def _belong_together(facts: list[Fact]) -> bool:
    """Say whether these facts may be one write: one alone, a routing with its parts, or a last part with the end."""
    kinds = [type(fact.event) for fact in facts]
    if len(kinds) <= 1:
        return True
    if kinds[0] is CaseRouted:
        return set(kinds[1:]) == {CaseTaskOpened}
    return kinds in ([CaseTaskAnswered, CaseAnswered], [CaseTaskAnswered, CaseCompleted])


def _number(what: object) -> int:
    assert isinstance(what, int)
    return what


@settings(max_examples=count(300, 5_000))
@given(steps=STEPS, report=st.booleans())
def test_no_order_of_commands_and_timers_breaks_a_case(
    steps: list[tuple[str, object, object]],
    report: bool,  # noqa: FBT001  hypothesis gives it by name
) -> None:
    walk = Walk(report=report)

    for kind, what, who in steps:
        walk.step(kind, what, who)


@settings(max_examples=count(300, 5_000))
@given(steps=STEPS, report=st.booleans())
def test_no_order_of_extensions_and_timers_closes_an_answered_case_wrongly(
    steps: list[tuple[str, object, object]],
    report: bool,  # noqa: FBT001  hypothesis gives it by name
) -> None:
    walk = Walk(report=report)
    for name, officer in WAY_TO_AN_ANSWER:
        walk.step("command", name, officer)
    assert walk.story.case.public.state == ("completed" if report else "answered")

    for kind, what, who in steps:
        walk.step(kind, what, who)


@pytest.mark.parametrize("days_late", [0, 1, 30])
@pytest.mark.parametrize("extension_first", [True, False])
def test_an_extension_and_a_close_in_either_order_never_close_wrongly(
    extension_first: bool,  # noqa: FBT001  a parameter
    days_late: int,
) -> None:
    story = tell("answered")
    clock = story.case.public.clock("autoclose")
    assert clock is not None
    at = clock.due + timedelta(days=days_late)
    closes = timer("autoclose", clock.rev, at)
    extends = order(ExtendAutoClose, OWNER, at - timedelta(minutes=1), until=_later(at), reason="Wait.")

    if extension_first:
        extended = story.give(extends)
        story.hear(closes)
    else:
        story.hear(closes)
        extended = story.give(extends)

    assert story.case.public.state == ("answered" if extension_first else "closed")
    assert isinstance(extended, Refusal) is not extension_first


@pytest.mark.parametrize("kind", ["autoclose_warning", "autoclose_last_warning", "autoclose"])
def test_every_timer_of_a_closed_case_is_stale(kind: ClockKind) -> None:
    story = tell("answered")
    clock = story.case.public.clock(kind)
    assert clock is not None
    story.give(well_formed("accept", story.case, OWNER, MONDAY))

    assert story.hear(timer(kind, clock.rev, clock.due)) == ()


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=3)])
@pytest.mark.parametrize("kind", ["autoclose_warning", "autoclose_last_warning"])
def test_of_a_close_that_is_due_already_nobody_is_warned(kind: ClockKind, late: timedelta) -> None:
    story = tell("answered")
    close = story.case.public.clock("autoclose")
    assert close is not None

    assert story.fire(kind, close.due + late) == ()
    assert story.fire("autoclose", close.due + late) != ()
    assert story.case.public.state == "closed"


def test_a_close_that_runs_can_be_extended_although_the_service_no_longer_closes() -> None:
    story = tell("answered")
    services = tuple(each.model_copy(update={"autoclose_days": None}) for each in DIRECTORY.council.services)
    story.directory = Directory(make_council(services=services))

    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=_later(MONDAY), reason="I ask the resident."))

    close = story.case.public.clock("autoclose")
    assert close is not None
    assert close.due == DIRECTORY.calendar.end_of_day(_later(MONDAY))


def _later(at: datetime) -> date:
    return DIRECTORY.calendar.local_date(at) + timedelta(days=20)


@pytest.mark.parametrize(
    ("state", "report", "changes"),
    [
        ("committed", False, {}),
        ("in_progress", False, {}),
        ("answered", False, {"promised": date(2027, 6, 1)}),
        ("answered", False, {"keep_open_until": date(2027, 6, 1)}),
        ("in_progress", True, {}),
    ],
)
def test_a_close_clock_that_should_not_run_closes_nothing(
    state: str,
    report: bool,  # noqa: FBT001  a parameter
    changes: dict[str, date],
) -> None:
    story = tell(state, report=report)
    clock = Clock(kind="autoclose", due=MONDAY, rule="10wd", rev=story.case.seq)
    public = story.case.public.model_copy(update={"clocks": (clock,)})
    story.known = story.case.model_copy(update={"public": public, **changes})

    assert story.fire("autoclose") == ()
