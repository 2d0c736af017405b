"""What the notifier notes when something happens."""

from services.notifier.adapters import SetChannels
from services.notifier.domain import MATRIX
from services.notifier.handlers import alert_duty, handlers, pass_over_extension, tell_of_closing
from services.notifier.ports import Channels
from shared.plumbing.envelope import Envelope
from shared.plumbing.metrics import Metrics
from tests.notifier.fakes import DIRECTORY, AllChannels
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


def told_of_an_alert(channels: Channels) -> list[str]:
    message = Envelope(type="casework.case.alerted.v1", id="m-3", body=b"", caseseq=9)

    return [each.template for each in alert_duty(EVENTS["alerted"], message, DIRECTORY, channels)]  # type: ignore[arg-type]  # as above


def test_a_danger_nobody_has_taken_on_is_noted_for_the_duty_inbox_and_for_a_call() -> None:
    assert told_of_an_alert(AllChannels()) == ["alert-duty", "call-unacknowledged"]


def test_where_nobody_is_set_up_to_make_calls_none_is_noted_and_each_is_counted() -> None:
    metrics = Metrics("notifier")
    channels = SetChannels(metrics, calls=False)

    assert [told_of_an_alert(channels) for _ in range(2)] == [["alert-duty"]] * 2

    count = metrics.registry.get_sample_value
    assert count("casework_duty_calls_unmade_total", {"template": "call-unacknowledged"}) == 2
    assert count("casework_duty_calls_set") == 0


def test_where_calls_are_made_all_is_noted() -> None:
    metrics = Metrics("notifier")

    assert told_of_an_alert(SetChannels(metrics, calls=True)) == ["alert-duty", "call-unacknowledged"]
    assert metrics.registry.get_sample_value("casework_duty_calls_set") == 1
