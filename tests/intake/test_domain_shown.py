"""What a view says of who has a case: its parts, how much it weighs, and to those who place cases its facts alone."""

from datetime import timedelta

import pytest

from services.intake.domain import case_summary, case_view, event_views
from shared.commands import CaseView, OpenTask, Refusal
from shared.council import CabinetPost, Directory
from tests.intake.fakes import filed
from tests.intake.stories import (
    CANARY,
    CARER,
    DEMOCRATIC,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
    TODAY,
    Story,
    for_resident,
    make_council,
    order,
    raising,
    routed,
    undecided,
    well_formed,
)

ASKED = "Please ask Quillfeather about the drains."
WRITTEN = (CANARY, "Damp", "outer wall", "Mill Lane", "been to see it", "Quillfeather", "school's", "wall has been")
TUESDAY = MONDAY + timedelta(days=1)
WAY = (
    ("with_team", None, None),
    ("in_progress", "acknowledge", OFFICER),
    ("in_progress", "add-progress", OFFICER),
    ("in_progress", "open-task", OFFICER),
    ("in_progress", "answer", OFFICER),
    ("answered", "answer-task", CARER),
    ("closed", "accept", OWNER),
)


def view_of(story: Story, person: str) -> CaseView:
    view = case_view(filed(story), person, story.directory, TUESDAY)
    assert view is not None
    return view


def along_the_way(steps: int) -> Story:
    """Tell a case for a resident, with words in every fact, so many steps of its way."""
    story = Story()
    story.give(for_resident(location="12 Mill Lane"))
    story.hear(routed())
    for state, name, actor in WAY[:steps]:
        if name and actor:
            command = well_formed(name, story.case, actor, MONDAY)
            if name == "open-task":
                command = order(OpenTask, actor, MONDAY, team="adults", text=ASKED)
            assert not isinstance(story.give(command), Refusal)
        assert story.case.public.state == state
    return story


@pytest.mark.parametrize("steps", range(1, len(WAY) + 1))
def test_those_who_place_cases_see_facts_and_no_word_that_was_written(steps: int) -> None:
    story = along_the_way(steps)

    view = view_of(story, DEMOCRATIC)
    events = event_views(filed(story), DEMOCRATIC, DIRECTORY, TODAY)
    line = case_summary(filed(story), DEMOCRATIC, DIRECTORY, TODAY)

    assert view.status == story.case.public.state
    assert len(view.history) == story.case.seq
    assert events == view.history
    assert line is not None
    shown = view.model_dump_json() + line.model_dump_json()
    assert [words for words in WRITTEN if words in shown] == []
    assert (view.summary, view.description, view.location, view.constituent) == (None, None, None, None)
    assert all(event.text is None for event in view.history)


def test_between_teams_too_they_see_facts_alone() -> None:
    story = along_the_way(2)
    story.give(well_formed("return", story.case, OFFICER, MONDAY))

    view = view_of(story, DEMOCRATIC)

    assert view.commands == ("assign", "transfer-owner")
    assert [words for words in WRITTEN if words in view.model_dump_json()] == []


def test_what_waits_in_triage_can_be_read_by_those_who_place_it_and_not_after() -> None:
    story = Story()
    story.give(for_resident(location="12 Mill Lane"))
    story.hear(undecided())
    waiting = view_of(story, DEMOCRATIC)

    story.give(well_formed("assign", story.case, DEMOCRATIC, MONDAY))
    placed = view_of(story, DEMOCRATIC)

    assert (waiting.summary, waiting.location) == ("Damp in the bedroom", "12 Mill Lane")
    assert waiting.constituent is not None
    assert [words for words in WRITTEN if words in placed.model_dump_json()] == []


def test_a_team_with_a_part_sees_what_the_leading_team_sees() -> None:
    story = along_the_way(4)

    leading, helping = view_of(story, OFFICER), view_of(story, CARER)

    assert CANARY in helping.model_dump_json()
    assert helping.commands == ("add-progress", "answer-task")
    assert helping.model_copy(update={"commands": leading.commands}) == leading
    assert helping.history[-1].text == {"text": ASKED}


def test_a_view_lists_the_parts_with_their_teams_and_times() -> None:
    story = along_the_way(5)
    clock = story.case.part_clock(1)
    assert clock is not None

    parts = view_of(story, OWNER).tasks

    assert [(part.number, part.team, part.team_name, part.done, part.due) for part in parts] == [
        (1, "adults", "Adult Care", False, clock.due),
        (0, "housing", "Housing Repairs", True, None),
    ]


def test_a_line_in_a_list_counts_the_time_of_a_part() -> None:
    story = along_the_way(3)
    story.give(order(OpenTask, OFFICER, MONDAY, team="adults", days=1, text=ASKED))
    clock = story.case.part_clock(1)
    assert clock is not None

    line = case_summary(filed(story), CARER, DIRECTORY, TODAY)

    assert line is not None
    assert (line.due, line.relation, line.summary) == (clock.due, "officer", "Damp in the bedroom")


def test_a_view_says_how_much_a_case_weighs_and_under_which_council_it_was_raised() -> None:
    posts = (CabinetPost(id="post", portfolio="homes", councillor=OWNER),)
    story = Story(Directory(make_council(posts=posts), 17))
    story.give(raising(impact="daily-life", capacity="cabinet"))

    view = view_of(story, OWNER)

    assert (view.impact, view.capacity, view.portfolio, view.council_version) == ("daily-life", "cabinet", "homes", 17)
