"""The production example as docs/deploy.md starts it: TLS, logins, three of each server. `make test-containers`.

It ends when every service is ready: there is no identity provider and no mail server behind it.
"""

import os
import secrets
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ops.development import SERVICES
from ops.stack.ports import free_port
from tests.containers.certificates import Authority

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "production"
PROJECT = "casework-production-rehearsal"
DOCKER = shutil.which("docker") or "docker"
PUBLIC = "casework.example"
BROKERS = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
DATABASES = ("mongo-1", "mongo-2", "mongo-3")
WITHIN = 900
_SERVICE, _SERVER = 10_001, 999
_TLS = "replicaSet=rs0&tls=true&tlsCAFile=/run/secrets/ca.pem"
_SHELL = ("mongosh", "--quiet", "--tls", "--tlsCAFile=/run/secrets/ca.pem", "--tlsAllowInvalidHostnames")


class Production:
    """The example in a folder of its own, with certificates and passwords of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets = folder, folder / "secrets"
        self.port, self.authority = free_port(), Authority()
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        shutil.copytree(ROOT / "council", folder / "council")
        for made in ("backups", "secrets"):
            (folder / made).mkdir()
        os.chown(folder / "backups", _SERVICE, _SERVICE)
        self._environment = os.environ | {
            "HTTPS_PORT": f"127.0.0.1:{self.port}",
            "COUNCIL_CODE": "exampleton",
            "PUBLIC_URL": f"https://{PUBLIC}",
            "ISSUER": "https://issuer.example",
            "SMTP_HOST": "mail.example",
            "SMTP_USER": "casework",
        }

    def casework(self, *arguments: str) -> None:
        """Run the `casework` command on this machine."""
        subprocess.run([sys.executable, "-m", "ops", *arguments], cwd=ROOT, check=True, timeout=60)  # noqa: S603  ours

    def compose(self, *arguments: str) -> str:
        """Run one `docker compose` command to its end; gives what it printed.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(  # noqa: S603  our own command
            [DOCKER, "compose", "-p", PROJECT, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def keep(self, name: str, text: str, reader: int = _SERVICE) -> None:
        """Write a secret that only its reader may read."""
        file = self.secrets / name
        file.write_text(text, encoding="utf-8")
        os.chown(file, reader, reader)
        file.chmod(0o400)

    def make_secrets(self) -> None:
        """Make every file that docs/deploy.md lists."""
        brokers, databases = self.folder / "broker-passwords", self.folder / "database-passwords"
        self.casework("broker", "definitions", str(self.folder / "definitions.json"), "--passwords", str(brokers))
        self.casework("database", "users", "--passwords", str(databases))
        self.keep("definitions.json", (self.folder / "definitions.json").read_text(encoding="utf-8"), _SERVER)
        (self.secrets / "ca.pem").write_text(self.authority.certificate, encoding="utf-8")
        certificate, key = self.authority.issue("brokers", *BROKERS)
        self.keep("broker.pem", certificate, _SERVER)
        self.keep("broker.key", key, _SERVER)
        self.keep("database.pem", "".join(self.authority.issue(*DATABASES)), _SERVER)
        self.keep("database.keyfile", secrets.token_hex(256), _SERVER)
        self.keep("erlang.cookie", secrets.token_hex(16), _SERVER)
        front = self.secrets / "front.pem"
        front.write_text("".join(self.authority.issue(PUBLIC)), encoding="utf-8")
        for name in ("seal_keys", "vault_keys"):
            self.keep(name, Fernet.generate_key().decode())
        self.keep("gateway.session_secret", secrets.token_urlsafe(32))
        self.keep("notifier.smtp_password", secrets.token_urlsafe(16))
        for who in (*SERVICES, "operator"):
            broker = (brokers / who).read_text(encoding="utf-8").strip()
            database = (databases / who).read_text(encoding="utf-8").strip()
            self.keep(f"{who}.rabbit_url", f"amqps://{who}:{broker}@brokers:5671/?cafile=/run/secrets/ca.pem")
            self.keep(f"{who}.mongo_url", f"mongodb://casework_{who}:{database}@{','.join(DATABASES)}/?{_TLS}")
        operator = (brokers / "operator").read_text(encoding="utf-8").strip()
        self.keep("operator.management_url", f"https://operator:{operator}@brokers:15671?cafile=/run/secrets/ca.pem")
        administrator = secrets.token_urlsafe(24)
        self.keep("administrator", administrator, _SERVER)
        self.keep("administrator.mongo_url", f"mongodb://administrator:{administrator}@{','.join(DATABASES)}/?{_TLS}")
        shutil.chown(databases, _SERVICE, _SERVICE)
        for file in databases.iterdir():
            shutil.chown(file, _SERVICE, _SERVICE)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A project that goes with everything in it."""
    made = Production(tmp_path_factory.mktemp("production"))
    made.make_secrets()
    try:
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout=5")


def test_production_starts_as_the_page_says(production: Production) -> None:
    compose = production.compose
    compose("up", "--detach", "--wait", *BROKERS, *DATABASES, "brokers")

    compose("exec", "-T", "rabbitmq-1", "rabbitmqctl", "await_online_nodes", "3")
    compose("exec", "-T", "rabbitmq-1", "rabbitmqctl", "import_definitions", "/etc/casework/definitions.json")
    compose("exec", "-T", "rabbitmq-1", "rabbitmqctl", "delete_user", "guest")
    members = ", ".join(f'{{_id: {number}, host: "{name}:27017"}}' for number, name in enumerate(DATABASES))
    compose("exec", "-T", "mongo-1", *_SHELL, "--eval", f'rs.initiate({{_id: "rs0", members: [{members}]}})')
    make = (
        "while (!db.hello().isWritablePrimary) sleep(200); "
        'const pwd = require("fs").readFileSync("/etc/casework/administrator", "utf8").trim(); '
        'db.getSiblingDB("admin").createUser({user: "administrator", pwd, roles: ["root"]})'
    )
    compose("exec", "-T", "mongo-1", *_SHELL, "--eval", make)
    once = ("run", "--rm", "-T")
    mounted = [f"--volume={production.secrets}/administrator.mongo_url:/run/secrets/administrator.mongo_url:ro"]
    mounted += [f"--volume={production.folder}/database-passwords:/database-passwords:ro"]
    login = "--env=CASEWORK_MONGO_URL_FILE=/run/secrets/administrator.mongo_url"
    users = ("casework", "database", "users", "--apply", "--passwords=/database-passwords")
    compose(*once, *mounted, login, *users)
    published = compose(*once, "casework", "council", "publish", "/council", "--author=test", "--reason=rehearsal")
    compose("up", "--detach", "--wait")
    status = compose(*once, "casework", "status")
    backup = compose(*once, "casework", "backup", "create", "/backups/first.zip")

    queues = compose("exec", "-T", "rabbitmq-1", "rabbitmqctl", "-q", "list_queues", "name", "members")
    assert "in force: version 1" in published
    assert "healthy" in status
    assert "documents of" in backup
    assert all(
        f"rabbit@{broker}" in line for line in queues.splitlines() if line.startswith("intake\t") for broker in BROKERS
    )
    assert _answer(production, "/v1/cases") == 401  # by HTTPS, and nobody has signed in
    assert _answer(production, "/metrics") == 403


def _answer(production: Production, path: str) -> int:
    """Ask the front as somebody outside would, trusting the rehearsal's authority only."""
    trust = ssl.create_default_context(cadata=production.authority.certificate)
    trust.check_hostname = False  # it listens on loopback here, under another name
    request = urllib.request.Request(f"https://127.0.0.1:{production.port}{path}")
    try:
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:  # noqa: S310  as above
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
