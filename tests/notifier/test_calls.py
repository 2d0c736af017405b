"""Calls to whoever is on duty: what is said, to whom, and what an answer means."""

import asyncio
import json
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from ops.stack.ports import free_port
from services.notifier.adapters import DirectoryCallWriter, WebhookDutyCaller
from services.notifier.adapters.calls import body_of
from services.notifier.domain import Notice
from services.notifier.ports import Call, CannotBeWritten, Delayed, Doubtful, Kept, Outcome, Refused, Taken
from shared.events import CaseAlerted, CaseEvent, CaseRouted, CaseTriageNeeded
from tests.notifier.duty_desk import DutyDesk, duty_desk
from tests.notifier.fakes import DIRECTORY, REFERENCE, case, notices
from tests.notifier.mail_server import make_certificate

NIGHT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
URL = f"https://casework.exampleton.example/casework/{REFERENCE}"
URGENT = case(lane="urgent")


def call_of(event: CaseEvent) -> Notice:
    (told,) = [each for each in notices(event) if each.channel == "call"]
    return told


def routed(**changes: object) -> Notice:
    event = CaseRouted(at=NIGHT, case=URGENT, team="lighting", rule="r1", rules_version="7", reason="service-rule")
    return call_of(event.model_copy(update=changes))


def written(told: Notice) -> Call:
    return DirectoryCallWriter(lambda: DIRECTORY, "https://casework.exampleton.example/").write(told)


def test_a_call_says_what_where_who_and_why_and_nothing_else() -> None:
    told = routed()

    assert body_of(written(told)) == {
        "id": told.id,
        "why": "new-danger",
        "reference": REFERENCE,
        "link": URL,
        "service": "Street lamps",
        "ward": "Elm Hill",
        "team": {"id": "lighting", "name": "Street Lighting"},
        "officer": {"id": "off-cedar", "name": "Cleo Cedar"},
        "level": 0,
        "round": 0,
    }


def test_a_call_because_nobody_has_taken_it_on_says_round_and_level() -> None:
    told = call_of(CaseAlerted(at=NIGHT, case=URGENT, round=3, level=2, team="lighting", officer="off-cedar"))

    said = written(told)

    assert (said.why, said.round, said.level, said.officer) == (
        "unacknowledged",
        3,
        2,
        ("off-cedar", "Cleo Cedar"),
    )


def test_where_no_officer_is_named_the_team_is() -> None:
    in_triage = case(lane="urgent", team=None, state="triage")
    told = call_of(CaseTriageNeeded(at=NIGHT, case=in_triage, rules_version="7", reason="no-rule"))

    assert (written(told).team, body_of(written(told))["officer"]) == (("members-desk", "Members' Desk"), None)


def test_names_that_are_not_known_any_more_are_ids() -> None:
    told = routed(duty="off-gone")

    assert written(told.model_copy(update={"service": "gas-lamps"})).service == "gas-lamps"
    assert written(told).officer == ("off-gone", "off-gone")


def test_a_call_holds_no_address_and_nothing_about_who_raised_it() -> None:
    said = json.dumps(body_of(written(routed())))

    assert "@" not in said
    assert not re.search(r"cllr-|Alder", said)


def test_a_call_without_a_team_cannot_be_made() -> None:
    told = routed()

    with pytest.raises(CannotBeWritten, match="no-team"):
        written(told.model_copy(update={"facts": told.facts.model_copy(update={"team": None})}))


@pytest.mark.parametrize("template", ["answer-owner", "call-of-a-newer-version"])
def test_what_this_version_cannot_call_about_is_no_call(template: str) -> None:
    with pytest.raises(ValueError, match="no call this version knows"):
        written(routed().model_copy(update={"template": template}))


# --- the webhook ------------------------------------------------------------------------------------------------------


class HandOver:
    """Says whether the notice is ours, and remembers being asked."""

    def __init__(self, *, ours: bool = True) -> None:
        self.asked, self._ours = 0, ours

    async def __call__(self) -> bool:
        self.asked += 1
        return self._ours


async def outcome_of(desk: DutyDesk, **settings: object) -> Outcome:
    caller = WebhookDutyCaller(f"http://127.0.0.1:{desk.port}/calls", **{"timeout": 5.0, **settings})  # type: ignore[arg-type]  # a table
    try:
        return await caller.post(written(routed()), HandOver())
    finally:
        await caller.close()


async def test_a_call_is_posted_as_json_with_our_token_and_its_own_key() -> None:
    async with duty_desk() as desk:
        outcome = await outcome_of(desk, token=SecretStr("duty-token"))

    (heard,) = desk.heard
    assert outcome == Taken()
    assert heard.line == "POST /calls HTTP/1.1"
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["authorization"] == "Bearer duty-token"
    assert heard.headers["idempotency-key"] == routed().id
    assert heard.body == body_of(written(routed()))


async def test_without_a_token_none_is_sent() -> None:
    async with duty_desk() as desk:
        await outcome_of(desk)

    assert "authorization" not in desk.heard[0].headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Taken()),
        (201, Taken()),
        (204, Taken()),
        (302, Refused("http-302")),
        (400, Refused("http-400")),
        (401, Delayed("http-401")),
        (403, Delayed("http-403")),
        (404, Refused("http-404")),
        (408, Delayed("http-408")),
        (410, Refused("http-410")),
        (422, Refused("http-422")),
        (429, Delayed("http-429")),
        (500, Delayed("http-500")),
        (503, Delayed("http-503")),
    ],
)
async def test_an_answer_means(status: int, outcome: Outcome) -> None:
    async with duty_desk() as desk:
        desk.answers.append(status)

        assert await outcome_of(desk) == outcome

    assert len(desk.heard) == 1


async def test_where_nobody_listens_the_call_is_made_later() -> None:
    caller = WebhookDutyCaller(f"http://127.0.0.1:{free_port()}/calls")

    assert await caller.post(written(routed()), HandOver()) == Delayed("no-connection")
    await caller.close()


async def test_a_certificate_nobody_vouches_for_is_not_told_anything(tmp_path: Path) -> None:
    server, _ = make_certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    async with duty_desk(server) as desk:
        url = f"https://localhost:{desk.port}/calls"
        believing, careful = WebhookDutyCaller(url, trusted=trusted), WebhookDutyCaller(url)

        outcomes = [await each.post(written(routed()), HandOver()) for each in (careful, believing)]

        for each in (careful, believing):
            await each.close()
    assert outcomes == [Delayed("no-connection"), Taken()]
    assert len(desk.heard) == 1


async def test_whoever_hangs_up_without_an_answer_leaves_a_doubt() -> None:
    async with duty_desk() as desk:
        desk.answers.append(None)

        assert await outcome_of(desk) == Doubtful("no-answer")

    assert len(desk.heard) == 1


async def test_whoever_does_not_answer_in_time_leaves_a_doubt() -> None:
    async with duty_desk() as desk:
        desk.pause = 1.0

        assert await outcome_of(desk, timeout=0.2) == Doubtful("no-answer")


async def test_a_call_that_is_no_longer_ours_is_not_made() -> None:
    async with duty_desk() as desk:
        caller = WebhookDutyCaller(f"http://127.0.0.1:{desk.port}/calls")

        assert await caller.post(written(routed()), HandOver(ours=False)) == Kept()
        await caller.close()

    assert desk.heard == []


async def test_it_is_noted_before_anything_is_said() -> None:
    async with duty_desk() as desk:
        caller = WebhookDutyCaller(f"http://127.0.0.1:{desk.port}/calls")

        async def hand_over() -> bool:
            assert desk.connections == 0
            return True

        await caller.post(written(routed()), hand_over)
        await caller.close()

    assert desk.connections == 1


async def test_every_call_has_a_connection_of_its_own_and_several_go_at_once() -> None:
    async with duty_desk() as desk:
        desk.pause = 0.3
        caller = WebhookDutyCaller(f"http://127.0.0.1:{desk.port}/calls")
        async with asyncio.timeout(5):
            await asyncio.gather(*(caller.post(written(routed()), HandOver()) for _ in range(4)))
        await caller.close()

    assert desk.connections == 4
