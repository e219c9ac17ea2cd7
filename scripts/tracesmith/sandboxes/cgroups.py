"""
Memory, process and CPU limits through the kernel's control groups, where this process may make some.

Version 1 (one hierarchy a controller) and version 2 (one for all), see cgroups(7). Whether a place works is found by
trying it; where none does, the sandboxes fall back to a watchdog.
"""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tracesmith import scratch
from tracesmith.sandboxes.base import Limits

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


class Cgroup:
    """One group of limits; made empty, joined by a shell line, removed with all that runs in it."""

    def __init__(self, bases: dict[str, Path], name: str, limits: Limits) -> None:
        self.folders = {controller: base / name for controller, base in bases.items()}
        self.unified = "unified" in bases
        try:
            self._make(limits)
        except OSError:
            self.remove()
            raise

    def _make(self, limits: Limits) -> None:
        for folder in self._distinct():
            folder.mkdir(parents=True, exist_ok=True)
        for controller, values in self._settings(limits).items():
            for file, value in values.items():
                (self.folders[controller] / file).write_text(value)

    def _settings(self, limits: Limits) -> dict[str, dict[str, str]]:
        quota = str(int(limits.cpus * PERIOD_US))
        memory = str(limits.memory_bytes)
        if self.unified:
            settings = {"memory.max": memory, "pids.max": str(limits.pids), "cpu.max": f"{quota} {PERIOD_US}"}
            if (self.folders["unified"] / "memory.swap.max").exists():
                settings["memory.swap.max"] = "0"
            return {"unified": settings}
        settings = {"memory.limit_in_bytes": memory}
        if (self.folders["memory"] / "memory.memsw.limit_in_bytes").exists():
            settings["memory.memsw.limit_in_bytes"] = memory
        cpu = {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": quota}
        return {"memory": settings, "pids": {"pids.max": str(limits.pids)}, "cpu": cpu}

    def _distinct(self) -> list[Path]:
        return list(dict.fromkeys(self.folders.values()))

    def join_line(self) -> str:
        """Return a shell line by which the shell that runs it moves itself into the group."""
        lines = (f"echo $$ >{shlex.quote(str(folder / 'cgroup.procs'))}" for folder in self._distinct())
        return " && ".join(lines)

    def oom_kills(self) -> int:
        """Return how many processes of the group the kernel has killed for want of memory so far."""
        return oom_kills(self.folders["unified" if self.unified else "memory"])

    def refused_processes(self) -> int:
        """Return how often the kernel has refused the group a process for having too many so far."""
        return refused_processes(self.folders["unified" if self.unified else "pids"])

    def remove(self) -> None:
        """Kill what runs in the group and remove it."""
        _remove_all(self._distinct())


def usable_bases() -> dict[str, Path] | None:
    """Return where groups can be made here, by controller, or None; found by making one and moving a process in."""
    limits = Limits(memory_bytes=2**28, pids=64, cpus=1, disk_bytes=0)
    for bases in _candidates():
        probe: Cgroup | None = None
        try:
            probe = Cgroup(bases, scratch.name("probe"), limits)
            line = f"{probe.join_line()} && grep -q probe /proc/self/cgroup"
            if subprocess.run(["sh", "-c", line], check=False, capture_output=True).returncode == 0:
                return bases
        except OSError:
            continue
        finally:
            if probe:
                probe.remove()
    return None


def oom_kills(memory: Path) -> int:
    """Return how many processes the kernel has killed for want of memory in a group: version 2 counts in events."""
    return _counter(memory / "memory.events", "oom_kill") or _counter(memory / "memory.oom_control", "oom_kill")


def refused_processes(pids: Path) -> int:
    """Return how often the kernel has refused a group a process for having too many."""
    return _counter(pids / "pids.events", "max")


def sweep(bases: dict[str, Path]) -> None:
    """Remove the groups of dead processes."""
    for base in set(bases.values()):
        for folder in base.glob("*"):
            if folder.is_dir() and scratch.owner_is_dead(folder.name):
                _remove_all([folder])


def _remove_all(folders: list[Path]) -> None:
    for _ in range(200):
        for pid in _members(folders):
            _kill(pid)
        if all(_remove(folder) for folder in folders):
            return
        time.sleep(0.01)  # a killed process leaves its group only when the kernel has taken it down


def _members(folders: list[Path]) -> set[int]:
    found: set[int] = set()
    for folder in folders:
        try:
            found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        except OSError:
            continue
    return found


def _candidates() -> Iterator[dict[str, Path]]:
    version1 = {controller: ROOT / controller for controller in ("memory", "pids", "cpu")}
    if all((folder / "cgroup.procs").exists() for folder in version1.values()):
        yield {controller: folder / "tracesmith" for controller, folder in version1.items()}
    if (ROOT / "cgroup.controllers").exists():
        user = f"user.slice/user-{os.getuid()}.slice/user@{os.getuid()}.service"
        for base in (ROOT, ROOT / user):
            if _delegate(base):
                yield {"unified": base / "tracesmith"}


def _delegate(base: Path) -> bool:
    """Make `tracesmith` below a version 2 group and pass the controllers on to what is made in it."""
    try:
        (base / "tracesmith").mkdir(exist_ok=True)
        (base / "tracesmith" / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    except OSError:
        return False
    return True


def _counter(file: Path, key: str) -> int:
    try:
        pairs = (line.split() for line in file.read_text().splitlines())
        return next((int(pair[1]) for pair in pairs if pair[0] == key), 0)
    except OSError:
        return 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
