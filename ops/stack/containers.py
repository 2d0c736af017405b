"""Docker through testcontainers, for the stack's two servers.

The one rule: ports are published on loopback only, and nothing here pulls more than the image it was asked for.
"""

import contextlib
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ops.stack.ladder import Say, silent
from ops.stack.ports import LOOPBACK, is_listening

# The variable that names an image; without it the first of these, or the first that is here where none can be pulled.
IMAGES = {"RABBITMQ_IMAGE": ("rabbitmq:4-management",), "MONGO_IMAGE": ("mongo:8", "mongo:7", "mongo:6.0")}


class DockerUnavailableError(RuntimeError):
    """Docker cannot provide a container; the message says why."""


class Box:
    """A running container.

    Attributes:
        host: where its ports are reachable.
        ports: the reachable port for each port of the container.
    """

    def __init__(self, box: Any, ports: tuple[int, ...], *, remote: bool) -> None:
        self._box = box
        self.host: str = box.get_container_host_ip()
        self.ports: dict[int, int] = {port: box.get_exposed_port(port) for port in ports}
        if remote:
            return
        # testcontainers takes every machine with a /.dockerenv for a container. We look: Docker's proxy accepts on
        # loopback if the daemon is on this machine; else we are a container ourselves, on the same bridge.
        client, identity = box.get_docker_client(), box.get_container_id()
        published = {port: int(client.port(identity, port)) for port in ports}
        if is_listening(published[ports[0]]):
            self.host, self.ports = LOOPBACK, published
        else:
            self.host, self.ports = client.bridge_ip(identity), {port: port for port in ports}

    def wait_until(self, ready: Callable[[], bool], within: float) -> None:
        """Wait until what runs inside is ready.

        Raises:
            DockerUnavailableError: the container ended, or `within` seconds are over.
        """
        end = time.monotonic() + within
        while not ready():
            self._box.reload()
            if self._box.status not in ("created", "running") or time.monotonic() > end:
                tail = b"".join(self._box.get_logs())[-1000:].decode(errors="replace")
                raise DockerUnavailableError(f"{self._box.image} ({self._box.status}) did not become ready. {tail}")
            time.sleep(0.1)


def _answers(host: str) -> bool:
    """Say whether somebody listens at Docker's address; docker-py would leave a socket open behind a refusal."""
    scheme, _, path = host.partition("://")
    if scheme != "unix":
        return True  # docker-py finds out
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(3)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _client() -> Any:
    """Return a client of the Docker daemon; the caller closes it.

    Raises:
        DockerUnavailableError: testcontainers is not installed, or no daemon answers.
    """
    try:
        docker: Any = importlib.import_module("docker")  # a development dependency: images have none
        importlib.import_module("testcontainers.core.container")
    except ImportError as error:
        raise DockerUnavailableError("the testcontainers package is not installed") from error
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not _answers(host):
        raise DockerUnavailableError("no Docker daemon answers")
    try:
        return docker.from_env(timeout=120)  # pulling an image is one request
    except docker.errors.DockerException as error:
        raise DockerUnavailableError(f"no Docker daemon answers: {error}") from None


def _provide_image(client: Any, image: str) -> None:
    """Pull an image unless it is there.

    Raises:
        DockerUnavailableError: it cannot be pulled.
    """
    errors: Any = importlib.import_module("docker.errors")
    try:
        client.images.get(image)
    except errors.ImageNotFound:
        try:
            client.images.pull(image)
        except errors.APIError as error:
            raise DockerUnavailableError(
                f"image {image} is not there and cannot be pulled: {error.explanation}"
            ) from None


def choose_image(client: Any, variable: str, say: Say) -> str:
    """Return the image to run, pulled if it has to be.

    Args:
        client: of the Docker daemon.
        variable: the environment variable that may name it; what it names is taken, or nothing.
        say: hears if an older image has to do.

    Raises:
        DockerUnavailableError: there is none and none can be pulled.
    """
    named = os.environ.get(variable)
    wanted, *older = (named,) if named else IMAGES[variable]
    try:
        _provide_image(client, wanted)
    except DockerUnavailableError as error:
        for image in older:
            if client.images.list(name=image):
                say(f"Docker: {error}; {image} is taken instead")
                return image
        raise
    return wanted


def _without_reaper_if_missing(client: Any, say: Say) -> None:
    """Do without testcontainers' reaper container where its image cannot be had, and say so."""
    from testcontainers.core.config import testcontainers_config as config  # noqa: PLC0415  see _client

    if config.ryuk_disabled:
        return
    try:
        _provide_image(client, config.ryuk_image)
    except DockerUnavailableError as error:
        say(f"Docker: {error}; if this process is killed, its containers stay")
        config.ryuk_disabled = True


@contextlib.contextmanager
def container(
    variable: str, ports: tuple[int, ...], *, say: Say, env: dict[str, str] | None = None, command: str | None = None
) -> Iterator[Box]:
    """Run a container for as long as the block lasts.

    Args:
        variable: names its image (`IMAGES`).
        ports: of the container, to be published.
        say: hears what had to be done without.
        env: its environment.
        command: instead of the image's own.

    Raises:
        DockerUnavailableError: no daemon, no image, or the container does not start.
    """
    client = _client()
    try:
        image = choose_image(client, variable, say)
        _without_reaper_if_missing(client, say)
    finally:
        client.close()

    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  see _client
    from testcontainers.core.docker_client import get_docker_host  # noqa: PLC0415  see _client

    box = DockerContainer(image, env=dict(env or {}))
    remote = str(get_docker_host() or "").startswith(("tcp://", "ssh://"))
    for port in ports:
        # docker-py's form for "a free port of this address"; testcontainers has no word for it
        box.ports[f"{port}/tcp"] = None if remote else (LOOPBACK,)  # type: ignore[assignment]  # typed int | None there
    if command is not None:
        box.with_command(command)
    with box:
        yield Box(box, ports, remote=remote)


def main() -> None:
    """Say by the exit code whether Docker can provide both images, pulling what is missing; 1 and the reason if not."""
    try:
        client = _client()
        try:
            for variable in IMAGES:
                choose_image(client, variable, silent)
        finally:
            client.close()
    except DockerUnavailableError as error:
        sys.stderr.write(f"Docker: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
