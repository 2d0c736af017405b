"""The containers as a platform team starts them: healthy, scaled, and killed while people work. `make test-containers`.

Minutes long and in need of Docker, so no part of `make test`: pytest does not collect this file unless it is named.
A crash is a container's main process killed from outside; `docker kill` would count as stopped on purpose.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ops.development import SERVICES
from ops.stack.ports import free_port

ROOT = Path(__file__).parents[2]
PROJECT = "casework-rehearsal"
DOCKER = shutil.which("docker") or "docker"
SCALED = {"routing": 3, "notifier": 3, "intake": 2, "scheduler": 2, "gateway": 2}
UP_WITHIN = 600
DEMO_WITHIN = 400
BETWEEN_KILLS = 2.0
"""Seconds."""


class Compose:
    """One compose project of our own."""

    def __init__(self) -> None:
        self.port = free_port()
        ports = {"PORT": self.port, "INBOX_PORT": free_port(), "ISSUER_PORT": free_port()}
        self._environment = os.environ | {name: str(port) for name, port in ports.items()}

    def run(self, *arguments: str, within: float = 120) -> str:
        """Run one `docker compose` command to its end; gives what it printed.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(  # noqa: S603  our own command
            [DOCKER, "compose", "-p", PROJECT, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def up(self, scale: dict[str, int]) -> None:
        """Start everything, and wait until all of it is healthy."""
        counts = [f"--scale={service}={count}" for service, count in scale.items()]
        self.run("up", "--build", "--detach", "--wait", *counts, within=UP_WITHIN)

    def crash(self, service: str) -> None:
        """Kill the main process of one container of a service."""
        container = self.run("ps", "-q", service).split()[0]
        asked = [DOCKER, "inspect", "-f", "{{.State.Pid}}", container]
        pid = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603  our own command
        os.kill(int(pid.stdout), signal.SIGKILL)

    def demo(self, kills: Sequence[str] = ()) -> str:
        """Play the story, and crash one container after the other meanwhile; gives what the story said.

        Raises:
            AssertionError: a step of the story did not happen, or it ended before all were killed.
        """
        story = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", "ops", "demo", f"--url=http://127.0.0.1:{self.port}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        killed: list[str] = []

        def crash_all() -> None:
            for service in kills:
                time.sleep(BETWEEN_KILLS)
                if story.poll() is None:
                    self.crash(service)
                    killed.append(service)

        crashing = threading.Thread(target=crash_all)
        crashing.start()
        said, _ = story.communicate(timeout=DEMO_WITHIN)
        crashing.join()
        assert story.returncode == 0, said
        assert killed == list(kills), f"the story ended after {killed} were killed:\n{said}"
        return said


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    """A project that goes with everything in it."""
    project = Compose()
    try:
        yield project
    finally:
        project.run("down", "--volumes", "--timeout=5", within=UP_WITHIN)


@pytest.fixture(params=[{}, SCALED], ids=["plain", "scaled"])
def started(request: pytest.FixtureRequest, compose: Compose) -> Compose:
    """All containers, one of each or as many as a busy council has."""
    compose.up(request.param or dict.fromkeys(SCALED, 1))
    return compose


def test_the_story_ends_well(started: Compose) -> None:
    assert "the end: every step happened" in started.demo()
    assert "healthy" in started.run("run", "--rm", "casework", "status")


def test_the_story_ends_well_though_one_container_of_each_is_killed(started: Compose) -> None:
    assert "the end: every step happened" in started.demo([*SERVICES, "front"])


def test_the_story_ends_well_though_broker_and_database_are_killed(started: Compose) -> None:
    assert "the end: every step happened" in started.demo(["rabbitmq", "mongo"])
