"""What belongs to one instance while SWE-agent works on it: what it reads, what it has written, and how it ended."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.agents import engines, launching
from tracesmith.agents.engines import Task, Trajectory, UnfinishedError
from tracesmith.agents.swerex_server import RexServer
from tracesmith.errors import InfrastructureError, StoppedError
from tracesmith.llm.sessions import Account, LimitReachedError

NAME = "sweagent"
NO_VERDICT = {"exit_error": engines.ERROR, "exit_environment_error": engines.ENVIRONMENT_ERROR}
OF_REFUSALS = ("exit_error", engines.FORMAT)
"""What SWE-agent says of a prompt that the provider refuses: 1.1 asks thrice, as if the answer had no call in it."""
ENDED_BY = re.compile(r"submitted \((\w+)\)")


@dataclass(frozen=True)
class Work:
    """What belongs to one task while SWE-agent works on it."""

    task: Task
    folder: Path
    account: Account
    model: str

    @property
    def instances(self) -> Path:
        """Return the file of instances."""
        return self.folder / "instances.json"

    @property
    def output(self) -> Path:
        """Return where SWE-agent writes."""
        return self.folder / "out"

    @property
    def log(self) -> Path:
        """Return what it prints."""
        return self.folder / "sweagent.log"

    @property
    def _written(self) -> Path:
        return self.output / self.task.name / f"{self.task.name}.traj"

    def write_instance(self, server: RexServer) -> None:
        """Write the one instance."""
        deployment = {"type": "remote", "host": "http://127.0.0.1", "port": server.port, "auth_token": server.token}
        repo = {"type": "preexisting", "repo_name": "testbed", "reset": False}
        text = {"type": "text", "id": self.task.name, "text": self.task.instance["problem_statement"]}
        env = {"deployment": {**deployment, "timeout": 60}, "repo": repo, "name": self.task.name}
        files.write_json(self.instances, [{"env": env, "problem_statement": text}])
        self.log.touch()  # SWE-agent may die before it writes

    def changed(self) -> float:
        """Return when the trajectory last grew."""
        return self._written.stat().st_mtime if self._written.exists() else 0.0

    def so_far(self) -> Trajectory | None:
        """Return the trajectory as SWE-agent has written it; None while it is writing."""
        try:
            found = json.loads(self._written.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        for step in found["trajectory"]:
            step["query"] = []
        model = {"agent": {"name": "main", "model": {"name": self.model}}}
        found.update(environment=self.task.name, replay_config=json.dumps(model))
        return dict(found)

    def status(self, ended: str | None, found: Trajectory | None) -> str:
        """
        Return how the agent ended, given the limit of time that ended it, if one did, and its trajectory.

        Raises UnfinishedError for what is no end of an agent.
        """
        said = ended or (found or {}).get("info", {}).get("exit_status")
        error = self.account.ended
        if isinstance(error, LimitReachedError):
            limit = self.task.limits.calls
            return engines.LIMITS["calls" if limit is not None and self.account.calls >= limit else "cost"]
        if error is not None:
            if isinstance(error, InfrastructureError) and not isinstance(error, StoppedError):
                raise UnfinishedError(f"{self.task.name}: {error}") from error
            raise error
        by = ENDED_BY.fullmatch(said or "")
        status = by[1] if by else said
        refused = self.account.refused
        if refused and status in OF_REFUSALS:
            return engines.CONTEXT if refused.too_long else engines.REFUSED
        if found is None or not status or status in NO_VERDICT:
            no_end = NO_VERDICT.get(status or "", engines.ERROR)
            said_last = launching.last_words(self.log)
            raise UnfinishedError(f"{self.task.name}: SWE-agent came to no end: {said_last}", no_end)
        return str(status)

    def trajectory(self, found: Trajectory | None, status: str, patch: str, about: dict[str, Any]) -> Trajectory:
        """Return the whole trajectory."""
        found = found or {"trajectory": [], "history": [], "info": {}}
        info = found["info"]
        stats = {**info.get("model_stats", {}), "instance_cost": round(self.account.cost_usd, 8)}
        info.update(
            exit_status=status,
            submission=patch,
            model_stats={**stats, "api_calls": self.account.calls},
            engine=NAME,
            engine_exit_status=info.get("exit_status"),
            **about,
        )
        return found
