"""
The turns of a run as its page shows them, from the rows, which hold what the agent saw and said.

Each trajectory is packed by itself, so that a browser unpacks those that are looked at. Long texts are cut in their
middle, by so much that a page of a thousand trajectories still opens.
"""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracesmith.errors import InputError
from tracesmith.reports import visible

CHARACTERS = 20_000_000
"""Of all trajectories of a page; packed, texts take a third of that, hexadecimal dumps two thirds."""
FEWEST, MOST = 4_000, 400_000
"""Characters of one trajectory."""
SHORTEST = 200
"""No text is cut to fewer characters, even of a trajectory of many turns."""


class Packer:
    """Packs the trajectories of a file of rows, each cut to its share of what the page holds."""

    def __init__(self, path: Path) -> None:
        self._share = CHARACTERS / max(CHARACTERS, path.stat().st_size)
        self.packed: dict[str, list[str]] = defaultdict(list)
        """Of each instance, in the rows' order."""

    def add(self, row: dict[str, Any], where: str) -> None:
        """Pack the messages of a row. Raises InputError for messages that are none."""
        turns = [_turn(message, where) for message in _messages(row, where)]
        length = sum(len(turn["text"]) + len(turn["action"]) for turn in turns)
        if turns:
            most = min(MOST, max(FEWEST, int(length * self._share)))
            self.packed[row["instance_id"]].append(_packed(row, _cut(turns, most)))


def packed(text: str) -> str:
    """Return a text as gzip in base64, for a page to unpack when it is looked at."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode("ascii")


def _messages(row: dict[str, Any], where: str) -> list[dict[str, Any]]:
    messages = row.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise InputError(f"{where}: the key 'messages' must be a list of messages")
    return messages


def _turn(message: dict[str, Any], where: str) -> dict[str, str]:
    """Return a message as role, text and, of the agent's, the action behind its words."""
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls") or []
    if not isinstance(role, str) or not isinstance(content, str | None) or not isinstance(calls, list):
        raise InputError(f"{where}: a message has a text as role and as content, and a list as tool_calls")
    text, action = content or "", "\n".join(map(_call, calls))
    if role == "assistant" and not action:
        text, action = _split(text)
    return {"role": visible.line(role), "text": visible.text(text), "action": visible.text(action)}


def _call(call: Any) -> str:
    """Return a tool call as a name and its arguments, one a line, whatever is missing."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return json.dumps(call, ensure_ascii=False)
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError, RecursionError):
        arguments = {"": function["arguments"]}
    lines = [f"{key}: {value}" for key, value in arguments.items()] if isinstance(arguments, dict) else [arguments]
    return "\n".join(map(str, [function.get("name"), *lines]))


def _split(text: str) -> tuple[str, str]:
    """Return the words and the call of an agent's text: behind `<function=`, else in the last fence."""
    words, call, rest = text.partition("<function=")
    if not call and text.count("```") > 1:
        end = text.rstrip().rfind("```")
        begin = text.rfind("```", 0, end)
        words, rest = text[:begin], text[begin:]
    return words.rstrip(), call + rest


def _cut(turns: Sequence[dict[str, str]], most: int) -> list[dict[str, str]]:
    """Return turns whose texts are as long as all together may be, the longest ones cut."""
    lengths = sorted(len(turn[key]) for turn in turns for key in ("text", "action"))
    left, limit = most, 0
    for place, length in enumerate(lengths):  # water fills the short ones first
        limit = left // (len(lengths) - place)
        if length > limit:
            break
        left -= length
        limit = length
    limit = max(SHORTEST, limit)
    return [turn | {key: _middle_cut(turn[key], limit) for key in ("text", "action")} for turn in turns]


def _middle_cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[len(text) - limit // 3 :]
    return f"{head}\n[… {len(text) - len(head) - len(tail):,} characters are left out here …]\n{tail}"


def _packed(row: dict[str, Any], turns: list[dict[str, str]]) -> str:
    extras = row.get("tracesmith") or {}
    shown = {"status": extras.get("exit_status"), "resolved": row.get("resolved"), "turns": turns}
    return packed(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
