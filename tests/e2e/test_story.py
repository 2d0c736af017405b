"""The main job, as somebody sees it who types `make run`: the story on real processes, nothing left after Ctrl-C."""

import html
import json
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
import pika
import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_binary_event
from pika.exceptions import ChannelClosedByBroker

from tests.counts import count
from tests.e2e.running import Terminal, casework, listening, open_ports, still_running

pytestmark = [pytest.mark.e2e, pytest.mark.rabbit, pytest.mark.mongo]

STEPS = (
    r"a councillor raises a case for a resident",
    r"routed to Environmental Protection: Routed by rule noise, version",
    r"receipt e-mail to .*@exampleton\.example: \[(?P<reference>CW-[0-9A-Z]{5}-[0-9A-Z]{5})\] Noise nuisance",
    r"receipt e-mail to .*@exampleton\.example",
    r"an officer acknowledges",
    r"the team commits to \d+ \w+ 20\d\d",
    r"the councillor extends auto-close to the commitment",
    r"the team answers",
    r"auto-close warning e-mail to",
    r"closed by itself",
    r"outcome e-mail to",
    r"outcome e-mail to",
    r"dangerous waste is reported",
    r"routed on the urgent lane to Environment Response",
    r"by a second channel .* is called: new-danger",
    r"overtook \d+ ordinary reports",
    r"the end: every step happened",
)
CANARIES = (b"Canary", b"bark from midnight", b"three nights", b"Drums that smell", b"verge")
"""Parts of what the story says about a resident, a place, or in free text."""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A system that has played its story and stays up."""
    started = Terminal(tmp_path_factory.mktemp("stack"))
    try:
        started.wait_for("Ctrl-C stops everything")
        yield started
    finally:
        started.stop()


def test_the_story_happens_step_by_step_with_the_seconds_since_the_start(terminal: Terminal) -> None:
    told = iter(terminal.lines)

    for step in STEPS:
        assert any(re.search(rf"^ *\d+\.\d\d s  .*{step}", line) for line in told), f"no {step!r} in:\n{terminal.text}"


def test_another_system_hears_the_case_while_the_story_goes_on(terminal: Terminal) -> None:
    heard = re.findall(r"another system hears casework\.case\.(\w+)\.v1 caseseq=(\d+)", terminal.text)

    assert [fact for fact, _ in heard[:3]] == ["raised", "routed", "acknowledged"]
    assert "closed" in dict(heard)
    assert "gap" not in terminal.text


def test_what_to_open_is_there(terminal: Terminal) -> None:
    pages = re.findall(r"http://\S+", terminal.text)
    curl = re.search(r"curl -H 'Authorization: (Bearer \S+)' (\S+)", terminal.text)
    operator = re.search(r"(http://\S+)   user (\S+), password (\S+)", terminal.text)

    assert curl is not None
    assert operator is not None
    with httpx2.Client(trust_env=False, follow_redirects=True) as client:
        for page in set(pages) - {curl[2]}:
            assert client.get(page).status_code == 200, page
        cases = client.get(curl[2], headers={"Authorization": curl[1]})
        login = client.get(f"{operator[1]}/api/whoami", auth=(operator[2], operator[3]))
    assert cases.json()["cases"]
    assert login.json()["name"] == operator[2]


def test_the_link_of_a_mail_shows_the_case_after_signing_in(terminal: Terminal) -> None:
    system = terminal.system
    with httpx2.Client(trust_env=False, follow_redirects=True) as client:
        mails = client.get(f"{system.inbox_url}/api/messages", params={"subject": "Noise nuisance"}).json()
        link = re.search(rf"{system.gateway_url}/casework/(CW-\S+)", mails[0]["text"])
        assert link is not None

        who = client.get(link[0])
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', who.text))
        page = client.post(
            who.url.join("authorize"),
            data={name: html.unescape(value) for name, value in fields.items()} | {"sub": "cllr-001"},
        )

    assert who.url.host == "127.0.0.1"
    assert str(page.url) == link[0]
    assert page.status_code == 200
    assert link[1] in page.text
    assert "Noise nuisance" in page.text
    assert "<form" not in page.text.split("<main")[1].split("</main")[0]


def test_a_healthy_system_says_so_to_its_operator(terminal: Terminal) -> None:
    status = casework("status", "--json", folder=terminal.folder)
    dead = casework("dead", "list", folder=terminal.folder)

    assert status.returncode == 0, status.stdout + status.stderr
    assert {service["name"] for service in json.loads(status.stdout)["services"]} >= {"intake", "gateway"}
    assert dead.stdout.strip() == "no dead letters"


def test_a_stranger_hears_a_second_story_gap_free_and_nothing_personal(terminal: Terminal) -> None:
    url, queue = _subscribe(terminal, "stranger", "case.#")

    played = casework(
        "demo", f"--url={terminal.system.gateway_url}", f"--backlog={count(60, 400)}", folder=terminal.folder
    )

    assert played.returncode == 0, played.stdout + played.stderr
    bodies = _drain(url, queue)
    events = [from_binary_event(message) for message in bodies]
    assert len({event.get_id() for event in events}) == len(events) > 20
    numbers = sorted(
        (_reference(message), event.get_extension("caseseq")) for message, event in zip(bodies, events, strict=True)
    )
    heard = {case: [number for _, number in pairs] for case, pairs in groupby(numbers, key=lambda pair: pair[0])}
    for found in heard.values():  # of older cases it hears what comes now
        assert found == list(range(found[0], found[0] + len(found)))
    told = set(re.findall(r"CW-[0-9A-Z]{5}-[0-9A-Z]{5}", played.stdout))
    assert len(told) == 2
    assert [heard[case][0] for case in told] == [1, 1]
    assert {event.get_source() for event in events} == {f"/councils/{terminal.system.council_code}/casework/intake"}
    everything = b"".join(message.application_data + repr(message.properties).encode() for message in bodies)
    assert not [canary for canary in CANARIES if canary in everything]
    again = casework("subscriber", "add", "stranger", "case.#", folder=terminal.folder)
    assert again.returncode == 1
    assert "in use" in again.stderr


@pytest.mark.parametrize(
    ("attempt", "pattern"),
    [("publish", "case.raised.v1.normal.noise.abbey"), ("bind", "#"), ("bind", "case.#"), ("bind", "routing.#")],
)
def test_a_stranger_can_do_nothing_beyond_its_right(terminal: Terminal, attempt: str, pattern: str) -> None:
    name = f"narrow-{attempt}-{len(pattern)}"
    url, queue = _subscribe(terminal, name, "case.closed.#")

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        attempts: dict[str, Callable[[], Any]] = {
            "bind": lambda: channel.queue_bind(queue, "casework.events", pattern),
            "publish": lambda: channel.basic_publish("casework.events", pattern, b"{}"),
        }
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            attempts[attempt]()
    assert casework("subscriber", "remove", name, folder=terminal.folder).returncode == 0


def test_a_second_start_in_the_same_folder_is_refused(terminal: Terminal) -> None:
    second = casework("up", "--port=0", "--once", folder=terminal.folder)

    assert second.returncode == 2
    assert "is running in" in second.stderr


def test_ctrl_c_leaves_no_process_no_listener_and_no_address(tmp_path: Path) -> None:
    before = open_ports()
    terminal = Terminal(tmp_path / "stack", "--no-play")
    try:
        terminal.wait_for("Ctrl-C stops everything")
        children = terminal.started()
        ports = listening(children)
        assert len(ports) >= 8, children
        assert not ports & before

        code = terminal.interrupt()
    finally:
        terminal.stop()

    assert code == 0
    assert not still_running(children)
    assert not ports & open_ports()
    assert not (tmp_path / "stack" / "connections.json").exists()


def _reference(message: AMQPMessage) -> str:
    return str(json.loads(message.application_data)["case"]["reference"])


def _subscribe(terminal: Terminal, name: str, *patterns: str) -> tuple[str, str]:
    added = casework("subscriber", "add", name, *patterns, folder=terminal.folder)
    assert added.returncode == 0, added.stderr
    found = dict(line.split(None, 1) for line in added.stdout.splitlines()[:2])
    return found["address"], found["queue"]


def _drain(url: str, queue: str) -> list[Any]:
    """Take everything a stranger's queue holds, with another AMQP library."""
    taken: list[AMQPMessage] = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None:
                return taken
            taken.append(AMQPMessage({"content-type": properties.content_type}, properties.headers, body))
            channel.basic_ack(method.delivery_tag)
