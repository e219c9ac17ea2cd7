"""The watch over what the kernel does not hold for us: disk always, memory and processes where there are no cgroups."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from tracesmith.sandboxes.base import Limits

DISK_CHECK_S = 1.0
ENTRY_BYTES = 4096
"""What an empty file or folder counts, so that the number of files is limited too."""


class Watchdog:
    """Looks at one command's process tree and folders each time it is called."""

    def __init__(self, limits: Limits, folders: Sequence[Path], written: int, *, by_kernel: bool) -> None:
        self.limits = limits
        self.folders = folders
        self.before = written
        """What earlier commands had written: a sandbox over its limit may run what writes nothing more."""
        self.written = written
        self.by_kernel = by_kernel
        self._next = time.monotonic() + DISK_CHECK_S

    def __call__(self, pid: int) -> str | None:
        """Name the limit that the process tree has passed, if any."""
        if time.monotonic() > self._next and self.disk_is_full():
            return "disk"
        return None if self.by_kernel else self._memory_and_pids(pid)

    def disk_is_full(self) -> bool:
        """Measure what is written; tell whether the command has passed the limit."""
        started = time.monotonic()
        self.written = sum(map(disk_usage, self.folders))
        ended = time.monotonic()
        self._next = ended + max(DISK_CHECK_S, 5 * (ended - started))
        return self.written >= self.limits.disk_bytes and self.written > self.before

    def _memory_and_pids(self, pid: int) -> str | None:
        threads = process_tree(pid)
        if sum(threads.values()) > self.limits.pids:
            return "pids"
        return "memory" if sum(map(_own_bytes, threads)) > self.limits.memory_bytes else None


def disk_usage(folder: Path) -> int:
    """Return the bytes on disk below a folder; what disappears meanwhile, or cannot be read, counts as nothing."""
    total = 0
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += max(ENTRY_BYTES, entry.stat(follow_symlinks=False).st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return total


def process_tree(root: int) -> dict[int, int]:
    """Return the processes below one, by pid, with the number of threads of each: that is what the kernel counts."""
    parents, threads = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - ten times a second, in a fork bomb too
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(name)], threads[int(name)] = int(fields[1]), int(fields[17])
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: dict[int, int] = {}
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), []):
            found[pid] = threads[pid]
            waiting.append(pid)
    return found


def _own_bytes(pid: int) -> int:
    """Return the memory that is a process's own, as a cgroup would count it: not the pages of program files."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith((b"RssAnon:", b"RssShmem:")))
