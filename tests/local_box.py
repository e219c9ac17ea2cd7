"""Fakes of the sandbox protocol: a folder of the host in the place of /testbed, and one that replays a recorded run."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith.sandboxes.base import Completed


class LocalBox:
    """Runs commands in a folder, for our own tests' data only: nothing is isolated. /testbed stands for the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Do nothing."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run one command."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        started = time.monotonic()
        done = subprocess.run(
            [word.replace("/testbed", str(self.folder)) for word in argv],
            cwd=self.folder,
            env={**own, **(environment or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
        return Completed(done.returncode, done.stdout, None, time.monotonic() - started)


class ReplayBox:
    """Answers the runner's command with a recorded end, and a read of the report with the recorded bytes."""

    def __init__(self, end: Completed, report: bytes | None) -> None:
        self.end = end
        self.report = report
        self.commands: list[list[str]] = []
        self.environments: list[Mapping[str, str]] = []
        """Of the runner's command."""
        self.ended = False

    def prepare(self) -> None:
        """Do nothing."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Return what is recorded."""
        del timeout_s
        self.commands.append(list(argv))
        if stdin:  # a reporter of ours is put into the sandbox
            return Completed(0, b"", None, 0.1)
        if not self.ended:
            self.ended = True
            self.environments.append(environment or {})
            return self.end
        return Completed(1 if self.report is None else 0, self.report or b"", None, 0.1)
