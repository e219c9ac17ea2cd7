"""A session with an agent, recorded in SWE-agent 1.1's `.traj` format as it happens."""

import json
import time
from typing import Any

from tracesmith import files
from tracesmith.agents import tools
from tracesmith.agents.tools import Call
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED, Sandbox


class Session:
    """The conversation about one instance; every turn performs its call in the sandbox."""

    def __init__(self, instance_id: str, box: Sandbox, system: str, task: str) -> None:
        self.instance_id = instance_id
        self.box = box
        self.steps: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = [
            {"role": "system", "content": system, "agent": "main", "message_type": "system_prompt"},
            {"role": "user", "content": task, "agent": "main", "message_type": "observation"},
        ]

    def turn(self, thought: str, call: Call) -> str:
        """Record what the agent says and does, and what it sees; return that."""
        started = time.monotonic()
        observation = tools.perform(self.box, call)
        number = len(self.steps)
        identity = f"call_{files.short_hash(f'{self.instance_id} {number}')}"
        function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
        tool_call = {"type": "function", "id": identity, "function": function}
        self.history += [
            {
                "role": "assistant",
                "content": thought,
                "thought": thought,
                "action": call.action(),
                "agent": "main",
                "message_type": "action",
                "tool_calls": [tool_call],
                "thinking_blocks": [],
            },
            {
                "role": "tool",
                "content": f"OBSERVATION:\n{observation}",
                "agent": "main",
                "message_type": "observation",
                "tool_call_ids": [identity],
            },
        ]
        self.steps.append(
            {
                "action": call.action(),
                "observation": observation,
                "response": thought,
                "thought": thought,
                "execution_time": round(time.monotonic() - started, 3),
                "state": {"working_dir": TESTBED},
                "query": [],
                "extra_info": {},
            }
        )
        return observation

    def text_of(self, path: str) -> str:
        """Return a file of the workspace as it is now, without a turn."""
        return (base.read_file(self.box, path) or b"").decode("utf-8", "surrogateescape")

    def trajectory(self, engine: str, exit_status: str, patch: str) -> dict[str, Any]:
        """Return the `.traj` of the finished session."""
        stats = {"instance_cost": 0, "tokens_sent": 0, "tokens_received": 0, "api_calls": 0}
        return {
            "trajectory": self.steps,
            "history": self.history,
            "info": {"exit_status": exit_status, "submission": patch, "model_stats": stats, "engine": engine},
            "replay_config": json.dumps({"agent": {"name": "main", "model": {"name": engine}}}),
            "environment": self.instance_id,
        }
