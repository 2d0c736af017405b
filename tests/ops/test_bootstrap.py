"""The bootstrap brings only what is missing, starts no service and says what to do where it cannot."""

import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "ops" / "bootstrap"
TOOLS = ("cat", "chmod", "cksum", "dirname", "grep", "mkdir", "mv", "rm", "sort", "tail")
SHELL = shutil.which("dash") or "/bin/sh"

UV = """echo "uv $*" >>calls; mkdir -p .venv/bin
printf '#!/bin/sh\\nexit 1\\n' >.venv/bin/python; chmod 755 .venv/bin/python"""
APT = 'echo "apt-get $*" >>calls; cat "$POLICY_FILE" >policy-during'


class Machine:
    """A clone on a machine that has just the tools we put there."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.clone = folder / "clone"
        self.bin = folder / "bin"
        self.policy = folder / "policy-rc.d"
        for place in ("ops", "shared", "services/intake"):
            (self.clone / place).mkdir(parents=True)
            (self.clone / place / "pyproject.toml").write_text("[project]\n")
        (self.clone / "pyproject.toml").write_text("[project]\n")
        (self.clone / "uv.lock").write_text("version = 1\n")
        self.bin.mkdir()
        script = SCRIPT.read_text()
        for here, there in {
            "/usr/sbin/policy-rc.d\n": f"{self.policy}\n",
            "/usr/lib/rabbitmq/bin/rabbitmq-server": str(folder / "no-server"),
            "/opt/homebrew/sbin/rabbitmq-server": str(folder / "no-server"),
        }.items():
            assert here in script
            script = script.replace(here, there)
        (self.clone / "ops" / "bootstrap").write_text(script)
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path is not None
            (self.bin / tool).symlink_to(path)
        self.has("uv", UV)
        self.has("id", "echo 0")
        self.has("ldd", "echo 'libc.so.6 => /lib/libc.so.6 (0x1)'")
        self.has("mongod", "")

    def has(self, name: str, does: str) -> pathlib.Path:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{does}\n")
        file.chmod(0o755)
        return file

    def lacks(self, name: str) -> None:
        (self.bin / name).unlink()

    def bootstrap(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603  our own script
            [SHELL, str(self.clone / "ops" / "bootstrap"), *arguments],
            env={"PATH": str(self.bin), "POLICY_FILE": str(self.policy), **env},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """What uv and apt-get were asked for, in order."""
        file = self.clone / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    return Machine(tmp_path)


def test_the_second_run_does_nothing_and_says_nothing(machine: Machine) -> None:
    server = str(machine.has("server", ""))
    machine.bootstrap(RABBITMQ_SERVER=server)

    second = machine.bootstrap(RABBITMQ_SERVER=server)

    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert machine.calls == ["uv sync --frozen --quiet --compile-bytecode"]


@pytest.mark.parametrize("file", ["uv.lock", "pyproject.toml", "services/intake/pyproject.toml"])
def test_a_changed_lock_or_project_makes_the_environment_anew(machine: Machine, file: str) -> None:
    machine.bootstrap("--without-servers")

    (machine.clone / file).write_text("changed\n")
    machine.bootstrap("--without-servers")

    assert machine.calls == ["uv sync --frozen --quiet --compile-bytecode"] * 2


def test_a_missing_broker_is_installed_while_services_are_forbidden(machine: Machine) -> None:
    machine.has("apt-get", APT)

    done = machine.bootstrap()

    assert done.returncode == 0, done.stderr
    assert machine.calls[1] == "apt-get update -q"
    assert machine.calls[2].startswith("apt-get install ")
    assert machine.calls[2].endswith(" rabbitmq-server")
    assert "exit 101" in (machine.clone / "policy-during").read_text()
    assert not machine.policy.exists()


def test_the_policy_that_was_there_before_comes_back(machine: Machine) -> None:
    machine.has("apt-get", APT)
    machine.policy.write_text("#!/bin/sh\nexit 42\n")
    machine.policy.chmod(0o711)

    machine.bootstrap()

    assert "exit 101" in (machine.clone / "policy-during").read_text()
    assert machine.policy.read_text() == "#!/bin/sh\nexit 42\n"
    assert machine.policy.stat().st_mode & 0o777 == 0o711


def test_the_policy_comes_back_when_the_installation_fails_and_the_log_is_shown(machine: Machine) -> None:
    machine.has("apt-get", "echo 'E: no such package' >&2; exit 100")
    machine.policy.write_text("before\n")

    done = machine.bootstrap()

    assert done.returncode == 1
    assert "E: no such package" in done.stderr
    assert machine.policy.read_text() == "before\n"


def test_a_run_that_was_killed_is_tidied_by_the_next(machine: Machine) -> None:
    machine.has("apt-get", APT)
    machine.policy.write_text("#!/bin/sh\n# casework-bootstrap: left behind\nexit 101\n")
    machine.policy.with_name("policy-rc.d.before-casework").write_text("before\n")

    machine.bootstrap()

    assert machine.policy.read_text() == "before\n"
    assert not machine.policy.with_name("policy-rc.d.before-casework").exists()


def test_libraries_mongod_lacks_are_installed(machine: Machine) -> None:
    machine.lacks("mongod")
    machine.has("apt-get", APT)
    machine.has("ldd", "echo '  libcurl.so.4 => not found'; echo '  libc.so.6 => /lib/libc.so.6 (0x1)'")
    wheel = machine.clone / ".venv/lib/python3.11/site-packages/fiftyone/db/bin"
    wheel.mkdir(parents=True)
    (wheel / "mongod").touch()

    machine.bootstrap(CASEWORK_RABBIT_URL="amqp://broker/")

    assert machine.calls[2].endswith(" libcurl4")


@pytest.mark.parametrize(
    "env",
    [
        {"CASEWORK_RABBIT_URL": "amqp://broker/", "CASEWORK_MONGO_URL": "mongodb://database/"},
        {"TEST_INFRA": "docker"},
        {"TEST_INFRA": "env"},
    ],
)
def test_nothing_is_installed_where_others_provide_the_servers(machine: Machine, env: dict[str, str]) -> None:
    done = machine.bootstrap(**env)

    assert done.returncode == 0, done.stderr
    assert machine.calls == ["uv sync --frozen --quiet --compile-bytecode"]


def test_nothing_is_installed_where_docker_has_the_images(machine: Machine) -> None:
    machine.has("uv", UV.replace("exit 1", "exit 0"))  # the environment's python says that Docker can

    done = machine.bootstrap()

    assert done.returncode == 0, done.stderr
    assert machine.calls == ["uv sync --frozen --quiet --compile-bytecode"]


def test_who_may_not_install_is_told_what_to_install(machine: Machine) -> None:
    machine.has("apt-get", APT)
    machine.has("id", "echo 1000")

    done = machine.bootstrap()

    assert done.returncode == 1
    assert "sudo apt-get install rabbitmq-server" in done.stderr
    assert not machine.policy.exists()


def test_without_apt_the_message_names_the_packages(machine: Machine) -> None:
    done = machine.bootstrap()

    assert done.returncode == 1
    assert "install rabbitmq-server with this machine's package manager" in done.stderr


def test_without_uv_and_pip_the_message_says_how_to_get_them(machine: Machine) -> None:
    machine.lacks("uv")

    done = machine.bootstrap()

    assert done.returncode == 1
    assert "put uv on PATH" in done.stderr


def test_without_uv_pip_brings_the_pinned_one(machine: Machine) -> None:
    machine.lacks("uv")
    uv = "mkdir -p .local/uv/bin; printf '#!/bin/sh\\necho \"own uv $*\" >>calls\\n' >.local/uv/bin/uv; mkdir -p .venv"
    machine.has("python3", f'echo "python3 $*" >>calls; {uv}; chmod 755 .local/uv/bin/uv')

    machine.bootstrap("--without-servers")

    assert machine.calls[1].startswith("python3 -m pip install ")
    assert "--target .local/uv uv==" in machine.calls[1]
    assert machine.calls[2] == "own uv sync --frozen --quiet --compile-bytecode"


def test_an_unknown_step_is_refused(machine: Machine) -> None:
    done = machine.bootstrap(TEST_INFRA="podman")

    assert done.returncode == 1
    assert "TEST_INFRA=podman is unknown" in done.stderr


def test_an_unknown_argument_is_refused(machine: Machine) -> None:
    done = machine.bootstrap("--wthout-servers")

    assert done.returncode == 1
    assert "unknown argument --wthout-servers" in done.stderr
    assert machine.calls == []
