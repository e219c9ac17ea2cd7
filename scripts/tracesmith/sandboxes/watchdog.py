"""The watch over what the kernel does not hold for us: disk always, memory and processes where there are no cgroups."""

import os
from pathlib import Path

import psutil

from tracesmith.sandboxes.base import Limits

DISK_CHECK_EVERY = 20  # ticks, hence every 2 s


class Watchdog:
    """Looks at one command's process tree and scratch folder each time it is called."""

    def __init__(self, limits: Limits, scratch: Path, *, by_kernel: bool) -> None:
        self.limits = limits
        self.scratch = scratch
        self.by_kernel = by_kernel
        self.ticks = 0

    def __call__(self, pid: int) -> str | None:
        """Name the limit that the process tree has passed, if any."""
        self.ticks += 1
        if self.ticks % DISK_CHECK_EVERY == 0 and disk_usage(self.scratch) > self.limits.disk_bytes:
            return "disk"
        return None if self.by_kernel else self._memory_and_pids(pid)

    def _memory_and_pids(self, pid: int) -> str | None:
        try:
            tree = psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return None
        if len(tree) > self.limits.pids:
            return "pids"
        return "memory" if sum(map(_resident_bytes, tree)) > self.limits.memory_bytes else None


def disk_usage(folder: Path) -> int:
    """Return the bytes on disk below a folder; what disappears meanwhile counts as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118 - a hot loop
            except FileNotFoundError:
                continue
    return total


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
