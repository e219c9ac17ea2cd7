"""
Read a `.traj.json` of mini-swe-agent 1 or 2.

An answer without an action is not recorded by mini, only its complaint about it, as a user's message; two of them may
follow each other. The last message, of the role `exit`, is the engine's and no part of a row.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tracesmith.sft import ondemand
from tracesmith.sft.turns import (
    Trajectory,
    Turn,
    UnusableTrajectoryError,
    calls_of,
    check_roles,
    cost_of,
    count_thinking,
    optional_text,
    refused_answers,
    role_of,
    text_of,
)

FENCE = "```"


class Extra(msgspec.Struct):
    """Of a message's `extra`, what is read; the whole answer of the server stands there too."""

    actions: Any = None


class Message(msgspec.Struct):
    """Of a message, what is read."""

    role: Any = None
    content: Any = None
    tool_calls: Any = None
    tool_call_id: Any = None
    thinking_blocks: Any = None
    reasoning_content: Any = None
    extra: Extra | None = None


class Record(msgspec.Struct):
    """Of a `.traj.json`, what is read."""

    messages: list[Message] | None = None
    info: dict[str, Any] | None = None


DECODER = msgspec.json.Decoder(Record)


def part(path: Path) -> bytes:
    """Return all bytes of a `.traj.json`."""
    return path.read_bytes()


def read(data: bytes, where: str) -> Trajectory:
    """Return the trajectory in the bytes of a `.traj.json`; its patch is what was submitted."""
    record = ondemand.decode(DECODER, data, where)
    if not record.messages:
        raise UnusableTrajectoryError("missing_history", f"{where}: the key 'messages' holds no list of messages")
    counts: Counter[str] = Counter()
    turns = tuple(_turn(message, counts) for message in _part_of_the_agent(record.messages))
    check_roles(turns)
    info = record.info or {}
    counts["refused_answers"] = refused_answers(info, turns)
    return Trajectory(
        turns=turns,
        exit_status=optional_text(info, "exit_status"),
        engine="mini",
        model=_model(info),
        patch=optional_text(info, "submission") or "",
        cost=cost_of(info),
        counts=counts,
    )


def _part_of_the_agent(messages: list[Message]) -> list[Message]:
    kept = list(messages)
    while kept and kept[-1].role != "assistant":
        kept.pop()
    if not kept:
        raise UnusableTrajectoryError("no_assistant_turn", "the messages hold no turn of the agent")
    return kept


def _turn(message: Message, counts: Counter[str]) -> Turn:
    as_written = {"role": message.role, "content": message.content, "tool_calls": message.tool_calls}
    role, text = role_of(as_written), text_of(as_written, counts)
    extra = message.extra or Extra()
    if role != "assistant":
        return Turn(role, text, answers=_answers(message))
    thinking = {"thinking_blocks": message.thinking_blocks, "reasoning_content": message.reasoning_content}
    count_thinking(thinking, counts)
    calls = calls_of(as_written)
    commands = _commands(extra)
    if calls:
        return Turn(role, text, thought=text, action="\n".join(commands), calls=calls)
    if len(commands) != 1:
        return Turn(role, text)
    return Turn(role, text, thought=_thought(text, commands[0]), action=commands[0], verbatim=True)


def _answers(message: Message) -> tuple[str, ...]:
    if message.tool_call_id is None:
        return ()
    if not isinstance(message.tool_call_id, str):
        raise UnusableTrajectoryError("bad_tool_call", "'tool_call_id' is no text")
    return (message.tool_call_id,)


def _commands(extra: Extra) -> list[str]:
    actions = extra.actions if isinstance(extra.actions, list) else []
    commands = [action.get("command") if isinstance(action, dict) else None for action in actions]
    if not all(isinstance(command, str) for command in commands):
        raise UnusableTrajectoryError("malformed_trajectory", "an action holds no command")
    return [str(command) for command in commands]


def _thought(text: str, command: str) -> str | None:
    """Return what stands before the fenced action; None where the text is not of that form or goes on behind it."""
    start = text.find(f"\n{command}\n{FENCE}")
    opening = text.rfind(FENCE, 0, start) if start > 0 else -1
    behind = text[start + len(command) + 2 + len(FENCE) :] if start > 0 else ""
    if opening < 0 or behind.strip() or "\n" in text[opening:start]:
        return None
    return text[:opening].rstrip()


def _model(info: dict[str, Any]) -> str | None:
    config = info.get("config")
    model = config.get("model") if isinstance(config, dict) else None
    name = model.get("model_name") if isinstance(model, dict) else None
    return name if isinstance(name, str) else None
