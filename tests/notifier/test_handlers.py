"""What the notifier notes when something happens."""

from services.notifier.domain import MATRIX
from services.notifier.handlers import handlers, pass_over_extension, tell_of_closing
from shared.plumbing.envelope import Envelope
from tests.notifier.fakes import DIRECTORY
from tests.notifier.test_domain import EVENTS


def test_every_fact_of_the_case_stream_has_a_handler() -> None:
    assert {handler.message for handler in handlers} == set(MATRIX)
    assert all(handler.entries and handler.collection == "notices" for handler in handlers)


def test_a_closing_is_noted_for_owner_colleague_and_team() -> None:
    message = Envelope(type="casework.case.closed.v1", id="m-1", body=b"", caseseq=9, correlation="c-9")

    told = tell_of_closing(EVENTS["closed"], message, DIRECTORY)  # type: ignore[arg-type]  # a table of all events

    assert {(notice.recipient, notice.template) for notice in told} == {
        ("cllr-alder", "closed-owner"),
        ("cllr-birch", "closed-cc"),
        ("team:lighting", "closed-team"),
    }
    assert {(notice.event, notice.caseseq, notice.correlation) for notice in told} == {("m-1", 9, "c-9")}


def test_an_extension_is_heard_and_nobody_is_told() -> None:
    message = Envelope(type="casework.case.autoclose_extended.v1", id="m-2", body=b"", caseseq=9)

    assert pass_over_extension(EVENTS["auto-close extended"], message, DIRECTORY) == []  # type: ignore[arg-type]  # as above
