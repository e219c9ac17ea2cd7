"""A conversation about one instance, written down in SWE-agent 1.1's `.traj` format as it happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracesmith.sandboxes.base import TESTBED


@dataclass(frozen=True)
class Turn:
    """What the agent said and did at one step, and what it saw."""

    response: str
    """The model's text as it came."""
    thought: str
    """The text without the call that may stand in it."""
    action: str
    observation: str
    shown: str
    """The observation as the model reads it."""
    seconds: float
    tool_calls: list[dict[str, Any]] | None = None
    """None for a model that writes its calls into the text."""
    thinking_blocks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class End:
    """How a conversation ended."""

    exit_status: str | None
    patch: str
    info: Mapping[str, Any] = field(default_factory=dict)
    """More of `info`: engine, model_stats, …"""


class Transcript:
    """The turns of one conversation."""

    def __init__(self, instance_id: str, system: str, task: str) -> None:
        self.instance_id = instance_id
        self.steps: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = [
            {"role": "system", "content": system, "agent": "main", "message_type": "system_prompt"},
            {"role": "user", "content": task, "agent": "main", "message_type": "observation"},
        ]

    def add(self, turn: Turn) -> None:
        """Write a turn down."""
        calls = turn.tool_calls
        self.history.append(
            {
                "role": "assistant",
                "content": turn.response,
                "thought": turn.thought,
                "action": turn.action,
                "agent": "main",
                "message_type": "action",
                "tool_calls": calls,
                "thinking_blocks": turn.thinking_blocks,
            }
        )
        seen = {"content": turn.shown, "agent": "main", "message_type": "observation"}
        if calls:
            self.history.append({"role": "tool", **seen, "tool_call_ids": [call["id"] for call in calls]})
        else:
            self.history.append({"role": "user", **seen})
        self.steps.append(_step(turn.action, turn.observation, turn.response, turn.thought, turn.seconds))

    def add_failed(self, response: str, complaint: str) -> None:
        """Write down an answer without a usable call: a step without an action, and no part of the history."""
        self.steps.append(_step("", complaint, response, response, 0.0))

    def trajectory(self, model: str, end: End) -> dict[str, Any]:
        """Return the `.traj` so far; the exit status of one that goes on is None."""
        return {
            "trajectory": self.steps,
            "history": self.history,
            "info": {"exit_status": end.exit_status, "submission": end.patch, **end.info},
            "replay_config": json.dumps({"agent": {"name": "main", "model": {"name": model}}}),
            "environment": self.instance_id,
        }


def model_stats(calls: int = 0, cost: float = 0, sent: int = 0, received: int = 0) -> dict[str, Any]:
    """Return `info.model_stats`."""
    return {"instance_cost": cost, "tokens_sent": sent, "tokens_received": received, "api_calls": calls}


def _step(action: str, observation: str, response: str, thought: str, seconds: float) -> dict[str, Any]:
    return {
        "action": action,
        "observation": observation,
        "response": response,
        "thought": thought,
        "execution_time": round(seconds, 3),
        "state": {"working_dir": TESTBED},
        "query": [],
        "extra_info": {},
    }
