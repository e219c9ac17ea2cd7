"""
The Docker backend: one container a sandbox, through the Docker SDK (Podman's socket answers to it as well).

The container's first process belongs to root and only sleeps; commands run as uid 1000, and the line that runs one ends
by killing all that uid still has, so that nothing a command started outlives it.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Ulimit

from tracesmith import owners
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.sandboxes.base import ENVIRONMENT, TESTBED, Completed, Limits

logger = logging.getLogger(__name__)

LABEL = "tracesmith.owner"
USER = "1000:1000"
# dash's own `kill` spares the shell that calls it, see kill(2) on -1.
LINE = 'timeout -s KILL "$0" "$@"; code=$?; kill -9 -1 2>/dev/null; exit $code'
OOM_FILES = "cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null"
TICK_S = 2.0
GRACE_S = 15.0


def connect() -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names. Raises InfrastructureError when none answers."""
    try:
        client = docker.from_env(timeout=300)
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
        self.client = connect()
        self._live: set[DockerSandbox] = set()
        self._lock = threading.Lock()
        self._stopped = False

    @contextmanager
    def open(self) -> Iterator["DockerSandbox"]:
        """Make and start a fresh container; it is removed at the end of the block."""
        with self._lock:
            if self._stopped:
                raise StoppedError("the sandboxes of this process were stopped")
        box = self._create()
        with self._lock:
            self._live.add(box)
        try:
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
                environment=ENVIRONMENT,
                host_config=self._host_config(),
            )
        except DockerException as error:
            raise InfrastructureError(f"no container of the image {self.image} can be made: {error}") from error
        return DockerSandbox(self, container["Id"])

    def _host_config(self) -> Any:
        limits = self.limits
        return self.client.api.create_host_config(
            init=True,
            network_mode="bridge" if self.network else "none",
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            pids_limit=limits.pids,
            nano_cpus=int(limits.cpus * 1e9),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            tmpfs={"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.disk_bytes}"},  # noqa: S108
            ulimits=[Ulimit(name="core", soft=0, hard=0), _fsize(limits.disk_bytes)],
            log_config=LogConfig(type="none"),
        )

    def stop(self) -> None:
        """Remove what is live now; commands under way raise InfrastructureError."""
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
        self.client = docker.from_env(timeout=300)
        self._stopped = False
        self._kills = 0

    def start(self) -> None:
        """Start the container."""
        try:
            self.client.api.start(self.name)
        except DockerException as error:
            raise InfrastructureError(f"the container {self.name[:12]} does not start: {error}") from error

    def stop(self) -> None:
        """Remove the container under the command that runs in it."""
        self._stopped = True
        _remove(self.backend.client, self.name)

    def remove(self) -> None:
        """Remove the container and all in it."""
        _remove(self.client, self.name)
        self.client.close()

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run one command as uid 1000 (see `Sandbox.run`)."""
        started = time.monotonic()
        try:
            code, output, killed = self._execute([f"{timeout_s:.3f}", *argv], timeout_s, stdin, environment or {})
            seconds = time.monotonic() - started
            if not killed and code == 137 and seconds >= timeout_s:
                killed = "timeout"
            if not killed and code and self._was_out_of_memory():
                killed = "memory"
        except (DockerException, OSError) as error:
            if self._stopped:
                raise StoppedError("the sandbox was stopped while a command ran") from error
            raise InfrastructureError(f"the container {self.name[:12]} failed: {error}") from error
        if self._stopped:
            raise StoppedError("the sandbox was stopped while a command ran")
        return Completed(code, output, killed, seconds)

    def _execute(
        self, arguments: Sequence[str], timeout_s: float, stdin: bytes, environment: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        command = ["sh", "-c", LINE, *arguments]
        made = self.client.api.exec_create(
            self.name, command, stdin=True, user=USER, workdir=TESTBED, environment=dict(environment)
        )
        wrapper = self.client.api.exec_start(made["Id"], socket=True)
        with contextlib.closing(wrapper):  # it holds the response; dropped early, it closes the socket under the reader
            stream = _raw_socket(wrapper)
            stream.settimeout(GRACE_S)
            stream.sendall(stdin)
            stream.shutdown(socket.SHUT_WR)
            output, killed = self._read(stream, time.monotonic() + timeout_s + GRACE_S)
        if killed:
            return 137, output, killed
        return int(self.client.api.exec_inspect(made["Id"])["ExitCode"]), output, None

    def _read(self, stream: socket.socket, deadline: float) -> tuple[bytes, str | None]:
        frames = Frames(self.backend.limits.output_bytes)
        stream.settimeout(TICK_S)
        while True:
            try:
                chunk = stream.recv(1 << 16)
            except TimeoutError:
                chunk = None
            if chunk == b"":
                return frames.payload(), None
            frames.feed(chunk or b"")
            killed = self._over(frames, deadline, idle=chunk is None)
            if killed:
                _remove(self.client, self.name)  # the one sure kill; later commands raise InfrastructureError
                return frames.payload(), killed

    def _over(self, frames: "Frames", deadline: float, *, idle: bool) -> str | None:
        if frames.flooded:
            return "output"
        if time.monotonic() > deadline:
            return "timeout"
        return "disk" if idle and self._written() > self.backend.limits.disk_bytes else None

    def _written(self) -> int:
        found = self.client.api.containers(all=True, size=True, filters={"id": self.name})
        return int(found[0].get("SizeRw") or 0) if found else 0

    def _was_out_of_memory(self) -> bool:
        """Tell whether the kernel has killed for want of memory since the last look."""
        made = self.client.api.exec_create(self.name, ["sh", "-c", OOM_FILES])
        pairs = (line.split() for line in self.client.api.exec_start(made["Id"]).decode().splitlines())
        before, self._kills = self._kills, sum(int(pair[1]) for pair in pairs if pair[0] == "oom_kill")
        return self._kills > before


class Frames:
    """The engine's stream of stdout and stderr: frames of 8 bytes of head, the last 4 of them the length, and bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.flooded = False
        self._raw = bytearray()
        self._out = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self._raw += chunk
        while len(self._raw) >= 8:
            size = int.from_bytes(self._raw[4:8], "big")
            if len(self._raw) < 8 + size:
                return
            self._out += self._raw[8 : 8 + size]
            del self._raw[: 8 + size]
            self.flooded = len(self._out) > self.limit

    def payload(self) -> bytes:
        """Return what was printed, up to the limit."""
        return bytes(self._out[: self.limit])


def _fsize(limit: int) -> Ulimit:
    return Ulimit(name="fsize", soft=limit, hard=limit)


def _raw_socket(stream: Any) -> socket.socket:
    """Return the socket under the SDK's wrapper, whose reads cannot be given a time limit."""
    found: socket.socket = getattr(stream, "_sock", stream)
    return found


def _remove(client: docker.DockerClient, name: str) -> None:
    try:
        client.api.remove_container(name, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: its removal is under way
            raise InfrastructureError(f"the container {name[:12]} cannot be removed: {error}") from error
