"""What the kernel counts for a container, read from outside where its control groups can be seen, cgroups(7)."""

from dataclasses import dataclass
from pathlib import Path

from tracesmith.sandboxes import cgroups

ASLEEP = b"sleep\0infinity\0"
"""The command line of what a container of ours runs below the engine's init while no command runs in it."""


@dataclass(frozen=True)
class ContainerGroup:
    """The control groups of one container."""

    first: int
    """Its first process, the engine's init."""
    memory: Path
    pids: Path
    """The same folder in version 2."""

    def counts(self) -> dict[str, int] | None:
        """
        Return how often limits were enforced; None while anything else runs in it, or when nothing can be read.

        Where a container is a virtual machine, its group holds other processes than those in it, and nothing is said.
        """
        try:
            others = [int(pid) for pid in (self.pids / "cgroup.procs").read_text().split() if int(pid) != self.first]
            if len(others) != 1 or Path(f"/proc/{others[0]}/cmdline").read_bytes() != ASLEEP:
                return None
        except OSError:
            return None
        return {"memory": cgroups.oom_kills(self.memory), "pids": cgroups.refused_processes(self.pids)}


def find(pid: int, name: str) -> ContainerGroup | None:
    """Return the groups of a container by its first process; None where the engine or its groups are out of sight."""
    try:
        text = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return None
    return parse(text, pid, name, cgroups.ROOT)


def parse(text: str, pid: int, name: str, root: Path) -> ContainerGroup | None:
    """Return the groups that a process's file `cgroup` names below a root, where they are those of a container."""
    found: dict[str, Path] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        folder = root / controllers / path.lstrip("/")
        if name in path and (folder / "cgroup.procs").is_file():
            found.update(dict.fromkeys(controllers.split(","), folder))
    if "memory" in found and "pids" in found:
        return ContainerGroup(pid, found["memory"], found["pids"])
    whole = found.get("")
    if whole and (whole / "memory.events").is_file() and (whole / "pids.events").is_file():
        return ContainerGroup(pid, whole, whole)
    return None
