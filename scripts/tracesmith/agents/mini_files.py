"""
Turn a `.traj.json` file of mini-swe-agent, version 1 or 2, into a trajectory in SWE-agent's format.

Every command becomes a call of the tool bash, those that stand in a fenced block of the text as well. No configuration
is taken over: it may hold keys.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sandboxes.base import TESTBED

BLOCK = re.compile(r"\n*```(?:mswea_bash_command|bash)[ \t]*\r?\n(.*?)\r?\n?```\s*", re.DOTALL)
STATUSES = {
    "Submitted": "submitted",
    "LimitsExceeded": "exit_cost",
    "TimeExceeded": "exit_total_execution_time",
    "ContextWindowExceededError": "exit_context",
    "RepeatedFormatError": "exit_format",
}
"""Our exit status for each of mini-swe-agent's; every other is an error."""
Message = dict[str, Any]


def convert(record: Any, name: str, where: str) -> dict[str, Any]:
    """Return the `.traj` of a mini-swe-agent file. Raises InputError when it is none."""
    try:
        messages, info = record["messages"], record["info"]
        steps, history = _turns(messages, name)
        stats, status = info.get("model_stats") or {}, info.get("exit_status")
        model = _model(info)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{where}: no trajectory of mini-swe-agent: {type(error).__name__} {error}") from None
    return {
        "trajectory": steps,
        "history": history,
        "info": {
            "exit_status": STATUSES.get(status, "exit_error"),
            "submission": info.get("submission") or "",
            "model_stats": {
                "instance_cost": stats.get("instance_cost", 0),
                "tokens_sent": 0,
                "tokens_received": 0,
                "api_calls": stats.get("api_calls", 0),
            },
            "engine": "mini",
            "engine_version": info.get("mini_version"),
            "engine_exit_status": status,
        },
        "replay_config": json.dumps({"agent": {"name": "main", "model": {"name": model}}}),
        "environment": name,
    }


def _model(info: Mapping[str, Any]) -> str | None:
    name = ((info.get("config") or {}).get("model") or {}).get("model_name")
    return name if isinstance(name, str) else None


def _turns(messages: list[Message], name: str) -> tuple[list[Message], list[Message]]:
    """Return the steps and the history; mini-swe-agent's own last message is none of them."""
    steps: list[Message] = []
    history: list[Message] = []
    open_ids: list[str] = []
    for message in messages:
        role = message["role"]
        if role == "assistant":
            turn = _turn(message, name, len(steps))
            history.append(turn)
            steps.append(_step(turn))
            open_ids = [call["id"] for call in turn["tool_calls"] or []]
        elif role == "tool" or (role == "user" and open_ids):
            own = message.get("tool_call_id") or open_ids[0]
            open_ids = [one for one in open_ids if one != own]
            history.append(_said("tool", message) | {"tool_call_ids": [own]})
            steps[-1]["observation"] += message["content"]
        elif role != "exit":
            history.append(_said(role, message))
    return steps, history


def _said(role: str, message: Message) -> Message:
    kind = "system_prompt" if role == "system" else "observation"
    return {"role": role, "content": message["content"], "agent": "main", "message_type": kind}


def _turn(message: Message, name: str, number: int) -> Message:
    text = message.get("content") or ""
    calls = message.get("tool_calls") or []
    thought = text
    if not calls:
        command, thought = _written(message, text)
        identity = f"call_{files.short_hash(f'{name} {number}')}"
        function = {"name": "bash", "arguments": json.dumps({"command": command}, ensure_ascii=False)}
        calls = [] if command is None else [{"type": "function", "id": identity, "function": function}]
    return {
        "role": "assistant",
        "content": thought,
        "thought": thought,
        "action": "\n".join(_command(call) for call in calls),
        "agent": "main",
        "message_type": "action",
        "tool_calls": [{"type": "function", "id": call["id"], "function": call["function"]} for call in calls] or None,
        "thinking_blocks": [],
    }


def _written(message: Message, text: str) -> tuple[str | None, str]:
    """Return the command of a turn that has it in its text, and the text without it."""
    blocks = BLOCK.findall(text)
    actions = (message.get("extra") or {}).get("actions") or []
    if len(blocks) != 1:
        return (actions[0]["command"] if actions else None), text
    return (actions[0]["command"] if actions else blocks[0]), BLOCK.sub("\n", text).strip()


def _command(call: Message) -> str:
    arguments = json.loads(call["function"]["arguments"])
    return str(arguments["command"])


def _step(turn: Message) -> Message:
    return {
        "action": turn["action"],
        "observation": "",
        "response": turn["content"],
        "thought": turn["thought"],
        "execution_time": 0.0,
        "state": {"working_dir": TESTBED},
        "query": [],
        "extra_info": {},
    }
