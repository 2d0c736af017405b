"""Which image is run: the one that was named, else the default, else an older one that is there."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError, ImageNotFound

from ops.stack.containers import DockerUnavailableError, choose_image
from ops.stack.ladder import silent


class Images:
    """Docker's images, as far as they are asked for: those that are here, those a registry has."""

    def __init__(self, here: set[str], registry: set[str]) -> None:
        self.here, self._registry = here, registry

    def get(self, image: str) -> str:
        if image not in self.here:
            raise ImageNotFound(image)
        return image

    def pull(self, image: str) -> None:
        if image not in self._registry:
            raise APIError("no such host", explanation="no such host")
        self.here.add(image)

    def list(self, name: str) -> list[str]:
        return [image for image in self.here if image == name]


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_IMAGE", raising=False)


def chosen(here: set[str], registry: set[str]) -> tuple[str, list[str]]:
    said: list[str] = []
    return choose_image(SimpleNamespace(images=Images(here, registry)), "MONGO_IMAGE", said.append), said


def test_the_default_is_pulled() -> None:
    assert chosen({"mongo:6.0"}, {"mongo:8"}) == ("mongo:8", [])


def test_without_a_registry_an_older_image_that_is_there_is_taken_and_that_is_said() -> None:
    image, said = chosen({"mongo:6.0", "postgres:16"}, set())

    assert image == "mongo:6.0"
    assert said == ["Docker: image mongo:8 is not there and cannot be pulled: no such host; mongo:6.0 is taken instead"]


def test_an_image_that_was_named_is_taken_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_IMAGE", "registry.example/mongo:8")

    with pytest.raises(DockerUnavailableError, match=r"registry\.example/mongo:8 is not there"):
        chosen({"mongo:8", "mongo:6.0"}, set())


def test_with_no_image_at_all_the_wanted_one_is_named() -> None:
    with pytest.raises(DockerUnavailableError, match="image mongo:8 is not there"):
        choose_image(SimpleNamespace(images=Images(set(), set())), "MONGO_IMAGE", silent)
