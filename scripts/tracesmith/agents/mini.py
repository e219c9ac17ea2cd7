"""
The engine `mini`: mini-swe-agent in this process, a thread an instance.

The agent, its parsing and its messages are mini-swe-agent's own. Its model is asked through a session, so every
answer is stored, billed and limited; its commands run in our sandboxes. A task that was killed goes on where it was:
its answers come from the store, its commands are run again and shown as they were seen then.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracesmith.agents import engines, submissions, transcripts
from tracesmith.agents.engines import Outcome, Save, Task, UnfinishedError
from tracesmith.agents.settings import AgentSettings
from tracesmith.agents.transcripts import End, Transcript
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.llm.client import Client
from tracesmith.llm.library import litellm
from tracesmith.llm.requests import Purpose
from tracesmith.llm.sessions import Account, LimitReachedError, Session
from tracesmith.llm.sessions import Limits as SessionLimits
from tracesmith.sandboxes.base import Sandbox

NAME = "mini"
TOOLS = ("bash",)
CODE_VERSION = 1
PACKAGE = "mini-swe-agent"
STATUSES = {
    "Submitted": engines.SUBMITTED,
    "LimitsExceeded": engines.LIMITS["steps"],
    "TimeExceeded": engines.LIMITS["wall"],
    "RepeatedFormatError": engines.FORMAT,
}
"""Our exit status for each of mini-swe-agent's."""
_importing = threading.Lock()


@dataclass(frozen=True)
class Ended:
    """How an agent ended: our exit status, and the words that mini-swe-agent or the session has for it."""

    status: str
    said: str


class MiniEngine:
    """mini-swe-agent with one model, for one run."""

    name = NAME
    tools: tuple[str, ...] = TOOLS

    def __init__(self, settings: AgentSettings, client: Client, stage: str) -> None:
        self._settings = settings
        self._client = client
        self._stage = stage
        self._parts = parts()

    def identity(self) -> dict[str, Any]:
        """Return what decides its turns."""
        model = {"model": self._client.settings.model, "api_base": self._client.settings.api_base}
        about = {"engine": NAME, "version": version(), "code_version": CODE_VERSION}
        return {**about, **self._settings.identity(), **model}

    def run(self, task: Task, save: Save) -> Outcome:
        """Let an agent work on a task."""
        limits = SessionLimits(task.limits.calls, task.limits.cost_usd)
        session = Session(Purpose(self._stage, task.name, task.sample), limits)
        model = self._parts.MODELS[self._settings.calls](self._client, session, self._settings)
        work = _Work(task, Transcript(task.name, self._settings.system, task.text), session, model, self._client)
        try:
            with task.workspace() as place:
                with task.turn():
                    ended = self._agent(work, place.box, save)
                handed_in = submissions.collect(task, place)
        except (StoppedError, UnfinishedError):
            raise
        except InfrastructureError as error:
            raise UnfinishedError(f"{task.name}: {error}", engines.ENVIRONMENT_ERROR) from error
        status, patch = handed_in.status(ended.status), handed_in.patch
        info = {"engine_exit_status": ended.said, **handed_in.info()}
        return Outcome(status, patch, work.trajectory(status, patch, info))

    def stop(self) -> None:
        """Let the model's calls end, and begin none."""
        self._client.stop()

    def _agent(self, work: "_Work", box: Sandbox, save: Save) -> Ended:
        task = work.task
        before = (task.before or {}).get("trajectory", ())
        hooks = self._parts.Hooks(work.transcript, lambda: save(work.trajectory(None, "")), before)
        place = self._parts.SandboxEnvironment(box, task.limits)
        agent = self._parts.RecordedAgent(work.model, place, hooks, task.limits)
        try:
            end = agent.run(task.text, system=self._settings.system)
        except self._parts.RefusedError as error:
            return Ended(engines.CONTEXT if error.too_long else engines.REFUSED, str(error))
        except self._parts.EndedError as error:
            return _why(work.account, task, str(error))
        return Ended(STATUSES[end["exit_status"]], end["exit_status"])


@dataclass(frozen=True)
class _Work:
    """What belongs to one task while its agent works."""

    task: Task
    transcript: Transcript
    session: Session
    model: Any
    client: Client

    @property
    def account(self) -> Account:
        """What the session has counted."""
        return self.session.account(self.task.name)

    def trajectory(self, status: str | None, patch: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the `.traj` so far."""
        account = self.account
        stats = transcripts.model_stats(
            account.calls, round(account.cost_usd, 8), self.model.tokens_sent, self.model.tokens_received
        )
        info = {"model_stats": stats, "engine": NAME, "engine_version": version(), **(more or {})}
        return self.transcript.trajectory(self.client.settings.model, End(status, patch, info))


def _why(account: Account, task: Task, said: str) -> Ended:
    """Return the limit that ended an agent; whatever else let the session give no answer is raised."""
    error = account.ended
    if isinstance(error, LimitReachedError):
        limit = task.limits.calls
        by_calls = limit is not None and account.calls >= limit
        return Ended(engines.LIMITS["calls" if by_calls else "cost"], str(error))
    if isinstance(error, InfrastructureError) and not isinstance(error, StoppedError):
        raise UnfinishedError(f"{task.name}: {error}") from error
    raise error or UnfinishedError(f"{task.name}: {said}")


@functools.cache
def version() -> str:
    """Return the version of mini-swe-agent that is installed."""
    return importlib.metadata.version(PACKAGE)


def parts() -> Any:
    """Import what needs mini-swe-agent, without its banner and without its user's settings and keys."""
    litellm()
    with _importing, _quiet_start():
        module = importlib.import_module("tracesmith.agents.mini_parts")
    for name in ("minisweagent", "agent", "litellm_model"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
    return module


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="tracesmith-mini-") as folder:
        os.environ.update(MSWEA_SILENT_STARTUP="1", MSWEA_GLOBAL_CONFIG_DIR=folder)
        yield
