"""
Read a `.traj.json` of mini-swe-agent 1 or 2.

An answer without an action is not recorded by mini, only its complaint about it, as a user's message; two of them may
follow each other. The last message, of the role `exit`, is the engine's and no part of a row.
"""

from collections import Counter

import msgspec

from tracesmith.sft import ondemand
from tracesmith.sft.turns import (
    Info,
    Message,
    Trajectory,
    Turn,
    UnusableTrajectoryError,
    calls_of,
    check_roles,
    cost_of,
    count_thinking,
    refused_answers,
    text_of,
)

FENCE = "```"


class Action(msgspec.Struct):
    """What the engine did for a message."""

    command: str


class Extra(msgspec.Struct):
    """Of a message's `extra`, what is read; the whole answer of the server stands there too."""

    actions: list[Action] | None = None


class Entry(Message):
    """Of a message, what is read beside what any engine writes."""

    tool_call_id: str | None = None
    extra: Extra | None = None


class Record(msgspec.Struct):
    """Of a `.traj.json`, what is read."""

    messages: list[Entry] | None = None
    info: Info | None = None


DECODER = msgspec.json.Decoder(Record)


def part(path: str) -> memoryview:
    """Return all bytes of a `.traj.json`."""
    with open(path, "rb") as file:  # noqa: PTH123 - a Path's takes longer
        return memoryview(file.read())


def read(data: memoryview, where: str) -> Trajectory:
    """Return the trajectory in the bytes of a `.traj.json`; its patch is what was submitted."""
    record = ondemand.decode(DECODER, data, where)
    if not record.messages:
        raise UnusableTrajectoryError("missing_history", f"{where}: the key 'messages' holds no list of messages")
    counts: Counter[str] = Counter()
    turns = tuple(_turn(message, counts) for message in _part_of_the_agent(record.messages))
    check_roles(turns)
    info = record.info or Info()
    counts["refused_answers"] = refused_answers(info, turns)
    return Trajectory(
        turns=turns,
        exit_status=info.exit_status,
        engine="mini",
        model=_model(info),
        patch=info.submission or "",
        cost=cost_of(info),
        counts=counts,
    )


def _part_of_the_agent(messages: list[Entry]) -> list[Entry]:
    kept = list(messages)
    while kept and kept[-1].role != "assistant":
        kept.pop()
    if not kept:
        raise UnusableTrajectoryError("no_assistant_turn", "the messages hold no turn of the agent")
    return kept


def _turn(message: Entry, counts: Counter[str]) -> Turn:
    role, text = message.role, text_of(message, counts)
    if role != "assistant":
        return Turn(role, text, answers=() if message.tool_call_id is None else (message.tool_call_id,))
    count_thinking(message, counts)
    calls = calls_of(message)
    commands = [action.command for action in (message.extra and message.extra.actions) or ()]
    if calls:
        return Turn(role, text, thought=text, action="\n".join(commands), calls=calls)
    if len(commands) != 1:
        return Turn(role, text)
    return Turn(role, text, thought=_thought(text, commands[0]), action=commands[0], verbatim=True)


def _thought(text: str, command: str) -> str | None:
    """Return what stands before the fenced action; None where the text is not of that form or goes on behind it."""
    start = text.find(f"\n{command}\n{FENCE}")
    opening = text.rfind(FENCE, 0, start) if start > 0 else -1
    behind = text[start + len(command) + 2 + len(FENCE) :] if start > 0 else ""
    if opening < 0 or behind.strip() or "\n" in text[opening:start]:
        return None
    return text[:opening].rstrip()


def _model(info: Info) -> str | None:
    model = info.config.get("model") if isinstance(info.config, dict) else None
    name = model.get("model_name") if isinstance(model, dict) else None
    return name if isinstance(name, str) else None
