"""A scene: one folder in which one line is run and disturbed once, and the processes that can be struck there."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import workflows
from llm_server import ModelServer
from workflows import Line

ENDING_S = 60.0
"""How long a run that was told to end may take: what is under way is taken down, no suite is waited for."""
LONGEST_S = 300.0
IN_SANDBOXES = ("build_environment", "validate_bugs", "confirm_bugs", "check_workspaces", "run_agent")
"""Rules of which sandboxes are most of the work; evaluate_predictions is one more, where the line grades."""


class MissedError(Exception):
    """The run was over before the fault could strike."""


@dataclass
class Scene:
    """One line in one folder."""

    line: Line
    folder: Path
    finished: Path
    """The folder of an undisturbed run."""
    rng: random.Random
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables of the workflow."""
    model: ModelServer | None = None
    engine: Path | None = None
    """Folder of a Docker engine of the scene's own."""
    process: "subprocess.Popen[str] | None" = None

    @property
    def server(self) -> ModelServer:
        """The server that plays the model."""
        assert self.model
        return self.model

    def start(self, **variables: str) -> None:
        """Start the run."""
        self.process = workflows.start(self.folder, self.line.rows, **{**self.variables, **variables})

    def running(self) -> "subprocess.Popen[str]":
        """Return the run, which must be under way. Raises MissedError."""
        assert self.process
        if self.process.poll() is not None:
            raise MissedError(f"the run had ended with {self.process.returncode}\n{self.said()}")
        return self.process

    def wait_for_a_moment(self, *rules: str) -> str:
        """Wait until a random moment of the run, of some rules' work only where they are named; return its name."""
        durations = {rule: took for rule, took in self._durations().items() if not rules or rule in rules}
        rule = self.rng.choices(list(durations), list(durations.values()))[0]
        offset = self.rng.uniform(0, durations[rule])
        self.wait_for(lambda: any((self.folder / "logs" / "rules" / rule).rglob("*.log")))
        time.sleep(offset)
        self.running()
        return f"{rule} + {offset:.2f} s"

    def wait_for(self, condition: Callable[[], bool], poll_s: float = 0.05) -> None:
        """Wait until something is so while the run goes on. Raises MissedError when it ends before."""

        def stands() -> bool:
            if condition():
                return True
            self.running()
            return False

        workflows.wait_for(stands, LONGEST_S, poll_s)

    def wait_for_end(self, timeout_s: float = LONGEST_S) -> int:
        """Wait until the run and all that it started are gone, and return its exit code."""
        assert self.process
        code = self.process.wait(timeout_s)
        workflows.wait_for(lambda: not self.processes(), timeout_s, 0.5)
        return code

    def processes(self) -> list[str]:
        """Return the command lines of what lives of the run."""
        return workflows.processes_of(self.folder)

    def find(self, is_wanted: Callable[[list[str]], bool]) -> psutil.Process:
        """
        Return a process of the run with a wanted command line, waiting for the first. Raises MissedError.

        bubblewrap is two processes of one command line: the outer one is the sandbox.
        """
        found: list[psutil.Process] = []

        def look() -> bool:
            wanted = {one.pid: one for one in _descendants(self.running().pid) if is_wanted(_command_of(one))}
            found[:] = [one for one in wanted.values() if _parent_of(one) not in wanted]
            return bool(found)

        self.wait_for(look, 0.03)
        return self.rng.choice(found)

    def kill_all(self) -> None:
        """Kill the run and all that it started, at once."""
        workflows.kill_tree(self.running())

    def signal_group(self, signum: signal.Signals) -> None:
        """Send a signal to the run's process group, as a terminal does."""
        os.killpg(self.running().pid, signum)

    def entries(self) -> workflows.Entries:
        """Return the whole entries of the stores."""
        return workflows.finished_entries([self.folder / store for store in self.line.stores])

    def said(self) -> str:
        """Return the end of what the run has said."""
        return (self.folder / "out.log").read_text()[-3000:]

    def _durations(self) -> dict[str, float]:
        """Return how long each rule took in the undisturbed run, in seconds."""
        root = self.finished / "benchmarks-out"
        tables = {path.relative_to(root).parts[0]: path.read_text() for path in sorted(root.rglob("*.tsv"))}
        return {rule: float(text.splitlines()[1].split("\t")[0]) for rule, text in tables.items()}


def is_script(command: list[str]) -> bool:
    """Tell whether a command line is that of a rule's script."""
    return len(command) > 1 and "python" in Path(command[0]).name and command[1].endswith(".py")


def is_sandbox(command: list[str]) -> bool:
    """Tell whether a command line is bubblewrap's."""
    return bool(command) and Path(command[0]).name == "bwrap"


def is_runner(command: list[str]) -> bool:
    """Tell whether a command line is that of the test runner in a sandbox, not of a test file's own process."""
    return bool(command) and Path(command[0]).name == "node" and "--test" in command


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _parent_of(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
