"""
The one protocol of the engines: what an engine is given of an instance, and what it gives back.

An engine works on one task at a time and is called from many threads. It opens the task's workspace itself, reaches a
model only through a session of the LLM client, and saves its trajectory after every step. What it returns is a
verdict on the agent, and is never run again. What is no verdict (a sandbox, a model or a program that failed) it
raises as UnfinishedError: that task is run again by the same command.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from tracesmith import workspaces
from tracesmith.errors import InfrastructureError
from tracesmith.prepared import Environment
from tracesmith.records import Instance
from tracesmith.sandboxes.base import Backend, Sandbox

Trajectory = dict[str, Any]
"""The content of a `.traj` file in SWE-agent's format."""
Save = Callable[[Trajectory], None]
"""Writes the trajectory so far in the place of the one before; called after every step."""

SUBMITTED = "submitted"
LIMITS = {
    "calls": "exit_calls",
    "cost": "exit_cost",
    "steps": "exit_steps",
    "wall": "exit_total_execution_time",
}
"""Exit status of an agent that was ended by a limit, in SWE-agent's words where it has one."""
CONTEXT, FORMAT, FORFEIT, REFUSED = "exit_context", "exit_format", "exit_forfeit", "exit_refused"
PATCH_SIZE, WORKSPACE = "exit_patch_size", "exit_workspace"
"""Exit statuses of an agent whose change is too large for a patch, or of whose workspace no patch can be made."""
ENVIRONMENT_ERROR, ERROR = "exit_environment_error", "exit_error"
"""Exit statuses of what is no verdict: the sandbox failed, or the model or the engine did."""


@dataclass(frozen=True)
class Limits:
    """What an agent may use for one instance, whatever its engine; None is no limit."""

    steps: int | None = None
    """Turns of the agent, those without a command included."""
    calls: int | None = None
    """Answers of the model."""
    cost_usd: float | None = None
    """What those answers cost, or once cost if they come from the store."""
    wall_s: float | None = None
    """Seconds from the beginning of the first step."""
    command_s: float = 300.0
    """Seconds of one command."""


@dataclass(frozen=True)
class Workspace:
    """A sandbox that holds an instance's workspace."""

    box: Sandbox
    start: str
    """The commit that the agent begins with."""


@dataclass(frozen=True)
class Task:
    """One instance as an engine is given it."""

    instance: Instance
    sample: int
    """Which of several attempts at the instance this is, counted from 0."""
    text: str
    """What the agent is told: the prompt's template filled with the instance."""
    hidden: list[str]
    """Test files that are not in the workspace."""
    environment: Environment
    backend: Backend
    limits: Limits
    before: Trajectory | None = None
    """What a run that was killed had saved of this very task, for engines that can go on from there."""
    turn: Callable[[], AbstractContextManager[None]] = nullcontext
    """
    The block in which the agent works: it waits until one of the workers is free.

    The workspace is made before it and the patch after it, while the agents of other instances work.
    """

    @property
    def name(self) -> str:
        """Return the instance's id."""
        return self.instance["instance_id"]

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """Open a fresh sandbox that holds the instance's workspace; it is gone at the end of the block."""
        with self.backend.open() as box:
            yield Workspace(box, workspaces.make(box, self.instance, self.hidden))


@dataclass(frozen=True)
class Outcome:
    """How an agent ended: a verdict, whether it solved the instance or not."""

    exit_status: str
    patch: str
    """What it changed in the workspace, computed by us (`submissions.collect`); empty if nothing."""
    trajectory: Trajectory
    """With `info.exit_status` and `info.submission` as above, and `info.model_stats` as the session counted."""


class UnfinishedError(InfrastructureError):
    """The agent did not come to an end, for a reason that is none of its own: the task is run again."""

    def __init__(self, message: str, exit_status: str = ERROR) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class Engine(Protocol):
    """Something that works on instances."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools whose calls stand in its trajectories."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return all that decides what it does, for fingerprints: version, model, prompts, parameters; no secret."""
        ...

    def run(self, task: Task, save: Save) -> Outcome:
        """Work on a task until the agent ends. Raises UnfinishedError when something else ended it."""
        ...

    def stop(self) -> None:
        """End what is under way, from any thread: `run` raises StoppedError soon."""
        ...


def final_status(status: str, patch: str) -> str:
    """Return the status of an agent that was ended with changes in its workspace: they are submitted for it."""
    return status if status == SUBMITTED or not patch else f"{SUBMITTED} ({status})"
