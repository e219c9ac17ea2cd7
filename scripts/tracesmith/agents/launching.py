"""SWE-agent's processes: one that imports it, which takes seconds, and a fork of that for each instance."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import scratch
from tracesmith.errors import InfrastructureError

PROGRAM = Path(__file__).with_name("sweagent_forks.py")
LAST_BYTES = 4000


@dataclass(frozen=True)
class Fork:
    """A process that works on one instance, the head of a group."""

    pid: int
    ended: threading.Event = field(default_factory=threading.Event)

    def kill(self) -> None:
        """End it and all that it has started."""
        while not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.ended.wait(0.1)


class Launcher:
    """A process that has imported SWE-agent, and its forks; all end with `close`, or with this process."""

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
        self._asking = threading.Lock()
        self._started: queue.Queue[Fork | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def is_alive(self) -> bool:
        """Say whether it can start forks."""
        return self._process.poll() is None

    def start(self, arguments: Sequence[str], variables: Mapping[str, str], log: Path) -> Fork:
        """
        Start SWE-agent with a command line, an environment and a file for what it prints.

        The first one waits until all is imported. Raises InfrastructureError when that fails.
        """
        asked = {"arguments": arguments, "environment": variables, "log": str(log)}
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        with self._asking:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._process.stdin.fileno(), json.dumps(asked).encode() + b"\n")
            fork = self._started.get()
            if fork is None:
                self._started.put(None)
                raise InfrastructureError(f"SWE-agent does not start: {last_words(self._log)}")
        return fork

    def kill(self) -> None:
        """End it at once; its forks end with it."""
        self._process.kill()

    def close(self) -> None:
        """End it and its forks, and keep nothing of it."""
        self.kill()
        self._reader.join()
        self._process.wait()
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        self._process.stdin.close()
        self._held.close()

    def _read(self) -> None:
        """Take what it says, until it is gone and its forks with it."""
        running: dict[int, Fork] = {}
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        try:
            with self._process.stdout as said:
                for line in said:
                    words: dict[str, Any] = json.loads(line)
                    if "started" in words:
                        fork = running[words["started"]] = Fork(words["started"])
                        self._started.put(fork)
                    else:
                        running.pop(words["ended"]).ended.set()
        finally:
            self._started.put(None)
            for fork in running.values():
                fork.ended.set()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of SWE-agent: nothing of this one but where programs are."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


def last_words(log: Path) -> str:
    """Return the last lines of what a process has printed."""
    text = log.read_bytes()[-LAST_BYTES:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-5:])[-800:]
