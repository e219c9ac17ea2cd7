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

# The turn that SWE-agent appends when it stops the agent, with an empty action: "Exit due to cost limit", …
ARTIFICIAL_END = re.compile(r"Exit(ing)? due to ")


class Record(msgspec.Struct):
    """Of a `.traj`, what is read; all other keys are skipped without making values of them."""

    history: Any = None
    info: Any = None
    replay_config: Any = None


PIECE = 1 << 16
DECODER = msgspec.json.Decoder(Record)
HISTORY = b'\n  "history": ['
"""How SWE-agent's layout begins the key: no text of JSON holds a line break, and two blanks are the outermost level."""


def part(path: Path) -> bytes:
    """Return the part of a `.traj` that a row is made from, as JSON: from `history` on, or all in another layout."""
    pieces: list[bytes] = []
    with path.open("rb", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:  # from the end, piece by piece
            begin = file.seek(max(0, end - PIECE))
            piece = file.read(end - begin)
            behind = pieces[-1][: len(HISTORY)] if pieces else b""
            pieces.append(piece)
            found = (piece + behind).rfind(HISTORY)
            if found >= 0:
                return b"{" + b"".join(reversed(pieces))[found:]
            end = begin
    return b"".join(reversed(pieces))


def read(data: bytes, where: str) -> Trajectory:
    """Return the trajectory in such a part, its patch still empty."""
    record = ondemand.decode(DECODER, data, where)
    history, info = record.history, {} if record.info is None else record.info
    if not isinstance(history, list) or not history:
        raise UnusableTrajectoryError("missing_history", f"{where}: the key 'history' holds no list of messages")
    if not isinstance(info, dict) or not all(isinstance(message, dict) for message in history):
        raise UnusableTrajectoryError("malformed_trajectory", "'info' or a message of 'history' is no object")
    counts: Counter[str] = Counter()
    turns = tuple(_turn(message, counts) for message in _part_of_the_agent(history, counts))
    check_roles(turns)
    counts["refused_answers"] = refused_answers(info, turns)
    return Trajectory(
        turns=turns,
        exit_status=optional_text(info, "exit_status"),
        engine=optional_text(info, "engine") or "sweagent",
        model=_model(record.replay_config),
        patch="",
        cost=cost_of(info),
        counts=counts,
    )


def _part_of_the_agent(history: list[dict[str, Any]], counts: Counter[str]) -> list[dict[str, Any]]:
    """Return the messages up to the agent's last turn, without demonstrations and without SWE-agent's own end."""
    messages = [message for message in history if not message.get("is_demo")]
    while messages and (messages[-1].get("role") != "assistant" or _is_artificial(messages[-1])):
        counts["engine_turns"] += messages.pop().get("role") == "assistant"
    if not messages:
        raise UnusableTrajectoryError("no_assistant_turn", "the history holds no turn of the agent")
    return messages


def _is_artificial(message: dict[str, Any]) -> bool:
    if message.get("tool_calls") or message.get("action"):
        return False
    return bool(ARTIFICIAL_END.match(text_of(message, Counter())))


def _turn(message: dict[str, Any], counts: Counter[str]) -> Turn:
    role = role_of(message)
    if role != "assistant":
        return Turn(role, text_of(message, counts), answers=_answers(message))
    count_thinking(message, counts)
    return Turn(
        role,
        text_of(message, counts),
        thought=optional_text(message, "thought"),
        action=optional_text(message, "action"),
        calls=calls_of(message),
    )


def _answers(message: dict[str, Any]) -> tuple[str, ...]:
    ids = message.get("tool_call_ids") or []
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        raise UnusableTrajectoryError("bad_tool_call", "'tool_call_ids' is no list of texts")
    return tuple(ids)


def _model(config: Any) -> str | None:
    """Return the model named in replay_config, which SWE-agent writes as a JSON string."""
    try:
        name = json.loads(config)["agent"]["model"]["name"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None
