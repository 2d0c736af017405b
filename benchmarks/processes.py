"""What processes have used, from /proc: processor time in user and in system mode, and memory.

The one rule: a number belongs to a process that lived through the whole measurement; whoever measures compares ids.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.report import Figures

SERVERS = {"beam.smp": "RabbitMQ", "mongod": "MongoDB"}
"""Names of the servers' processes, where they are ours."""
_KIB = 1024


class Memory(Figures):
    """What one process holds, in MB (10^6 bytes)."""

    rss: float
    """Resident, shared pages included."""
    pss: float
    """Resident, each shared page divided among those who share it."""


def servers() -> dict[str, int]:
    """Find the broker and the database among the children of this process."""
    ours = (int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split())
    found = {_name(pid): pid for pid in ours}
    return {SERVERS[name]: pid for name, pid in found.items() if name in SERVERS}


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


def spent(pids: Mapping[str, int]) -> dict[str, float]:
    """Read the processor seconds each process has had; without /proc nothing is known."""
    if not Path("/proc/self/stat").exists():
        return {}
    tick = os.sysconf("SC_CLK_TCK")
    stats = {name: Path(f"/proc/{pid}/stat").read_text(encoding="utf-8") for name, pid in pids.items()}
    # proc(5): after the name in parentheses comes field 3; utime and stime are fields 14 and 15
    fields = {name: stat.rpartition(")")[2].split() for name, stat in stats.items()}
    return {name: (int(field[11]) + int(field[12])) / tick for name, field in fields.items()}


def since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Give the seconds each has had in between."""
    return {name: seconds - before[name] for name, seconds in now.items()}


def memory(pids: Mapping[str, int]) -> dict[str, Memory]:
    """Read what each process holds now."""
    return {name: _memory(pid) for name, pid in pids.items()}


def _memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    sizes = {name: int(size.split()[0]) * _KIB / 1e6 for name, _, size in (line.partition(":") for line in lines)}
    return Memory(rss=sizes["Rss"], pss=sizes["Pss"])


def largest(held: Iterable[Mapping[str, Memory]], name: str) -> float:
    """Give the most a process held resident at any of the looks, in MB."""
    return max(each[name].rss for each in held)
