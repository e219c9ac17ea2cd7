"""
The ledger: one line of JSON for every call, no prompt and no key in it.

It is the only account of money: what was spent is the sum of its lines, so nothing can drift from it.
"""

import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec

from tracesmith import files
from tracesmith.llm.answers import Entry

NEEDED = {"stage", "outcome", "cost_usd", "call"}
"""Keys of an entry without which a line is none."""
ALL = ""
"""The account of everything, beside those of the stages."""


def stamp(seconds: float) -> str:
    """Return a time as the ledger writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def parse(line: bytes) -> Entry | None:
    """Return the entry of a line, or None for a line that a kill tore."""
    try:
        entry = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return cast(Entry, entry) if isinstance(entry, dict) and entry.keys() >= NEEDED else None


class Ledger:
    """A file of entries; append and refresh are called under the budget's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent: dict[str, float] = defaultdict(float)
        """USD by stage, and of ALL, as of the last refresh."""
        self.calls: set[str] = set()
        """Paid calls that have their line."""
        self._read = 0

    def append(self, entry: Entry, durable: bool = True) -> None:
        """Write one line with one write, on a line of its own even after a torn one, and wait for the disk."""
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" * torn + files.json_line(entry))
            if durable:
                os.fsync(file)
        finally:
            os.close(file)

    def refresh(self) -> None:
        """Add up the lines that were written since the last time; a torn line, left by a kill, does not count."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._add(line)

    def _add(self, line: bytes) -> None:
        entry = parse(line)
        if entry is None:
            return
        if entry["outcome"] != "cached":
            self.spent[ALL] += entry["cost_usd"] or 0.0
            self.spent[entry["stage"]] += entry["cost_usd"] or 0.0
        if entry["outcome"] == "paid":
            self.calls.add(entry["call"])
