"""
The Docker backend: one container a sandbox, through the Docker SDK.

The container's first process belongs to root and only sleeps; commands run as uid 1000, and the line that runs one ends
by killing all that uid still has, so that nothing a command started outlives it.
"""

import functools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Ulimit

from tracesmith import owners
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.sandboxes import base, container_groups, podman, streams
from tracesmith.sandboxes.base import ALL_STOPPED, ENVIRONMENT, STOPPED, TESTBED, Completed, Limits
from tracesmith.sandboxes.container_groups import ContainerGroup

LABEL = "tracesmith.owner"
USER = "1000:1000"
# Output and error share one pipe: the engine keeps no order between two. `sh` says "Killed" of what `timeout` ends,
# which is nothing of the command's; a subshell, since dash redirects before it forks. dash's own `kill` spares the
# shell that calls it, see kill(2) on -1.
LINE = f"""{streams.WAIT}
[ -d "$HOME" ] || mkdir "$HOME"
exec 2>/dev/null
(exec timeout -s KILL "$0" "$@" 2>&1)
code=$?; kill -9 -1; exit $code
"""
# Where that is not seen from outside to have left nothing: again, since a command may have killed the shell above; then
# what the kernel has counted, cgroups version 2 or 1.
AFTER = f"""{streams.WAIT}
kill -9 -1 2>/dev/null
cd /sys/fs/cgroup
echo "memory $(cat memory.events memory/memory.oom_control 2>/dev/null | sed -n 's/^oom_kill //p')"
echo "pids $(cat pids.events pids/pids.events 2>/dev/null | sed -n 's/^max //p')"
"""
GRACE_S = 15.0
ENGINE_TIMEOUT_S = 300


def connect() -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names. Raises InfrastructureError when none answers."""
    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
        client.ping()
    except DockerException as error:
        raise InfrastructureError(
            f"no Docker engine answers ({error}); start one, set DOCKER_HOST, or set sandbox.backend: bubblewrap"
        ) from error
    return client


class DockerBackend:
    """Sandboxes from one image that has the prepared repository at /testbed."""

    def __init__(self, image: str, limits: Limits, *, network: bool = False) -> None:
        self.image = image
        self.limits = limits
        self.network = network
        self.environment = base.environment(network=network)
        self.client = connect()
        self._live: set[DockerSandbox] = set()
        self._lock = threading.Lock()
        self._stopped = False

    @contextmanager
    def open(self) -> Iterator["DockerSandbox"]:
        """Make and start a fresh container; it is removed at the end of the block."""
        with self._lock:
            if self._stopped:
                raise StoppedError(ALL_STOPPED)
        box = self._create()
        with self._lock:
            self._live.add(box)
        try:
            if self._stopped:
                raise StoppedError(ALL_STOPPED)
            box.start()
            yield box
        finally:
            with self._lock:
                self._live.discard(box)
            box.remove()

    def _create(self) -> "DockerSandbox":
        try:
            container = self.client.api.create_container(
                self.image,
                entrypoint=["sleep", "infinity"],
                hostname="sandbox",
                user="0:0",
                working_dir=TESTBED,
                labels={LABEL: owners.label()},
                environment=ENVIRONMENT,  # no proxies, here and from ~/.docker/config.json: `docker inspect` shows it
                use_config_proxy=False,
                host_config=self._host_config(),
            )
        except DockerException as error:
            raise InfrastructureError(f"no container of the image {self.image} can be made: {error}") from error
        return DockerSandbox(self, container["Id"])

    @functools.cached_property
    def foreign(self) -> frozenset[str]:
        """The variables that the image and the engine would add to those of a command."""
        found = self.client.images.get(self.image).attrs["Config"]["Env"] or []
        return frozenset({"HOSTNAME", *podman.VARIABLES, *(variable.partition("=")[0] for variable in found)})

    @functools.cached_property
    def more_limits(self) -> list[Ulimit]:
        """The limits that a container cannot be started without."""
        return podman.limits(self.client)

    def _host_config(self) -> Any:
        limits = self.limits
        file_size = Ulimit(name="fsize", soft=limits.disk_bytes, hard=limits.disk_bytes)
        return self.client.api.create_host_config(
            init=True,
            network_mode="bridge" if self.network else "none",
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            pids_limit=limits.pids,
            nano_cpus=int(limits.cpus * 1e9),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            tmpfs={"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={min(limits.disk_bytes, limits.memory_bytes // 2)}"},  # noqa: S108
            ulimits=[Ulimit(name="core", soft=0, hard=0), file_size, *self.more_limits],
            log_config=LogConfig(type="none"),
        )

    def stop(self) -> None:
        """Remove what is live now; commands under way raise StoppedError."""
        with self._lock:
            self._stopped = True
            for box in self._live:
                box.stop()

    def sweep(self) -> int:
        """Remove the containers whose maker, a process of this host, is dead."""
        left = self.client.api.containers(all=True, filters={"label": LABEL})
        dead = [container["Id"] for container in left if owners.is_dead(container["Labels"][LABEL])]
        for name in dead:
            _remove(self.client, name)
        return len(dead)


class DockerSandbox:
    """One container."""

    def __init__(self, backend: DockerBackend, name: str) -> None:
        self.backend = backend
        self.name = name
        self.client = docker.from_env(timeout=ENGINE_TIMEOUT_S, version=backend.client.api.api_version)
        self._stopped = False
        self._group: ContainerGroup | None = None
        self._counted = {"memory": 0, "pids": 0}
        self._written = 0

    def start(self) -> None:
        """Start the container."""
        try:
            self.client.api.start(self.name)
            self._group = container_groups.find(self.client.api.inspect_container(self.name)["State"]["Pid"], self.name)
        except DockerException as error:
            raise self._failure(f"does not start: {error}") from error

    def _failure(self, how: str) -> InfrastructureError:
        """Return the error of a container that failed: no fault of its own once `stop` has removed it."""
        if self._stopped:
            return StoppedError(STOPPED)
        return InfrastructureError(f"the container {self.name[:12]} {how}")

    def stop(self) -> None:
        """Remove the container under the command that runs in it."""
        self._stopped = True
        _remove(self.backend.client, self.name)

    def remove(self) -> None:
        """Remove the container and all in it."""
        _remove(self.client, self.name)
        self.client.close()

    def prepare(self) -> None:
        """Do nothing: a container stands ready."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run one command as uid 1000 (see `Sandbox.run`). What is below /tmp may go with a command that is killed."""
        started = time.monotonic()
        try:
            code, output, killed = self._execute([f"{timeout_s:.3f}", *argv], timeout_s, stdin, environment or {})
            seconds = time.monotonic() - started
            if not killed and code == 137 and seconds >= timeout_s:
                killed = "timeout"
            killed = self._limit_hit(code, killed)
        except (DockerException, OSError) as error:
            raise self._failure(f"failed: {error}") from error
        if self._stopped:
            raise StoppedError(STOPPED)
        return Completed(code, output, killed, seconds)

    def _execute(
        self, arguments: Sequence[str], timeout_s: float, stdin: bytes, environment: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        values = {**self.backend.environment, **environment}
        foreign = [part for name in self.backend.foreign - values.keys() for part in ("-u", name)]
        command = ["env", *foreign, "sh", "-c", LINE, *arguments]
        # By the engine and not by arguments of `env`: a proxy's address may hold a password, and events show arguments.
        made = self.client.api.exec_create(
            self.name, command, stdin=True, user=USER, workdir=TESTBED, environment=values
        )
        deadline = time.monotonic() + timeout_s + GRACE_S
        limit = self.backend.limits.output_bytes
        api = self.client.api
        code, output, killed = streams.converse(api, made["Id"], stdin, limit, lambda: self._watch(deadline))
        if killed:
            self._restart()
            return 137, output, killed
        if code is None:
            raise self._failure("runs a command that the engine has let go of")
        return code, output, None

    def _watch(self, deadline: float) -> str | None:
        """Name the limit that a command under way has passed."""
        return _late(deadline) or ("disk" if self._disk_is_full()[0] else None)

    def _restart(self) -> None:
        """Kill all that runs in the container, surely; its files stay, but for those in memory."""
        self.client.api.kill(self.name)
        self.client.api.wait(self.name)
        self.start()
        self._counted = dict.fromkeys(self._counted, 0)

    def _limit_hit(self, code: int, killed: str | None) -> str | None:
        """Kill what a command has left, and name the limit that it passed: `killed`, or one that the kernel holds."""
        before = self._counted
        after = self._counts()
        if after is None:
            self._restart()
        else:
            self._counted = after
            if after["memory"] > before["memory"]:
                return "memory"
            if after["pids"] > before["pids"] and code and killed in {None, "timeout"}:
                return "pids"
        full, self._written = self._disk_is_full()
        return "disk" if full and not killed else killed

    def _counts(self) -> dict[str, int] | None:
        """Return how often the kernel has enforced its limits; None when a process of a command prevents the look."""
        seen = self._group.counts() if self._group else None
        if seen is not None:
            return seen
        try:
            made = self.client.api.exec_create(self.name, ["sh", "-c", AFTER], stdin=True, user=USER)
            deadline = time.monotonic() + ENGINE_TIMEOUT_S
            code, output, _ = streams.converse(self.client.api, made["Id"], b"", 2**16, lambda: _late(deadline))
        except APIError as error:
            if self._stopped or error.status_code == HTTPStatus.NOT_FOUND:
                raise
            return None
        found = dict(line.split(" ") for line in output.decode().splitlines()) if code == 0 else {}
        return {name: int(found[name] or 0) for name in self._counted} if found.keys() == self._counted.keys() else None

    def _disk_is_full(self) -> tuple[bool, int]:
        """Tell whether a command has written over the limit; a sandbox that is over it may run what writes no more."""
        found = self.client.api.containers(all=True, size=True, filters={"id": self.name})
        written = int(found[0].get("SizeRw") or 0) if found else 0
        return written >= self.backend.limits.disk_bytes and written > self._written, written


def _late(deadline: float) -> str | None:
    return "timeout" if time.monotonic() > deadline else None


def _remove(client: docker.DockerClient, name: str) -> None:
    try:
        client.api.remove_container(name, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: its removal is under way
            raise InfrastructureError(f"the container {name[:12]} cannot be removed: {error}") from error
