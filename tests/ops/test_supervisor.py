"""The supervisor waits for readiness, restarts what dies and says so, and leaves no process."""

import asyncio
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from ops.stack.ports import free_port, is_listening
from ops.stack.supervisor import Patience, Program, StartFailedError, Supervisor

ROOT = pathlib.Path(__file__).parents[2]

SERVER = """
import http.server, signal, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
DEAF = SERVER.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
SILENT = "import signal; signal.pause()"
STARTER = """
import asyncio, os, pathlib, sys
from ops.stack.supervisor import Program, Supervisor

async def main():
    async with Supervisor(pathlib.Path(sys.argv[1])) as supervisor:
        program = Program("toy", (sys.executable, "-c", sys.argv[2], sys.argv[3]), dict(os.environ),
                          f"http://127.0.0.1:{sys.argv[3]}/readyz")
        await supervisor.start([program])
        print(supervisor.pid("toy"), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Said:
    """Collects what the supervisor says and lets a test wait for a sentence."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def hears(self, pattern: str) -> str:
        async with asyncio.timeout(30):
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                self._news.clear()
                await self._news.wait()


def toy(code: str = SERVER, port: int | None = None, name: str = "toy") -> Program:
    return Program(
        name,
        (sys.executable, "-c", code, str(port)),
        dict(os.environ),
        None if port is None else f"http://127.0.0.1:{port}/readyz",
    )


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
async def supervisor(tmp_path: pathlib.Path, said: Said) -> AsyncIterator[Supervisor]:
    async with Supervisor(tmp_path / "logs", said, Patience(ready=20, grace=0.5, backoff=(0.01,))) as running:
        yield running


def pid_of(supervisor: Supervisor, name: str = "toy") -> int:
    pid = supervisor.pid(name)
    assert pid is not None
    return pid


async def test_a_started_program_is_ready_and_writes_its_log(supervisor: Supervisor, tmp_path: pathlib.Path) -> None:
    port = free_port()

    await supervisor.start([toy(port=port)])

    assert is_listening(port)
    assert (tmp_path / "logs" / "toy.log").read_text().startswith("serving\n")


async def test_a_program_that_dies_is_restarted_and_reported(supervisor: Supervisor, said: Said) -> None:
    port = free_port()
    await supervisor.start([toy(port=port)])
    first = pid_of(supervisor)

    os.kill(first, signal.SIGKILL)

    assert (await said.hears("toy was killed by SIGKILL")).endswith("toy.log)")
    await said.hears("toy is back")
    assert pid_of(supervisor) != first
    assert is_listening(port)


async def test_a_program_that_keeps_dying_is_said_each_time_and_its_log_shown(
    supervisor: Supervisor, said: Said, tmp_path: pathlib.Path
) -> None:
    once = tmp_path / "once"
    code = (
        f"import os, sys\nif os.path.exists({str(once)!r}): sys.exit('out of paper')\nopen({str(once)!r}, 'w')\n"
        + SERVER
    )
    await supervisor.start([toy(code, free_port())])

    os.kill(pid_of(supervisor), signal.SIGKILL)

    assert "out of paper" in await said.hears("toy ended with code 1 while starting")
    await said.hears("toy ended with code 1; restarting")
    once.unlink()
    await said.hears("toy is back")


async def test_stop_leaves_no_process_and_kills_the_one_that_does_not_listen(
    tmp_path: pathlib.Path, said: Said
) -> None:
    supervisor = Supervisor(tmp_path / "logs", said, Patience(ready=20, grace=0.3))
    port = free_port()
    await supervisor.start([toy(port=port), toy(DEAF, free_port(), name="deaf")])
    pids = [pid_of(supervisor), pid_of(supervisor, "deaf")]

    await supervisor.stop()

    assert not [pid for pid in pids if runs(pid)]
    assert not is_listening(port)
    assert said.lines == ["deaf did not stop within 0.3 s and was killed"]


async def test_restart_replaces_the_process_without_calling_it_a_death(supervisor: Supervisor, said: Said) -> None:
    await supervisor.start([toy(port=free_port())])
    first = pid_of(supervisor)

    await supervisor.restart("toy")

    assert pid_of(supervisor) != first
    assert not runs(first)
    assert said.lines == []


async def test_a_program_that_ends_while_starting_fails_the_start_with_its_log(supervisor: Supervisor) -> None:
    with pytest.raises(StartFailedError, match=r"toy ended with code 1 while starting\.\nno such setting"):
        await supervisor.start([toy("raise SystemExit('no such setting')", free_port())])


async def test_a_program_that_is_never_ready_fails_the_start(tmp_path: pathlib.Path) -> None:
    async with Supervisor(tmp_path / "logs", patience=Patience(ready=0.2, grace=0.2)) as supervisor:
        with pytest.raises(StartFailedError, match=r"toy was not ready after 0.2 s \(http://127.0.0.1:\d+/readyz\)"):
            await supervisor.start([toy(SILENT, free_port())])
        pid = pid_of(supervisor)

    assert not runs(pid)


async def test_a_name_is_taken_only_once(supervisor: Supervisor) -> None:
    await supervisor.start([toy(SILENT)])

    with pytest.raises(ValueError, match="a program named toy is running already"):
        await supervisor.start([toy(SILENT)])


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_supervisor_that_is_signalled_leaves_no_process(tmp_path: pathlib.Path, sig: signal.Signals) -> None:
    port = free_port()
    argv = [sys.executable, "-c", STARTER, str(tmp_path), SERVER, str(port)]
    with subprocess.Popen(  # noqa: S603  our own code
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())

        starter.send_signal(sig)
        starter.wait(20)
        starter.stdout.read()

    try:
        for _ in range(2000):  # the kernel's signal may come a moment after the parent is gone
            os.kill(pid, 0)
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break  # dead; nobody here to collect it
        else:
            pytest.fail(f"{pid} still runs")
    except (ProcessLookupError, FileNotFoundError):
        pass
    assert not is_listening(port)
