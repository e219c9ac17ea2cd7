"""
The engine `sweagent`: SWE-agent, installed by the user, in one process, a thread for each instance (launching.py).

It is run as by its own command line (`sweagent run-batch`), with the user's configuration in its own format. Its
commands run in our sandboxes and its model is asked through the gateway, so that limits, money, storing and patches are
as for every other engine; limits of its own on calls and money are switched off.
"""

import os
import re
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracesmith import files, schemas, scratch
from tracesmith.agents import engines, submissions
from tracesmith.agents.engines import Outcome, Save, Task, Trajectory, UnfinishedError
from tracesmith.agents.launching import Launcher
from tracesmith.agents.settings import AgentSettings
from tracesmith.agents.sweagent_work import NAME, Work
from tracesmith.agents.swerex_server import RexServer
from tracesmith.errors import InfrastructureError, InputError, StoppedError
from tracesmith.llm.client import Client
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.requests import Purpose
from tracesmith.llm.sessions import Limits as SessionLimits
from tracesmith.llm.sessions import Session

TOOLS = ("bash", "str_replace_editor", "submit")
CODE_VERSION = 1
POLL_S = 0.2
SETUP_S = 1800.0
"""Most seconds until SWE-agent asks its model."""
LEFT_S = 5.0
"""Most seconds for SWE-agent to find that an instance is over."""
VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Installation:
    """A checkout of SWE-agent and the Python that it is installed for."""

    home: Path
    python: Path

    def version(self) -> str:
        """Return its version."""
        found = VERSION.search(files.read_text(self.home / "sweagent" / "__init__.py"))
        return found[1] if found else "unknown"


def find(home: Path, python: Path | None = None) -> Installation:
    """
    Return an installation; without a Python the one of `.venv` in the checkout.

    Raises InputError with the remedy.
    """
    if not (home / "sweagent" / "__init__.py").is_file() or not (home / "tools").is_dir():
        raise InputError(f"{home}: no checkout of SWE-agent; git clone https://github.com/SWE-agent/SWE-agent")
    chosen = python or home / ".venv" / "bin" / "python"
    if not chosen.is_file():
        raise InputError(f"{chosen}: no such Python; python3 -m venv {home}/.venv and pip install -e {home} with it")
    return Installation(home.absolute(), chosen.absolute())


def read_config(path: Path) -> dict[str, Any]:
    """Return SWE-agent's configuration of a file. Raises InputError for one that is none."""
    value = schemas.read_yaml(path)
    agent = value.get("agent") if isinstance(value, dict) else None
    if not isinstance(agent, dict) or not isinstance(agent.get("templates"), dict):
        raise InputError(f"{path}: no configuration of SWE-agent: the keys agent and agent.templates are wanted")
    return dict(value)


def read_settings(path: Path) -> AgentSettings:
    """Return the model and the limits that a file asks for; 0 is none. The texts are SWE-agent's to fill."""
    agent = read_config(path)["agent"]
    model, own = agent.get("model") or {}, agent.get("tools") or {}
    calls, cost = model.get("per_instance_call_limit") or None, model.get("per_instance_cost_limit") or None
    limits = engines.Limits(calls=calls, cost_usd=cost, command_s=float(own.get("execution_timeout") or 30))
    return AgentSettings(system="", instance="{{ problem_statement }}", model=model.get("name"), limits=limits)


class SweAgentEngine:
    """SWE-agent with one configuration and one model, for one run."""

    name = NAME
    tools: tuple[str, ...] = TOOLS

    def __init__(self, installed: Installation, config: Path, client: Client, gateway: Gateway, stage: str) -> None:
        self._installed = installed
        self._config = config.absolute()
        self._settings = read_config(config)
        self._client = client
        self._gateway = gateway
        self._stage = stage
        self._stopped = threading.Event()
        self._launching = threading.Lock()
        self._launchers: list[Launcher] = []
        self._setting_up = threading.Semaphore(len(os.sched_getaffinity(0)))

    def identity(self) -> dict[str, Any]:
        """Return what decides its turns."""
        model = {"model": self._client.settings.model, "api_base": self._client.settings.api_base}
        about = {"engine": NAME, "version": self._installed.version(), "code_version": CODE_VERSION}
        return {**about, "config": self._settings, **model}

    def run(self, task: Task, save: Save) -> Outcome:
        """Let SWE-agent work on a task."""
        limits = SessionLimits(task.limits.calls, task.limits.cost_usd)
        session = self._gateway.open(Purpose(self._stage, task.name, task.sample), limits)
        try:
            self._launched()  # what it imports takes seconds, while the workspace is made
            with scratch.folder() as folder, task.workspace() as place, RexServer(place.box) as server:
                work = Work(task, folder, session.account(task.name), self._client.settings.model)
                work.write_instance(server)
                with task.turn():
                    work, limit, found = self._worked(work, session, save, server)
                if server.runtime.failed:
                    raise UnfinishedError(f"{task.name}: {server.runtime.failed}", engines.ENVIRONMENT_ERROR)
                own_status = work.status(limit, found)
                handed_in = submissions.collect(task, place)
                status, patch = handed_in.status(own_status), handed_in.patch
                about = {"engine_version": self._installed.version(), **handed_in.info()}
                return Outcome(status, patch, work.trajectory(found, status, patch, about))
        except (StoppedError, UnfinishedError):
            raise
        except InfrastructureError as error:
            if self._stopped.is_set():
                raise StoppedError("the agent was stopped") from error
            raise UnfinishedError(f"{task.name}: {error}", engines.ENVIRONMENT_ERROR) from error
        finally:
            self._gateway.close(session)

    def stop(self) -> None:
        """End the process, and the model's calls."""
        self._stopped.set()
        self._client.stop()
        with self._launching:
            for launcher in self._launchers:
                launcher.kill()

    def close(self) -> None:
        """Let go of what has imported SWE-agent."""
        for launcher in self._launchers:
            launcher.close()

    def _launched(self) -> Launcher:
        """Return what starts SWE-agent; a new one where there is none, or it was killed."""
        with self._launching:
            if self._stopped.is_set():
                raise StoppedError("the agent was stopped")
            if not self._launchers or not self._launchers[-1].is_alive():
                self._launchers.append(Launcher(self._installed.home, self._installed.python))
            return self._launchers[-1]

    def _worked(
        self, work: Work, session: Session, save: Save, server: RexServer
    ) -> tuple[Work, str | None, Trajectory | None]:
        """Return the work as it stands at the agent's end, the limit of time that ended it, and its trajectory."""
        began, ended = time.monotonic(), threading.Event()
        ended.set()
        try:
            with self._setting_up:  # until it asks its model, an agent keeps a CPU busy in its sandbox
                launcher = self._launched()
                ended = launcher.start(self._arguments(work), session.token, work.log)
                while not (session.asked.wait(POLL_S) or ended.is_set()):
                    if time.monotonic() - began > SETUP_S:
                        raise UnfinishedError(f"{work.task.name}: SWE-agent has asked for nothing in {SETUP_S:.0f} s")
            limit, found = self._wait(ended, began, work, save)
            if limit is None and not launcher.is_alive() and not (found and found["info"].get("exit_status")):
                raise InfrastructureError(f"SWE-agent's process has died: {launcher.last_words()}")
            return replace(work, account=replace(work.account)), limit, found
        finally:  # a thread cannot be killed: it can do nothing any more, and so ends
            self._gateway.close(session)
            server.refuse()
            ended.wait(LEFT_S)

    def _arguments(self, work: Work) -> list[str]:
        model = self._client.settings.model.rpartition("/")[2]
        flags = {
            "config": self._config,
            "instances.type": "expert_file",
            "instances.path": work.instances,
            "output_dir": work.output,
            "num_workers": 1,
            "progress_bar": False,
            "agent.model.name": f"openai/{model}",
            "agent.model.api_base": self._gateway.openai_base,
            "agent.model.per_instance_cost_limit": 0,
            "agent.model.total_cost_limit": 0,
            "agent.model.per_instance_call_limit": 0,
            "agent.model.retry.retries": 1,
            "agent.tools.execution_timeout": max(1, round(work.task.limits.command_s)),
        }
        return [f"--{name}={value}" for name, value in flags.items()]

    def _wait(
        self, ended: threading.Event, began: float, work: Work, save: Save
    ) -> tuple[str | None, Trajectory | None]:
        """Save every step; return the limit of time that ended it, if one did, and the trajectory."""
        seen = 0.0
        found: Trajectory | None = None
        wall_s = work.task.limits.wall_s
        while True:
            over = ended.wait(POLL_S)
            if self._stopped.is_set():
                raise StoppedError("the agent was stopped")
            if over:
                return None, work.so_far()
            changed = work.changed()
            read = work.so_far() if changed > seen else None
            if read:
                seen, found = changed, read
                save(read)
            if wall_s is not None and time.monotonic() - began > wall_s:
                return engines.LIMITS["wall"], found
