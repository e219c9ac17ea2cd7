"""The process that imports SWE-agent, which takes seconds, and works on each instance in a thread."""

import contextlib
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracesmith import scratch
from tracesmith.errors import InfrastructureError

PROGRAM = Path(__file__).with_name("sweagent_threads.py")
LAST_BYTES = 4000


class Launcher:
    """A process that has imported SWE-agent; it ends with `close`, or with this process."""

    def __init__(self, home: Path, python: Path) -> None:
        self._held = contextlib.ExitStack()
        folder = self._held.enter_context(scratch.folder())
        self._log = folder / "sweagent.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-P", PROGRAM],
                cwd=home,
                env=environment(folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._numbers = itertools.count()
        self._imported = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[int, threading.Event] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def is_alive(self) -> bool:
        """Say whether it can work."""
        return not self._gone and self._process.poll() is None

    def last_words(self) -> str:
        """Return how it ended, and what it said last that belongs to no instance."""
        return f"exit code {self._process.wait()} {last_words(self._log)}".strip()

    def start(self, arguments: Sequence[str], key: str, log: Path) -> threading.Event:
        """
        Start `sweagent run-batch` with arguments, a key for the model and a file for what it prints.

        Returns what is set once it has ended. Waits until all is imported; raises InfrastructureError when that fails.
        """
        self._imported.wait()
        ended = threading.Event()
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        with self._lock:
            if self._gone:
                raise InfrastructureError(f"SWE-agent does not start: {self.last_words()}")
            number = next(self._numbers)
            self._running[number] = ended
            asked = {"number": number, "arguments": arguments, "key": key, "log": str(log)}
            with contextlib.suppress(BrokenPipeError):
                os.write(self._process.stdin.fileno(), json.dumps(asked).encode() + b"\n")
        return ended

    def kill(self) -> None:
        """End it at once, with all that it works on."""
        self._process.kill()

    def close(self) -> None:
        """End it and keep nothing of it."""
        self.kill()
        self._reader.join()
        self._process.wait()
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        self._process.stdin.close()
        self._held.close()

    def _read(self) -> None:
        """Take what it says, until it is gone."""
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        try:
            with self._process.stdout as said:
                for line in said:
                    words: dict[str, Any] = json.loads(line)
                    if "ended" in words:
                        with self._lock:
                            self._running.pop(words["ended"]).set()
                    else:
                        self._imported.set()
        finally:
            with self._lock:
                self._gone = True
            for ended in self._running.values():
                ended.set()
            self._imported.set()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of SWE-agent: nothing of this one but where programs are."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(home),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "SWE_AGENT_LOG_STREAM_LEVEL": "WARNING",
        "SWE_REX_LOG_STREAM_LEVEL": "WARNING",
    }


def last_words(log: Path) -> str:
    """Return the last lines of what a process has printed."""
    text = log.read_bytes()[-LAST_BYTES:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-5:])[-800:]
