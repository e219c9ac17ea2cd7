"""
Read a `.traj` of SWE-agent 1.0 or 1.1.

Messages come from `history`, which stands behind `trajectory`. There `query` repeats at each step what the model was
sent, never holds the last turn, and makes nine tenths of a file. Reading begins at `history` in a file laid out as
SWE-agent does it; in any other one the parser skips what is before it. Answers that the engine refused and asked for
again are in no history; they are counted.
"""

import json
import os
import re
from collections import Counter
from typing import Any

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

# The turn that SWE-agent appends when it stops the agent, with an empty action: "Exit due to cost limit", …
ARTIFICIAL_END = re.compile(r"Exit(ing)? due to ")


class Entry(Message):
    """Of an entry of the history, what is read beside what any engine writes."""

    thought: str | None = None
    action: str | None = None
    tool_call_ids: tuple[str, ...] | None = None
    is_demo: Any = False


class Record(msgspec.Struct):
    """Of a `.traj`, what is read."""

    history: list[Entry] | None = None
    info: Info | None = None
    replay_config: Any = None


PIECE = 1 << 18
DECODER = msgspec.json.Decoder(Record)
HISTORY = b'\n  "history": ['
"""How SWE-agent's layout begins the key: no text of JSON holds a line break, and two blanks are the outermost level."""


def part(path: str) -> memoryview:
    """Return the part of a `.traj` that a row is made from, as JSON: from `history` on, or all in another layout."""
    with open(path, "rb") as file:  # noqa: PTH123 - a Path's takes longer
        end, wanted = file.seek(0, os.SEEK_END), PIECE
        while True:  # a larger piece of the end each time, in one place: copies would take longer than parsing
            begin = file.seek(max(0, end - wanted))
            data = bytearray(end - begin)
            file.readinto(data)
            before = data.find(HISTORY) - 1  # from the front, which Python's search does twice as fast
            if before >= 0:
                data[before] = ord("{")  # instead of a comma
                return memoryview(data)[before:]
            if begin == 0:
                return memoryview(data)
            wanted *= 4


def read(data: memoryview, where: str) -> Trajectory:
    """Return the trajectory in such a part, its patch still empty."""
    record = ondemand.decode(DECODER, data, where)
    history, info = record.history, record.info or Info()
    if not history:
        raise UnusableTrajectoryError("missing_history", f"{where}: the key 'history' holds no list of messages")
    counts: Counter[str] = Counter()
    turns = tuple([_turn(message, counts) for message in _part_of_the_agent(history, counts)])
    check_roles(turns)
    counts["refused_answers"] = refused_answers(info, turns)
    return Trajectory(
        turns=turns,
        exit_status=info.exit_status,
        engine=info.engine or "sweagent",
        model=_model(record.replay_config),
        patch="",
        cost=cost_of(info),
        counts=counts,
    )


def _part_of_the_agent(history: list[Entry], counts: Counter[str]) -> list[Entry]:
    """Return the messages up to the agent's last turn, without demonstrations and without SWE-agent's own end."""
    messages = [message for message in history if not message.is_demo]
    while messages and (messages[-1].role != "assistant" or _is_artificial(messages[-1])):
        counts["engine_turns"] += messages.pop().role == "assistant"
    if not messages:
        raise UnusableTrajectoryError("no_assistant_turn", "the history holds no turn of the agent")
    return messages


def _is_artificial(message: Entry) -> bool:
    if message.tool_calls or message.action:
        return False
    return bool(ARTIFICIAL_END.match(text_of(message, Counter())))


def _turn(message: Entry, counts: Counter[str]) -> Turn:
    text = text_of(message, counts)
    if message.role != "assistant":
        return Turn(message.role, text, answers=message.tool_call_ids or ())
    count_thinking(message, counts)
    return Turn(message.role, text, message.thought, message.action, calls_of(message))


def _model(config: Any) -> str | None:
    """Return the model named in replay_config, which SWE-agent writes as a JSON string."""
    try:
        name = json.loads(config)["agent"]["model"]["name"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None
