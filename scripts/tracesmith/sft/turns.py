"""What a row is made of whatever engine wrote the trajectory: messages, turns, calls, and the checks that all share."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import msgspec

from tracesmith.errors import TracesmithError

MAY_FOLLOW = {
    "system": (),
    "user": ("system", "user", "assistant", "tool"),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
"""Kinds of parts in which a model thinks; a row leaves them out and counts them."""
ARGUMENTS = msgspec.json.Decoder(dict[str, Any])


class UnusableTrajectoryError(TracesmithError):
    """A trajectory cannot become a row; the run's other trajectories can."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        """A few words in snake_case, counted and listed in the sidecar."""


class WrittenFunction(msgspec.Struct):
    """The function of a tool call; its arguments are JSON in a text."""

    name: str
    arguments: str


class WrittenCall(msgspec.Struct):
    """A tool call as OpenAI's interface writes it."""

    id: str
    function: WrittenFunction


class Message(msgspec.Struct):
    """Of a message, what is read whatever the engine; no values are made of its other keys."""

    role: Literal["system", "user", "assistant", "tool", "exit", ""] = ""
    """No turn has one of the last two: mini-swe-agent's own end, and a message without a role."""
    content: str | list[dict[str, Any]] | None = None
    """A list of parts for caches, images and thoughts."""
    tool_calls: list[WrittenCall] | None = None
    thinking_blocks: Any = None
    reasoning_content: Any = None


class Info(msgspec.Struct):
    """Of a run's `info`, what is read."""

    exit_status: str | None = None
    engine: str | None = None
    submission: str | None = None
    model_stats: Any = None
    config: Any = None


class Call(msgspec.Struct, frozen=True):
    """A tool call, with its arguments as the model wrote them and as values."""

    id: str
    name: str
    written: str
    arguments: dict[str, Any]


class Turn(msgspec.Struct, frozen=True):
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


class Trajectory(msgspec.Struct, frozen=True):
    """What a row is made of, whatever its style."""

    turns: tuple[Turn, ...]
    exit_status: str | None
    engine: str
    model: str | None
    patch: str
    cost: float | None = None
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    """What of the trajectory is not in the turns: thinking_blocks, refused_answers, engine_turns."""


def check_roles(turns: tuple[Turn, ...]) -> None:
    """Raise UnusableTrajectoryError unless a system message begins and each role may follow the one before."""
    if turns[0].role != "system":
        raise UnusableTrajectoryError("bad_roles", f"the first message is of {turns[0].role!r}, not of 'system'")
    for before, turn in pairwise(turns):
        if before.role not in MAY_FOLLOW.get(turn.role, ()):
            raise UnusableTrajectoryError("bad_roles", f"a message of {turn.role!r} follows one of {before.role!r}")


def text_of(message: Message, counts: Counter[str]) -> str:
    """Return a content as one text."""
    content = message.content
    if isinstance(content, str):
        return content
    if content is not None:
        return "".join(_part(part, counts) for part in content)
    if not message.tool_calls:
        raise UnusableTrajectoryError("bad_content", "a content is neither a text nor a list of parts")
    return ""


def _part(part: dict[str, Any], counts: Counter[str]) -> str:
    kind, text = part.get("type"), part.get("text")
    if kind in THOUGHTS:
        counts["thinking_blocks"] += 1
        return ""
    if "image" in str(kind):
        raise UnusableTrajectoryError("image_content", "a message holds an image, a row holds text only")
    if kind != "text" or not isinstance(text, str):
        raise UnusableTrajectoryError("bad_content", "a part of a content is no text")
    return text


def calls_of(message: Message) -> tuple[Call, ...]:
    """Return the tool calls of a message."""
    return tuple([_call(call) for call in message.tool_calls]) if message.tool_calls else ()


def _call(call: WrittenCall) -> Call:
    try:
        arguments = ARGUMENTS.decode(call.function.arguments)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise UnusableTrajectoryError("bad_tool_call", "the arguments of a call are no object in JSON") from None
    return Call(call.id, call.function.name, call.function.arguments, arguments)


def cost_of(info: Info) -> float | None:
    """Return what the calls of the model cost, in USD, as both engines record it."""
    cost = _stats(info).get("instance_cost")
    return float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None


def refused_answers(info: Info, turns: Sequence[Turn]) -> int:
    """Return how many calls of the model gave no turn: refused for their form or blocked, and asked for again."""
    calls = _stats(info).get("api_calls")
    return max(0, calls - sum(turn.role == "assistant" for turn in turns)) if isinstance(calls, int) else 0


def _stats(info: Info) -> dict[str, Any]:
    return info.model_stats if isinstance(info.model_stats, dict) else {}


def count_thinking(message: Message, counts: Counter[str]) -> None:
    """Count what a model thought beside its text: a row holds what it said."""
    if isinstance(message.thinking_blocks, list) and message.thinking_blocks:
        counts["thinking_blocks"] += len(message.thinking_blocks)
    elif message.reasoning_content:
        counts["thinking_blocks"] += 1
