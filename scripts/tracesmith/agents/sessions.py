"""A session of a scripted agent: every turn performs its call in the sandbox and is written down."""

import json
import time
from collections.abc import Callable
from typing import Any

from tracesmith import files
from tracesmith.agents import tools
from tracesmith.agents.tools import Call
from tracesmith.agents.transcripts import End, Transcript, Turn, model_stats
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox


def _keep_nothing(_: dict[str, Any]) -> None: ...


class Session:
    """The conversation about one instance."""

    def __init__(
        self,
        instance_id: str,
        box: Sandbox,
        system: str,
        task: str,
        save: Callable[[dict[str, Any]], None] = _keep_nothing,
        engine: str = "oracle",
    ) -> None:
        self.instance_id = instance_id
        self.box = box
        self.transcript = Transcript(instance_id, system, task)
        self._save = save
        self._engine = engine

    def turn(self, thought: str, call: Call) -> str:
        """Write down what the agent says and does, and what it sees; return that."""
        started = time.monotonic()
        observation = tools.perform(self.box, call)
        number = len(self.transcript.steps)
        identity = f"call_{files.short_hash(f'{self.instance_id} {number}')}"
        function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
        self.transcript.add(
            Turn(
                response=thought,
                thought=thought,
                action=call.action(),
                observation=observation,
                shown=f"OBSERVATION:\n{observation}",
                seconds=time.monotonic() - started,
                tool_calls=[{"type": "function", "id": identity, "function": function}],
            )
        )
        self._save(self.trajectory(None, ""))
        return observation

    def text_of(self, path: str) -> str:
        """Return a file of the workspace as it is now, without a turn."""
        return (base.read_file(self.box, path) or b"").decode("utf-8", "surrogateescape")

    def trajectory(self, exit_status: str | None, patch: str) -> dict[str, Any]:
        """Return the `.traj` of the session."""
        info = {"model_stats": model_stats(), "engine": self._engine}
        return self.transcript.trajectory(self._engine, End(exit_status, patch, info))
