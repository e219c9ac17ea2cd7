"""Run one program from outside a sandbox under a deadline, a cap on its output and a watch that may end it."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import IO

from tracesmith.sandboxes.base import Completed

TICK_S = 0.1
GRACE_S = 10.0


class Running:
    """A program under way; `kill` may come from any thread."""

    def __init__(self, argv: Sequence[str], stdin: bytes) -> None:
        self.started = time.monotonic()
        self.killed: str | None = None
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            self.process = subprocess.Popen(
                argv, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self, reason: str) -> None:
        """End the program and its process group at once; the first reason given stands."""
        self.killed = self.killed or reason
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def wait(self, timeout_s: float, output_bytes: int, watch: Callable[[int], str | None]) -> Completed:
        """
        Read the output until the program and all that hold its output are gone.

        `watch` is called with the program's pid about ten times a second and may name a limit that was passed.
        """
        output = self._read(self.started + timeout_s, output_bytes, watch)
        code = self.process.wait()
        return Completed(
            exit_code=128 - code if code < 0 else code,
            output=output,
            killed=self.killed,
            seconds=time.monotonic() - self.started,
        )

    def _read(self, deadline: float, output_bytes: int, watch: Callable[[int], str | None]) -> bytes:
        chunks: list[bytes] = []
        size = 0
        stream: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        with stream, selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                if selector.select(TICK_S):
                    chunk = os.read(stream.fileno(), 1 << 16)
                    if not chunk:
                        return b"".join(chunks)
                    size += len(chunk)
                    if size <= output_bytes:
                        chunks.append(chunk)
                reason = self._over(deadline, size > output_bytes, watch)
                if reason:
                    self.kill(reason)
                if self.killed and time.monotonic() > deadline + GRACE_S:
                    return b"".join(chunks)

    def _over(self, deadline: float, flooded: bool, watch: Callable[[int], str | None]) -> str | None:
        if self.killed:
            return None
        if flooded:
            return "output"
        if time.monotonic() > deadline:
            return "timeout"
        return watch(self.process.pid)
