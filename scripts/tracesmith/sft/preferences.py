"""Pairs of trajectories of one instance, a resolved and an unresolved one, for preference training."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tracesmith.sft import rowfiles


def pairs(paths: Sequence[Path], groups: set[str]) -> Iterator[dict[str, Any]]:
    """
    Yield {prompt, chosen, rejected} of the instances in the groups; each row is in one pair at most.

    The prompt is what both begin with. The rows of a file are sorted by instance, as conversion writes them.
    """
    merged = heapq.merge(*(rowfiles.read(path) for path in paths), key=lambda one: str(one[0]["instance_id"]))
    rows = (row for row, _ in merged if rowfiles.group_of(row) in groups)
    for name, found in groupby(rows, key=lambda row: str(row["instance_id"])):
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for row in found:
            if row.get("resolved") is not None:
                (good if row["resolved"] else bad).append(row)
        for one, other in zip(good, bad, strict=False):
            shared = _shared(one["messages"], other["messages"])
            yield {
                "prompt": one["messages"][:shared],
                "chosen": one["messages"][shared:],
                "rejected": other["messages"][shared:],
                "instance_id": name,
            }


def _shared(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> int:
    """Return how many messages both begin with, up to before a turn of the agent."""
    same = 0
    for left, right in zip(one, other, strict=False):
        if left != right or left["role"] == "assistant":
            break
        same += 1
    return same
