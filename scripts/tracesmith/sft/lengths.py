"""
Rows that are longer than a model's context: dropped, split, or an error; never cut.

A row that is split becomes several. Each begins with the system message and the task, and each turn of the agent stands
in exactly one. What the agent saw right before a part's first turn is put below the task.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith.errors import InputError
from tracesmith.sft import tokens

DROP, SPLIT, ERROR = "drop", "split", "error"
POLICIES = (DROP, SPLIT, ERROR)
LEFT_OUT = "(Earlier turns are left out.)"
Messages = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Limit:
    """How long a row may be."""

    max_seq_len: int
    tokenizer: Path
    """Folder of the training tokenizer."""
    template: str = tokens.AUTO
    policy: str = DROP


class TooLongError(Exception):
    """A part of a row does not fit; its reason is counted."""


class Fitter:
    """Makes rows fit."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.counter = tokens.Counter(limit.tokenizer, limit.template)

    def fitted(self, row: dict[str, Any], where: str) -> list[dict[str, Any]]:
        """Return the row or its parts, with counts of tokens. Raises TooLongError where it is to be dropped."""
        tools = (row.get("tracesmith") or {}).get("tools")
        total = self._known(row)
        if total is None:
            total = self.counter.count(row["messages"], tools)
        if total <= self.limit.max_seq_len:
            return [_with(row, row["messages"], self.counter.template, total)]
        if self.limit.policy == ERROR:
            raise InputError(
                f"{where}: {row['instance_id']} has {total} tokens, max_seq_len is {self.limit.max_seq_len}"
            )
        if self.limit.policy == DROP:
            raise TooLongError("over_length")
        found, turn = [], 0
        parts = list(self._parts(row["messages"], tools))
        for number, (messages, count) in enumerate(parts, start=1):
            found.append(_with(row, messages, self.counter.template, count, (number, len(parts)), turn))
            turn += sum(message["role"] == "assistant" for message in messages)
        return found

    def _known(self, row: dict[str, Any]) -> int | None:
        extras = row.get("tracesmith") or {}
        if (extras.get("provenance") or {}).get("tokenizer") != self.counter.digest:
            return None
        found = (extras.get("tokens") or {}).get(self.counter.template)
        return found if isinstance(found, int) else None

    def _parts(self, messages: Messages, tools: Any) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Yield parts, each as long as it may be, with their counts; every part is counted whole."""
        starts = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
        ends = [*starts[1:], len(messages)]
        first = 0
        while first < len(starts):
            low, high, best = first + 1, len(starts), 0
            fits: tuple[list[dict[str, Any]], int] | None = None
            while low <= high:
                middle = (low + high) // 2
                part = _part(messages, starts[first], ends[middle - 1])
                count = self.counter.count(part, tools)
                if count <= self.limit.max_seq_len:
                    fits, best, low = (part, count), middle, middle + 1
                else:
                    high = middle - 1
            if fits is None:
                raise TooLongError("turn_over_length")
            yield fits
            first = best


def part_again(row: dict[str, Any], part: dict[str, int], turns: int) -> dict[str, Any]:
    """Return a part of a row, of so many turns of the agent, as its key `part` tells; tokens uncounted."""
    starts = [at for at, message in enumerate(row["messages"]) if message["role"] == "assistant"]
    ends = [*starts[1:], len(row["messages"])]
    first = part["first_turn"]
    messages = _part(row["messages"], starts[first], ends[first + turns - 1])
    return _with(row, messages, "", 0, (part["number"], part["of"]), first)


def _part(messages: Messages, start: int, end: int) -> list[dict[str, Any]]:
    """Return the head of a row with the messages from one turn of the agent to before another."""
    while messages[end - 1]["role"] != "assistant":  # what answers the last turn is in the next part
        end -= 1
    head = next(at for at, message in enumerate(messages) if message["role"] == "assistant")
    if start == head:
        return list(messages[:end])
    seen = start
    while messages[seen - 1]["role"] not in ("assistant", "system"):
        seen -= 1
    observed = [message["content"] for message in messages[seen:start]]
    task = {**messages[head - 1], "content": "\n\n".join([messages[head - 1]["content"], LEFT_OUT, *observed])}
    return [*messages[: head - 1], task, *messages[start:end]]


def _with(
    row: dict[str, Any],
    messages: Messages,
    template: str,
    count: int,
    part: tuple[int, int] | None = None,
    first: int = 0,
) -> dict[str, Any]:
    extras = {**(row.get("tracesmith") or {}), "tokens": {template: count}}
    if part is None:
        return {**row, "tracesmith": extras}
    number, parts = part
    extras["part"] = {"number": number, "of": parts, "first_turn": first}
    turns = sum(message["role"] == "assistant" for message in messages)
    for key in ("error_turns", "masked_turns"):
        if key in extras:
            extras[key] = [turn - first for turn in extras[key] if first <= turn < first + turns]
    return {**row, "messages": list(messages), "traj_id": f"{row['traj_id']}.{number}of{parts}", "tracesmith": extras}
