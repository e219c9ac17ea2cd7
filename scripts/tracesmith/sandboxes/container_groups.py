"""What the kernel counts for a container, read from outside where its control groups can be seen, cgroups(7)."""

from dataclasses import dataclass
from pathlib import Path

from tracesmith.sandboxes import cgroups

OWN = 2
"""Processes of a container in which no command runs: the engine's init, and what sleeps below it."""


@dataclass(frozen=True)
class ContainerGroup:
    """The control groups of one container."""

    memory: Path
    pids: Path
    unified: bool

    def counts(self) -> dict[str, int] | None:
        """Return how often limits were enforced; None when a process of a command is left, or nothing can be read."""
        try:
            left = len((self.pids / "cgroup.procs").read_text().split()) - OWN
        except OSError:
            return None
        if left > 0:
            return None
        killed = self.memory / ("memory.events" if self.unified else "memory.oom_control")
        return {
            "memory": cgroups.counter(killed, "oom_kill"),
            "pids": cgroups.counter(self.pids / "pids.events", "max"),
        }


def find(pid: int, name: str) -> ContainerGroup | None:
    """Return the groups of a container by its first process; None where the engine or its groups are out of sight."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root = cgroups.ROOT / controllers if controllers else cgroups.ROOT
        folder = root / path.lstrip("/")
        if name in path and (folder / "cgroup.procs").is_file():
            found.update(dict.fromkeys(controllers.split(","), folder))
    if "memory" in found and "pids" in found:
        return ContainerGroup(found["memory"], found["pids"], unified=False)
    unified = found.get("")
    is_whole = unified and (unified / "memory.events").is_file() and (unified / "pids.events").is_file()
    return ContainerGroup(unified, unified, unified=True) if unified and is_whole else None
