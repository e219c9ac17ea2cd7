"""Answers: what a model said, stored before anybody sees it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from tracesmith import files
from tracesmith.stores import ENTRY, Store


@dataclass(frozen=True)
class Usage:
    """Tokens of one call."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Tokens of the prompt that the provider read from its own cache."""


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants called; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """A model's answer to one request."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    cost: float | None
    """USD that were paid for it once; None where the model has no price."""
    cached: bool
    """Whether it was in the store already, and cost nothing now."""
    finish_reason: str
    response: dict[str, Any]
    """The whole answer in OpenAI's format."""


class Entry(TypedDict):
    """A line of the ledger."""

    at: str
    call: str
    """Names the paid call: an answer that is used again keeps it."""
    outcome: str
    """paid; cached; lost: no whole answer came, the prompt may be billed; killed: the asking process died meanwhile."""
    stage: str
    instance: str | None
    sample: int
    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_usd: float | None
    attempts: int
    seconds: float
    key: str


class Record(TypedDict):
    """What is stored of a call."""

    entry: Entry
    response: dict[str, Any]


class Answers:
    """The store of answers, in 256 folders, by the fingerprint of their request."""

    def __init__(self, folder: Path) -> None:
        self._stores = {f"{number:02x}": Store(folder / f"{number:02x}") for number in range(256)}

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Hold the right to ask, waiting for whoever asks the same now."""
        with self._store(key).claim(key):
            yield

    def read(self, key: str) -> Record | None:
        """Return a stored answer, or None."""
        store = self._store(key)
        if not store.holds(key, key):
            return None
        record: Record = files.read_json(store.folder(key) / ENTRY)
        return record

    def write(self, key: str, record: Record) -> None:
        """Store an answer and wait for the disk; hold the claim while calling."""
        store = self._store(key)
        with store.replace(key, key, dict(record)):
            pass
        with (store.folder(key) / ENTRY).open("rb") as file:
            os.fsync(file.fileno())

    def _store(self, key: str) -> Store:
        return self._stores[key[:2]]


def read_answer(record: Record, cached: bool) -> Answer:
    """Return the answer of a stored record."""
    choice = record["response"]["choices"][0]
    message, entry = choice["message"], record["entry"]
    calls = [
        ToolCall(call.get("id") or "", call["function"]["name"], call["function"].get("arguments") or "")
        for call in message.get("tool_calls") or ()
    ]
    return Answer(
        text=files.without_halves(message.get("content") or ""),
        tool_calls=tuple(calls),
        usage=Usage(entry["prompt_tokens"], entry["completion_tokens"], entry["cached_tokens"]),
        cost=entry["cost_usd"],
        cached=cached,
        finish_reason=choice.get("finish_reason") or "",
        response=record["response"],
    )
