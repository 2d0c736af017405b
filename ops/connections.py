"""Where a running system is: written by `casework up`, or given in the environment, and read by every other command.

The one rule: the file holds passwords, so only its owner may read it, and it is gone when the system is.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

STACK_FOLDER = Path(os.environ.get("CASEWORK_STACK_FOLDER") or Path(__file__).parents[1] / ".local" / "stack").resolve()
"""Data and logs of the development stack (`CASEWORK_STACK_FOLDER`, else `.local/stack`); emptied by each start."""
_FILE = "connections.json"


class NoSystem(RuntimeError):
    """No system is known; the message says how to name one."""


class System(BaseModel):
    """The addresses of a running system. A web address is empty where the system has no such part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rabbit_url: str = Field(repr=False, description="The broker, with a user that may do everything.")
    management_url: str = Field(repr=False, description="Its management API, with the same user.")
    mongo_url: str = Field(repr=False, description="The database.")
    mongo_prefix: str = Field(default="casework", description="What the names of the services' databases begin with.")
    gateway_url: str = Field(default="", description="The gateway.")
    issuer_url: str = Field(default="", description="The development issuer; empty in production.")
    inbox_url: str = Field(default="", description="The development inbox; empty in production.")
    council_code: str = Field(default="", description="The council's code, as in an event's source.")
    services: dict[str, str] = Field(default_factory=dict, description="Each service's own address, by name.")

    @property
    def vhost(self) -> str:
        """The broker's vhost that `rabbit_url` names; `/` where it names none."""
        return unquote(urlsplit(self.rabbit_url).path.removeprefix("/")) or "/"


class Databases(NamedTuple):
    """The databases of a system."""

    url: str
    prefix: str

    def __repr__(self) -> str:
        """Show no password."""
        return f"Databases({self.prefix!r})"

    def name(self, owner: str) -> str:
        """Name the database of a service, or of the council."""
        return f"{self.prefix}_{owner}"


_VARIABLES: Mapping[str, str] = {
    "rabbit_url": "CASEWORK_RABBIT_URL",
    "management_url": "CASEWORK_RABBIT_MANAGEMENT_URL",
    "mongo_url": "CASEWORK_MONGO_URL",
    "mongo_prefix": "CASEWORK_MONGO_PREFIX",
    "gateway_url": "CASEWORK_GATEWAY_URL",
    "council_code": "CASEWORK_COUNCIL_CODE",
    "services": "CASEWORK_SERVICES",
}
_NEEDED = ("rabbit_url", "management_url", "mongo_url")


def private(folder: Path) -> None:
    """Make a folder, or take the one that is there, so that nobody else can look in.

    Raises:
        PermissionError: it is somebody else's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def write(system: System, folder: Path = STACK_FOLDER) -> None:
    """Write down a system that has just started, readable by its owner only."""
    private(folder)
    unfinished = folder / f"{_FILE}.new"
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(system.model_dump_json(indent=2), encoding="utf-8")
    unfinished.replace(folder / _FILE)


def forget(folder: Path = STACK_FOLDER) -> None:
    """Forget the system that has just ended."""
    (folder / _FILE).unlink(missing_ok=True)


def find_system(environ: Mapping[str, str] = os.environ, folder: Path = STACK_FOLDER) -> System:
    """Find the system that the environment names, else the one that `casework up` runs on this machine.

    Reads `CASEWORK_RABBIT_URL`, `CASEWORK_RABBIT_MANAGEMENT_URL` and `CASEWORK_MONGO_URL` (all three or none), and
    beside them `CASEWORK_MONGO_PREFIX`, `CASEWORK_GATEWAY_URL`, `CASEWORK_COUNCIL_CODE` and `CASEWORK_SERVICES`
    (`intake=http://… routing=http://…`); each of them, or the file that `<name>_FILE` names.

    Raises:
        NoSystem: neither is there, or what is there cannot be read.
    """
    given = {name: value for name, variable in _VARIABLES.items() if (value := _read(environ, variable))}
    if any(name in given for name in _NEEDED):
        missing = [_VARIABLES[name] for name in _NEEDED if name not in given]
        if missing:
            raise NoSystem(f"to watch a system of your own set {', '.join(missing)}, too")
        return System(**_with_services(given))
    try:
        return System.model_validate_json((folder / _FILE).read_bytes())
    except FileNotFoundError:
        raise NoSystem(
            f"no system is running here: start one with `make run`, or name one in {', '.join(_needed())}"
        ) from None
    except ValidationError:  # its text quotes the file, and so a password
        raise NoSystem(f"{folder / _FILE} was written by another version: start the system again") from None


def _read(environ: Mapping[str, str], variable: str) -> str:
    """Read a variable or, as the services do, the file that `<variable>_FILE` names.

    Raises:
        NoSystem: the file cannot be read.
    """
    if (value := environ.get(variable)) or not (path := environ.get(f"{variable}_FILE")):
        return value or ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NoSystem(f"{variable}_FILE: cannot read {path}: {error.strerror}") from None


def find_databases(environ: Mapping[str, str] = os.environ, folder: Path = STACK_FOLDER) -> Databases:
    """Find the databases that the environment names, else those of the system that runs on this machine.

    Reads `CASEWORK_MONGO_URL` and `CASEWORK_MONGO_PREFIX`: who keeps backups needs no broker.

    Raises:
        NoSystem: neither is there, or what is there cannot be read.
    """
    if url := _read(environ, _VARIABLES["mongo_url"]):
        return Databases(url, _read(environ, _VARIABLES["mongo_prefix"]) or "casework")
    system = find_system(environ, folder)
    return Databases(system.mongo_url, system.mongo_prefix)


def _needed() -> list[str]:
    return [_VARIABLES[name] for name in _NEEDED]


def _with_services(given: dict[str, str]) -> dict[str, Any]:
    services = given.pop("services", "")
    pairs = [pair.partition("=") for pair in services.split()]
    if wrong := [name for name, _, url in pairs if not url.startswith("http")]:
        raise NoSystem(f"CASEWORK_SERVICES: write name=http://… for {', '.join(wrong)}")
    return given | {"services": {name: url for name, _, url in pairs}}


def as_user(url: str, user: str, password: str) -> str:
    """Return a broker's address for another of its users."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"
