"""A RabbitMQ with its management page for as long as a block lasts.

The one rule: a broker of our own listens on loopback only, its distribution port and its epmd included.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from ops.stack.containers import container
from ops.stack.ladder import NoServerError, Provider, Say, climb, forced, silent
from ops.stack.management import Management, password_hash
from ops.stack.ports import LOOPBACK, free_port, is_listening, speaks_amqp
from ops.stack.processes import child, data_folder

DEFAULT_USER = "operator"
BOOT_TIMEOUT = 90.0  # seconds; 8 on an idle machine, 21 seen on a loaded one

_STOP_TIMEOUT = 25.0  # seconds; the management plugin needs about 6
_EPMD_TIMEOUT = 10.0
_AMQP, _MANAGEMENT = 5672, 15672
# Not the /usr/sbin/rabbitmq-server of a Debian package: that wrapper switches to the user rabbitmq.
_BINARIES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/homebrew/sbin/rabbitmq-server")
_INSTALL = (
    "install it (Debian, Ubuntu: apt-get install rabbitmq-server), name it in RABBITMQ_SERVER, "
    "start Docker, or set CASEWORK_RABBIT_URL and CASEWORK_RABBIT_MANAGEMENT_URL"
)


@dataclasses.dataclass(frozen=True)
class Rabbit:
    """A running broker.

    Attributes:
        url: `amqp://user:password@host:port/`, the default vhost.
        management_url: `http://user:password@host:port`; None when only the broker's address was given.
        provider: `env`, `docker` or `local`.
    """

    url: str = dataclasses.field(repr=False)
    management_url: str | None = dataclasses.field(repr=False)
    provider: str


@dataclasses.dataclass(frozen=True)
class Login:
    """A broker user with its password."""

    user: str
    password: str = dataclasses.field(repr=False)


def find_server(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of an installed rabbitmq-server that runs under any user, None when there is none."""
    for path in (environ.get("RABBITMQ_SERVER"), *_BINARIES):
        if path and os.access(path, os.X_OK):
            return path
    return None


def find_epmd() -> str | None:
    """Return the path of Erlang's port mapper, None when there is none."""
    if on_path := shutil.which("epmd"):
        return on_path
    roots = (pathlib.Path("/usr/lib/erlang"), pathlib.Path("/usr/local/lib/erlang"))
    return next((str(path) for root in roots for path in sorted(root.glob("erts-*/bin/epmd"))), None)


def _definitions(given: Mapping[str, Any] | None, login: Login) -> dict[str, Any]:
    """Return the definitions to load: the given ones and, unless they bring it, an administrator of ours."""
    merged = {**(given or {})}
    vhosts = list(merged.get("vhosts", []))
    if not any(vhost["name"] == "/" for vhost in vhosts):
        vhosts.append({"name": "/"})
    users = list(merged.get("users", []))
    permissions = list(merged.get("permissions", []))
    if not any(user["name"] == login.user for user in users):
        users.append(
            {
                "name": login.user,
                "password_hash": password_hash(login.password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        )
        permissions += [
            {"user": login.user, "vhost": vhost["name"], "configure": ".*", "write": ".*", "read": ".*"}
            for vhost in vhosts
        ]
    return {**merged, "vhosts": vhosts, "users": users, "permissions": permissions}


def _login(given: Mapping[str, Any] | None, login: Login | None) -> Login:
    if login is not None:
        return login
    if any(user["name"] == DEFAULT_USER for user in (given or {}).get("users", [])):
        raise ValueError(f"the definitions bring the user {DEFAULT_USER}: hand in its password as login")
    return Login(DEFAULT_USER, secrets.token_urlsafe(18))


def _addresses(login: Login, host: str, port: int, management_port: int, provider: str) -> Rabbit:
    user, password = (urllib.parse.quote(part, safe="") for part in (login.user, login.password))
    return Rabbit(
        f"amqp://{user}:{password}@{host}:{port}/", f"http://{user}:{password}@{host}:{management_port}", provider
    )


@contextlib.contextmanager
def _given(url: str, management_url: str | None, definitions: Mapping[str, Any] | None, say: Say) -> Iterator[Rabbit]:
    if definitions is not None:
        if management_url is None:
            say("RabbitMQ: no CASEWORK_RABBIT_MANAGEMENT_URL, so the definitions were not loaded into your broker")
        else:
            with Management(management_url) as management:
                management.import_definitions(definitions)
            say("RabbitMQ: loaded our definitions into your broker")
    yield Rabbit(url, management_url, "env")


@contextlib.contextmanager
def _docker(definitions: Mapping[str, Any] | None, login: Login, say: Say) -> Iterator[Rabbit]:
    env = {"RABBITMQ_DEFAULT_USER": login.user, "RABBITMQ_DEFAULT_PASS": login.password}
    with container("RABBITMQ_IMAGE", (_AMQP, _MANAGEMENT), say=say, env=env) as box:
        host, ports = box.host, box.ports
        server = _addresses(login, host, ports[_AMQP], ports[_MANAGEMENT], "docker")
        with Management(server.management_url or "") as management:
            box.wait_until(lambda: speaks_amqp(ports[_AMQP], host) and management.is_ready(), BOOT_TIMEOUT)
            if definitions is not None:
                management.import_definitions(definitions)
        yield server


def _write_configuration(folder: pathlib.Path, port: int, management_port: int, definitions: Mapping[str, Any]) -> None:
    """Write what the node reads at boot; the definitions are loaded at each boot, so a new password takes effect."""
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.touch(mode=0o600)
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
    (folder / "rabbitmq-env.conf").touch()  # shadows /etc/rabbitmq/rabbitmq-env.conf
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    definitions_file = folder / "definitions.json"
    definitions_file.touch(mode=0o600)
    definitions_file.write_text(json.dumps(definitions))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {LOOPBACK}:{port}\n"
        f"management.tcp.ip = {LOOPBACK}\n"
        f"management.tcp.port = {management_port}\n"
        "loopback_users = none\n"
        "disk_free_limit.absolute = 50MB\n"
        f"load_definitions = {definitions_file}\n"
        "log.console = false\n"
        "log.file.level = info\n"
    )


def _environment(folder: pathlib.Path, distribution_port: int, epmd_port: int) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_", "NOTIFY_"))
    }
    return inherited | {
        "HOME": str(folder),  # the Erlang cookie is read here
        "LC_ALL": "C.UTF-8",
        "RABBITMQ_NODENAME": "casework@localhost",  # names the data folder; our own epmd keeps it from others'
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(epmd_port),
        # For every Erlang the script starts, its short-lived helpers too. No busy waiting: a developer's machine has
        # other work to do.
        "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false "
        "+sbwt none +sbwtdcpu none +sbwtdio none",
        # The start script becomes the Erlang machine instead of waiting beside it, so that the kernel's parent-death
        # signal and our SIGTERM reach the broker itself.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


@contextlib.contextmanager
def _local(
    definitions: Mapping[str, Any] | None, login: Login, folder: pathlib.Path | None, *, keep: bool
) -> Iterator[Rabbit]:
    binary, epmd = find_server(), find_epmd()
    if binary is None or epmd is None:
        raise NoServerError(f"rabbitmq-server is not installed; {_INSTALL}")
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(data_folder(folder, keep=keep))
        epmd_port = free_port()
        mapper = stack.enter_context(
            child("epmd", [epmd, "-address", LOOPBACK, "-port", str(epmd_port)], log=home / "epmd.log", cwd=home)
        )
        mapper.wait_until(lambda: is_listening(epmd_port), _EPMD_TIMEOUT)
        port, management_port = free_port(), free_port()
        _write_configuration(home, port, management_port, _definitions(definitions, login))
        node = stack.enter_context(
            child(
                "RabbitMQ",
                [binary],
                log=home / "out.log",
                env=_environment(home, free_port(), epmd_port),
                cwd=home,
                grace=_STOP_TIMEOUT if keep else 0,
            )
        )
        node.wait_until(lambda: speaks_amqp(port) and is_listening(management_port), BOOT_TIMEOUT)
        yield _addresses(login, LOOPBACK, port, management_port, "local")


@contextlib.contextmanager
def rabbit(
    *,
    definitions: Mapping[str, Any] | None = None,
    login: Login | None = None,
    folder: pathlib.Path | None = None,
    keep: bool = False,
    say: Say = silent,
) -> Iterator[Rabbit]:
    """Provide a RabbitMQ from the first step of the ladder that can, for as long as the block lasts.

    Reads `CASEWORK_RABBIT_URL`, `CASEWORK_RABBIT_MANAGEMENT_URL`, `RABBITMQ_IMAGE`, `RABBITMQ_SERVER` and `TEST_INFRA`.

    Args:
        definitions: loaded at boot, or through the management API into a broker in Docker or a given one.
        login: the user our addresses name; needed when `definitions` bring that user. Without it an administrator
            `operator` with a new random password is added.
        folder: data and logs of a local broker, emptied first unless `keep`; a temporary folder when left out.
        keep: keep the data of `folder` from the last start and end the broker gently.
        say: hears why a step was left.

    Raises:
        NoServerError: no step can provide it.
        ServerFailedError: the local broker does not start within 90 s.
    """
    url = os.environ.get("CASEWORK_RABBIT_URL")
    chosen = _login(definitions, login)
    given: Provider[Rabbit] | None = None
    if url:
        management_url = os.environ.get("CASEWORK_RABBIT_MANAGEMENT_URL") or None
        given = lambda: _given(url, management_url, definitions, say)  # noqa: E731  three providers, one form
    with climb(
        "RabbitMQ",
        given=given,
        docker=lambda: _docker(definitions, chosen, say),
        local=lambda: _local(definitions, chosen, folder, keep=keep),
        say=say,
        only=forced(),
    ) as server:
        yield server
