"""What a row is made of whatever engine wrote the trajectory: turns, calls, and the checks that all engines share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from tracesmith import files
from tracesmith.errors import TracesmithError

MAY_FOLLOW = {
    "system": (),
    "user": ("system", "user", "assistant", "tool"),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
"""Kinds of parts in which a model thinks; a row leaves them out and counts them."""


class UnusableTrajectoryError(TracesmithError):
    """A trajectory cannot become a row; the run's other trajectories can."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        """A few words in snake_case, counted and listed in the sidecar."""


@dataclass(frozen=True)
class Call:
    """A tool call, with its arguments as the model wrote them and as values."""

    id: str
    name: str
    written: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """A message of the history; thought and action are None where the engine recorded none."""

    role: str
    text: str
    thought: str | None = None
    action: str | None = None
    calls: tuple[Call, ...] = ()
    answers: tuple[str, ...] = ()
    """Ids of the calls that an observation answers."""
    verbatim: bool = False
    """Whether the text holds the action in a form that style ticks takes as it stands."""


@dataclass(frozen=True)
class Trajectory:
    """What a row is made of, whatever its style."""

    turns: tuple[Turn, ...]
    exit_status: str | None
    engine: str
    model: str | None
    patch: str
    cost: float | None = None
    counts: Counter[str] = field(default_factory=Counter)
    """What of the trajectory is not in the turns: thinking_blocks, refused_answers, engine_turns."""


def check_roles(turns: tuple[Turn, ...]) -> None:
    """Raise UnusableTrajectoryError unless a system message begins and each role may follow the one before."""
    if turns[0].role != "system":
        raise UnusableTrajectoryError("bad_roles", f"the first message is of {turns[0].role!r}, not of 'system'")
    for before, turn in pairwise(turns):
        if before.role not in MAY_FOLLOW[turn.role]:
            raise UnusableTrajectoryError("bad_roles", f"a message of {turn.role!r} follows one of {before.role!r}")


def role_of(message: dict[str, Any]) -> str:
    """Return a message's role, one that a row can have."""
    role = message.get("role")
    if not isinstance(role, str) or role not in MAY_FOLLOW:
        raise UnusableTrajectoryError("bad_roles", f"{role!r} is no role")
    return role


def text_of(message: dict[str, Any], counts: Counter[str]) -> str:
    """Return a content as one text; engines write a list of parts for caches, images and thoughts."""
    content = message.get("content")
    if isinstance(content, str):
        return _whole(content)
    if content is None and message.get("tool_calls"):
        return ""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise UnusableTrajectoryError("bad_content", "a content is neither a text nor a list of parts")
    return "".join(_part(part, counts) for part in content)


def _part(part: dict[str, Any], counts: Counter[str]) -> str:
    kind, text = part.get("type"), part.get("text")
    if kind in THOUGHTS:
        counts["thinking_blocks"] += 1
        return ""
    if "image" in str(kind):
        raise UnusableTrajectoryError("image_content", "a message holds an image, a row holds text only")
    if kind != "text" or not isinstance(text, str):
        raise UnusableTrajectoryError("bad_content", "a part of a content is no text")
    return _whole(text)


def _whole(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return files.without_halves(text)
    return text


def call_of(call: Any) -> Call:
    """Return a tool call as OpenAI's interface writes it."""
    try:
        name, written, id_ = call["function"]["name"], call["function"]["arguments"], call["id"]
        arguments = msgspec.json.decode(written)
    except (KeyError, TypeError, ValueError, RecursionError, msgspec.DecodeError):
        raise UnusableTrajectoryError("bad_tool_call", "a call has no id, name or arguments in JSON") from None
    if not isinstance(name, str) or not isinstance(id_, str) or not isinstance(arguments, dict):
        raise UnusableTrajectoryError("bad_tool_call", "a call's id or name is no text, or its arguments are no object")
    return Call(id=id_, name=name, written=written, arguments=arguments)


def calls_of(message: dict[str, Any]) -> tuple[Call, ...]:
    """Return the tool calls of a message."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise UnusableTrajectoryError("bad_tool_call", "'tool_calls' is no list")
    return tuple(call_of(call) for call in calls)


def optional_text(record: dict[str, Any], key: str) -> str | None:
    """Return a text, or None where there is none."""
    value = record.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnusableTrajectoryError("malformed_trajectory", f"the key {key!r} holds no text")
    return _whole(value)


def cost_of(info: dict[str, Any]) -> float | None:
    """Return what the calls of the model cost, in USD, as both engines record it."""
    stats = info.get("model_stats")
    cost = stats.get("instance_cost") if isinstance(stats, dict) else None
    return float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None


def refused_answers(info: dict[str, Any], turns: Sequence[Turn]) -> int:
    """Return how many calls of the model gave no turn: refused for their form or blocked, and asked for again."""
    stats = info.get("model_stats")
    calls = stats.get("api_calls") if isinstance(stats, dict) else None
    said = sum(turn.role == "assistant" for turn in turns)
    return max(0, calls - said) if isinstance(calls, int) else 0


def count_thinking(message: dict[str, Any], counts: Counter[str]) -> None:
    """Count what a model thought beside its text: a row holds what it said."""
    blocks = message.get("thinking_blocks")
    if isinstance(blocks, list) and blocks:
        counts["thinking_blocks"] += len(blocks)
    elif message.get("reasoning_content"):
        counts["thinking_blocks"] += 1
